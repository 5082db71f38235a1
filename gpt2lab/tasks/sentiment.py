"""Sentiment: three judgements and their overall polarity.

    the food was not good but the room was lovely and the staff was great => positive

The rule is known: each clause counts +1 or -1 by its adjective, "not" flips its sign, and the sign of
the sum is the answer. With three clauses there is no tie. Real sentiment has no such rule; because this
task has one, it shows when a model is right for the wrong reason.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gpt2lab.errors import InputError
from gpt2lab.tasks.base import Task, word_encoding
from gpt2lab.tasks.drawing import close_gaps, draw_split

SUBJECTS = "food room staff film music view bed price story sound".split()
GOOD = "good lovely great kind fresh warm clever bright".split()
BAD = "bad awful dull rude stale cold silly dark".split()
JOINTS = [" and", " but"]


class Sentiment(Task):
    """One scored token: `` positive`` or `` negative``."""

    name = "sentiment"
    summary = 'weigh three judgements, minding "not"'

    def __init__(self, n_clauses: int = 3) -> None:
        if n_clauses % 2 == 0:
            raise InputError(f"n_clauses must be odd, so that there is no tie, got {n_clauses}")
        content = [f" {word}" for word in SUBJECTS + GOOD + BAD]
        frame = ["the", " the", " was", " not", *JOINTS, " =>", " positive", " negative"]
        self.encoding = word_encoding("sentiment", [*frame, *content])
        self.n_clauses = n_clauses
        self.length = 6 * n_clauses  # "and the food was not good": at most 6 tokens a clause, the first has 5

    def sequences(self, n: int, generator: torch.Generator, split: str) -> tuple[Tensor, Tensor]:
        one, C = self.encoding.encode_single_token, self.n_clauses

        def make(m: int) -> Tensor:
            parts = [len(SUBJECTS), len(GOOD) + len(BAD), 2, len(JOINTS)]
            columns = [torch.randint(size, (m, C), generator=generator) for size in parts]
            return torch.cat(columns, dim=1)  # (m, 4C)

        rows = draw_split(make, n, split)
        subject, adjective, negated, joint = rows.split(C, dim=1)  # 4 × (n, C)
        score = ((1 - 2 * (adjective >= len(GOOD)).long()) * (1 - 2 * negated)).sum(dim=1)  # (n,)
        # Write every clause with room for "not", then close the gaps where there is none.
        gap = -1
        wide = torch.full((n, 6 * C + 2), gap)
        for c in range(C):
            at = 6 * c
            wide[:, at] = gap if c == 0 else one(JOINTS[0]) + joint[:, c]
            wide[:, at + 1] = one("the") if c == 0 else one(" the")
            wide[:, at + 2] = one(f" {SUBJECTS[0]}") + subject[:, c]
            wide[:, at + 3] = one(" was")
            wide[:, at + 4] = torch.where(negated[:, c] == 1, one(" not"), gap)
            wide[:, at + 5] = one(f" {GOOD[0]}") + adjective[:, c]
        wide[:, -2] = one(" =>")
        wide[:, -1] = torch.where(score > 0, one(" positive"), one(" negative"))
        tokens, lengths = close_gaps(wide, self.end, self.length + 1)
        return tokens, torch.arange(self.length + 1) == lengths - 1
