"""One training step of the 0.9 M model, B=16, T=128: ours against transformers'.

A step is forward, cross-entropy, backward, AdamW and zero_grad; the loss is the same function of
the logits for both, transformers' cache is switched off, dropout is 0.
"""

from __future__ import annotations

import sys

import torch
import torch.nn.functional as F
from _models import SMALL, both, prompt
from _timing import compare, provenance, report


def stepper(model: torch.nn.Module, logits_of, tokens: torch.Tensor):
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
    origin = provenance("transformers")
    tokens = prompt(SMALL, 16, 128)
    ours, theirs = both(SMALL)
    row = compare(
        "training step, 0.9 M, B=16, T=128",
        stepper(ours, ours, tokens),
        stepper(theirs, lambda tokens: theirs(tokens, use_cache=False).logits, tokens),
        target=1.05,
        pairs=31,
    )
    return report("training_step", [row], origin, n_parameters=ours.n_parameters())


if __name__ == "__main__":
    sys.exit(main())
