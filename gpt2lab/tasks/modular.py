"""Modular addition: the arithmetic of a clock.

    28+7=4        (modulo 31)

There are few cases, so all can be listed: a model can memorise the training cases and still fail on
the others. Held out are whole pairs: if 28+7 is held out, so is 7+28.

Source: Power et al. 2022, "Grokking"; Nanda et al. 2023, "Progress measures for grokking".
"""

from __future__ import annotations

import torch
from torch import Tensor

from gpt2lab.tasks.base import Task, word_encoding
from gpt2lab.tasks.drawing import is_held_out


class ModularAddition(Task):
    """``a+b=c`` with c = (a + b) mod ``modulus``; every number is one token."""

    name = "modular"
    summary = "add two numbers modulo 31"

    def __init__(self, modulus: int = 31) -> None:
        self.modulus = modulus
        self.encoding = word_encoding("modular", [*map(str, range(modulus)), "+", "="])
        self.length = 4
        pairs = torch.cartesian_prod(torch.arange(modulus), torch.arange(modulus))  # (modulus², 2)
        held_out = is_held_out(pairs.sort(dim=1).values, one_in=5)
        self.pairs = {"train": pairs[~held_out], "held_out": pairs[held_out]}
        self.n_train = len(self.pairs["train"])

    def sequences(self, n: int, generator: torch.Generator, split: str) -> tuple[Tensor, Tensor]:
        pairs = self.pairs[split]
        chosen = pairs[torch.randperm(len(pairs), generator=generator)[:n]]  # without repeats
        if n > len(pairs):  # only an evaluation may ask for more than there are: it gets all
            n = len(pairs)
        plus, equals = (torch.full((n,), self.modulus + i) for i in range(2))
        a, b = chosen.unbind(dim=1)
        tokens = torch.stack([a, plus, b, equals, (a + b) % self.modulus], dim=1)  # (n, 5)
        return tokens, torch.tensor([False, False, False, False, True]).expand(n, -1)
