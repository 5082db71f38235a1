"""Induction: a stretch of random letters comes twice. What comes next in the repeat?

    qtv ghxalm ghxalm be      (without the spaces)

Where the stretch begins and how long it is changes from sequence to sequence, so counting positions
does not help. The way to do it: find the previous occurrence of the current letter and copy the
letter after it. That takes two steps (look at the letter before; compare), hence two layers.

Source: Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits"; Olsson et al. 2022,
"In-context Learning and Induction Heads" (the repeated random tokens).
"""

from __future__ import annotations

import string

import torch
from torch import Tensor

from gpt2lab.tasks.base import Task, draw_split, word_encoding


class Induction(Task):
    """Some letters, a stretch of p letters, the stretch again, some letters more.

    All letters but the repeat are different. Scored are the letters of the repeat but the first,
    which nothing foretells.
    """

    name = "induction"
    summary = "repeat a stretch of random letters: find the previous occurrence, copy what followed it"
    metric = "token_accuracy"

    def __init__(self, length: int = 24, shortest: int = 4, longest: int = 10) -> None:
        letters = string.ascii_lowercase
        if not 2 <= shortest <= longest <= length // 2 or length + 1 - shortest > len(letters):
            raise ValueError(f"a stretch of {shortest} to {longest} letters must fit twice into {length}")
        self.encoding = word_encoding("induction", list(letters))
        self.length, self.shortest, self.longest = length, shortest, longest

    def sequences(self, n: int, generator: torch.Generator, split: str) -> tuple[Tensor, Tensor]:
        T = self.length
        place = torch.arange(T + 1)

        def make(m: int) -> Tensor:
            # Sorting random numbers gives each row its own order of all letters.
            letters = torch.rand(m, self.encoding.n_vocab - 1, generator=generator).argsort(dim=1)
            period = torch.randint(self.shortest, self.longest + 1, (m, 1), generator=generator)
            start = (torch.rand(m, 1, generator=generator) * (T + 2 - 2 * period)).long()  # of the stretch
            first_time = torch.where(place < start + period, place, place - period)  # (m, T + 1)
            return torch.cat([letters.gather(1, first_time), start + period, period], dim=1)  # (m, T + 3)

        rows = draw_split(make, n, split)
        tokens, repeat, period = rows.split([T + 1, 1, 1], dim=1)
        return tokens, (place > repeat) & (place < repeat + period)

    @staticmethod
    def source_positions(tokens: Tensor) -> Tensor:
        """Where an induction head should look: for each position, the one after the previous
        occurrence of its token, or -1 if there is none. (B, T) -> (B, T)."""
        same = tokens[:, :, None] == tokens[:, None, :]  # (B, T_query, T_key)
        earlier = same & torch.ones_like(same[0]).tril(-1)
        T = tokens.shape[1]
        last = torch.where(earlier, torch.arange(T, device=tokens.device), -2).amax(dim=2)  # (B, T)
        return last + 1
