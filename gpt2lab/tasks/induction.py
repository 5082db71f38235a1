"""Induction: random letters, then a stretch of them once more. What comes next in the repeat?

    qtvb ghxalm ghxalm      (without the spaces)

Where the repeated stretch begins and how long it is changes from sequence to sequence, so counting
positions does not help. The way to do it: find the previous occurrence of the current letter and
copy the letter after it. That takes two steps (look at the letter before; compare), hence two layers.

Source: Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits"; Olsson et al. 2022,
"In-context Learning and Induction Heads" (the repeated random tokens).
"""

from __future__ import annotations

import string

import torch
from torch import Tensor

from gpt2lab.tasks.base import Task, draw_split, word_encoding


class Induction(Task):
    """Prefix of ``T + 1 - 2p`` letters, a stretch of p letters, the stretch again; p is random.

    All letters before the repeat are different. Scored are the letters of the repeat but the
    first, which nothing foretells.
    """

    name = "induction"
    summary = "repeat a stretch of random letters: find the previous occurrence, copy what followed it"
    metric = "token_accuracy"

    def __init__(self, length: int = 20, shortest: int = 4, longest: int = 10) -> None:
        self.encoding = word_encoding("induction", list(string.ascii_lowercase))
        if not 2 <= shortest <= longest <= length // 2 or length + 1 - shortest > len(string.ascii_lowercase):
            raise ValueError(f"the stretch of {shortest} to {longest} letters must fit twice into {length}")
        self.length, self.shortest, self.longest = length, shortest, longest

    def sequences(self, n: int, generator: torch.Generator, split: str) -> tuple[Tensor, Tensor]:
        T = self.length

        def make(m: int) -> Tensor:
            # Sorting random numbers gives each row its own order of all letters.
            letters = torch.rand(m, len(string.ascii_lowercase), generator=generator).argsort(dim=1)
            period = torch.randint(self.shortest, self.longest + 1, (m, 1), generator=generator)
            place = torch.arange(T + 1).expand(m, -1)  # (m, T + 1)
            first = torch.where(place < T + 1 - period, place, place - period)
            return torch.cat([letters.gather(1, first), period], dim=1)  # (m, T + 2)

        rows = draw_split(make, n, split)
        tokens, period = rows[:, :-1], rows[:, -1:]
        return tokens, torch.arange(T + 1) > T + 1 - period

    @staticmethod
    def source_positions(tokens: Tensor) -> Tensor:
        """Where an induction head should look: for each position, the one after the previous
        occurrence of its token, or -1 if there is none. (B, T) -> (B, T)."""
        same = tokens[:, :, None] == tokens[:, None, :]  # (B, T_query, T_key)
        earlier = same & torch.ones_like(same[0]).tril(-1)
        T = tokens.shape[1]
        last = torch.where(earlier, torch.arange(T, device=tokens.device), -2).amax(dim=2)  # (B, T)
        return last + 1
