"""One forward pass at the size of GPT-2 small, T=128: ours against transformers'."""

from __future__ import annotations

import sys

import torch
from _models import GPT2_SMALL, both, prompt
from _timing import compare, provenance, report


@torch.inference_mode()
def main() -> int:
    origin = provenance("transformers")
    tokens = prompt(GPT2_SMALL, 1, 128)
    ours, theirs = both(GPT2_SMALL)
    row = compare(
        "forward, 124 M, B=1, T=128",
        lambda: ours(tokens),
        lambda: theirs(tokens, use_cache=False).logits,
        target=1.0,
        pairs=31,
    )
    return report("forward", [row], origin, n_parameters=ours.n_parameters())


if __name__ == "__main__":
    sys.exit(main())
