"""One training step of the 0.9 M model, B=16, T=128: ours, transformers' and the plainest program.

    gpt2lab bench training_step [--quick]

A step is forward, cross-entropy, backward, AdamW and zero_grad; the loss is the same function of
the logits for all, transformers' cache is switched off, dropout is 0. The steps are timed in turn with
the matrix products of a step alone. How near each comes to those, and where the rest of its time
goes, stands below the table.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import torch
import torch.nn.functional as F
from _models import SMALL, TINY, both, plain, prompt
from _products import products
from _speed import measure
from _timing import PAIRS, arguments, provenance, report
from torch import Tensor, nn

ROUNDS = 31


def stepper(model: nn.Module, logits_of: Callable[[Tensor], Tensor], tokens: Tensor) -> Callable[[], None]:
    """A function that trains the model for one step."""
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)

    def step() -> None:
        logits = logits_of(tokens)  # (B, T, vocab_size)
        loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def main() -> int:
    options = arguments(__doc__, quick=True)
    origin = provenance("transformers")
    config, B, T = (TINY, 2, 32) if options.quick else (SMALL, 16, 128)
    tokens = prompt(config, B, T)
    ours, theirs = both(config)
    plainest = plain(ours)
    rows, facts = measure(
        f"training step, {ours.n_parameters() / 1e6:.3g} M, B={B}, T={T}",
        {
            "ours": stepper(ours, ours, tokens),
            "transformers": stepper(theirs, lambda tokens: theirs(tokens, use_cache=False).logits, tokens),
            "plain": stepper(plainest, plainest, tokens),
        },
        products(ours, B, T, backward=True),
        targets={"transformers": 1.05, "plain": 0.95},
        rounds=PAIRS if options.quick else ROUNDS,
    )
    return report("training_step", rows, origin, options.quick, n_parameters=ours.n_parameters(), **facts)


if __name__ == "__main__":
    sys.exit(main())
