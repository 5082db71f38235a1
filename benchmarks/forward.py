"""One forward pass at the size of GPT-2 small, T=128: ours, transformers' and the plainest program.

    gpt2lab bench forward [--quick]

All three have the same weights and are timed in turn with the matrix products of the pass alone.
How near each comes to those, and where the rest of its time goes, stands below the table.
"""

from __future__ import annotations

import sys

import torch
from _models import GPT2_SMALL, TINY, both, plain, prompt
from _products import products
from _speed import measure
from _timing import PAIRS, arguments, provenance, report

ROUNDS = 31


@torch.inference_mode()
def main() -> int:
    options = arguments(__doc__, quick=True)
    origin = provenance("transformers")
    config, T = (TINY, 32) if options.quick else (GPT2_SMALL, 128)
    tokens = prompt(config, 1, T)
    ours, theirs = both(config)
    plainest = plain(ours)
    rows, facts = measure(
        f"forward, {ours.n_parameters() / 1e6:.3g} M, B=1, T={T}",
        {
            "ours": lambda: ours(tokens),
            "transformers": lambda: theirs(tokens, use_cache=False).logits,
            "plain": lambda: plainest(tokens),
        },
        products(ours, 1, T),
        targets={"transformers": 1.0, "plain": 0.95},
        rounds=PAIRS if options.quick else ROUNDS,
    )
    return report("forward", rows, origin, options.quick, n_parameters=ours.n_parameters(), **facts)


if __name__ == "__main__":
    sys.exit(main())
