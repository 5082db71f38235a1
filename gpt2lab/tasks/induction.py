"""Induction: a segment of random letters is repeated in shuffled pieces; continue each piece.

    c jpghkalmbeqr lmb eqr gh jp ka      (without the spaces)

The letters, the cuts and the order of the pieces change from sequence to sequence, so fixed position
offsets do not help. The solution is to find the previous occurrence of the current letter and to copy
the letter after it. That takes two steps (attend to the previous token; match), hence two layers.

Source: Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits"; Olsson et al. 2022,
"In-context Learning and Induction Heads" (the repeated random tokens).
"""

from __future__ import annotations

import string

import torch
from torch import Tensor

from gpt2lab.errors import InputError
from gpt2lab.tasks.base import Task, word_encoding
from gpt2lab.tasks.drawing import draw_split


class Induction(Task):
    """Some letters, a segment of p different letters, the same letters again in shuffled pieces.

    Scored are the letters that continue a piece; the first of each piece cannot be predicted.
    """

    name = "induction"
    summary = "find the previous occurrence of this letter, copy the letter that followed it"
    metric = "token_accuracy"

    def __init__(self, length: int = 24, shortest: int = 12, longest: int = 12) -> None:
        letters = string.ascii_lowercase
        if not 2 <= shortest <= longest <= length // 2 or length + 1 - shortest > len(letters):
            raise InputError(f"a segment of {shortest} to {longest} letters must fit twice into {length}")
        self.encoding = word_encoding("induction", list(letters))
        self.length, self.shortest, self.longest = length, shortest, longest

    def sequences(self, n: int, generator: torch.Generator, split: str) -> tuple[Tensor, Tensor]:
        T = self.length
        place = torch.arange(T + 1)

        def make(m: int) -> Tensor:
            # Sorting random numbers gives each row its own permutation of the letters.
            letters = torch.rand(m, self.encoding.n_vocab - 1, generator=generator).argsort(dim=1)
            period = torch.randint(self.shortest, self.longest + 1, (m, 1), generator=generator)
            repeat = T + 1 - period  # where the pieces begin, (m, 1)
            # Probability of a cut before each letter, per row: 0.2 to 0.5.
            often = 0.2 + 0.3 * torch.rand(m, 1, generator=generator)
            cut = (torch.rand(m, T + 1, generator=generator) < often) | (place == repeat)
            piece = cut.long().cumsum(dim=1)  # (m, T + 1)
            rank = torch.rand(m, T + 2, generator=generator).argsort(dim=1).gather(1, piece)
            shuffled = torch.where(place < repeat, place, (T + 2) * (rank + 1) + place)
            order = shuffled.argsort(dim=1)  # (m, T + 1)
            source = torch.where(order < repeat, order, order - period)
            return torch.cat([letters.gather(1, source), cut.gather(1, order), repeat], dim=1)  # (m, 2T + 3)

        tokens, starts, repeat = draw_split(make, n, split, key=lambda rows: rows[:, : T + 1]).split(
            [T + 1, T + 1, 1], dim=1
        )
        return tokens, (place > repeat) & (starts == 0)

    @staticmethod
    def source_positions(tokens: Tensor) -> Tensor:
        """Where an induction head should attend: for each position, the one after the previous
        occurrence of its token, or -1 if there is none. (B, T) -> (B, T)."""
        same = tokens[:, :, None] == tokens[:, None, :]  # (B, T_query, T_key)
        earlier = same & torch.ones_like(same[0]).tril(-1)
        T = tokens.shape[1]
        last = torch.where(earlier, torch.arange(T, device=tokens.device), -2).amax(dim=2)  # (B, T)
        return last + 1
