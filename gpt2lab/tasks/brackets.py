"""Brackets: close everything that is still open, in the right order.

    ([]{(>)})

Each closing bracket matches one opening bracket, so the attention while answering can be right
or wrong. Source of the language: Chomsky and Schützenberger 1963 (Dyck words).
"""

from __future__ import annotations

import torch
from torch import Tensor

from gpt2lab.tasks.base import Task, word_encoding
from gpt2lab.tasks.drawing import draw_split

PAIRS = ("()", "[]", "{}")


class Brackets(Task):
    """4 to 16 brackets of three kinds, ``>``, the missing closing brackets, ``<|endoftext|>``."""

    name = "brackets"
    summary = "close every open bracket, in the right order"

    def __init__(self, shortest: int = 4, longest: int = 16, deepest: int = 6) -> None:
        opening, closing = zip(*PAIRS, strict=True)
        self.encoding = word_encoding("brackets", [*opening, *closing, ">"])
        self.shortest, self.longest, self.deepest = shortest, longest, deepest
        # Longest prefix, ">", its closing brackets; the end is a target only.
        self.length = longest + 1 + deepest

    def sequences(self, n: int, generator: torch.Generator, split: str) -> tuple[Tensor, Tensor]:
        rows = draw_split(lambda m: self._draw(m, generator), n, split)
        sign = (rows == self.encoding.encode_single_token(">")).int().cumsum(dim=1)  # 0 before ">", then 1
        ended = (rows == self.end).int().cumsum(dim=1)  # 1 at the end sign, more in the padding
        answer = (sign.roll(1, dims=1) == 1) & (ended <= 1)
        answer[:, 0] = False
        return rows, answer

    def _draw(self, n: int, generator: torch.Generator) -> Tensor:
        """One step per position for all rows at once, each row with its own stack of open brackets."""
        K = len(PAIRS)
        length = torch.randint(self.shortest, self.longest + 1, (n,), generator=generator)
        kind = torch.randint(K, (n, self.longest), generator=generator)
        opens = torch.rand(n, self.longest, generator=generator) < 0.55
        stack, depth = torch.zeros(n, self.deepest + 1, dtype=torch.long), torch.zeros(n, dtype=torch.long)
        every, columns = torch.arange(n), []
        for t in range(self.length + 1):
            inside = t < length
            top = stack[every, (depth - 1).clamp(min=0)]
            push = inside & (depth < self.deepest)
            if t < self.longest:
                push &= (depth == 0) | opens[:, t]
            pop = ~push & (depth > 0) & (t != length)
            new = kind[:, min(t, self.longest - 1)]
            token = torch.where(push, new, torch.where(pop, top + K, self.end))
            columns.append(torch.where(length == t, 2 * K, token))
            stack[every, depth] = torch.where(push, new, stack[every, depth])
            depth = depth + push.long() - pop.long()
        return torch.stack(columns, dim=1)  # (n, T + 1)

    def opener_positions(self, tokens: Tensor) -> Tensor:
        """For each position that is followed by a closing bracket of the answer, where its opening
        bracket stands; -1 elsewhere. (B, T) -> (B, T)."""
        out = torch.full_like(tokens, -1)
        for b, row in enumerate(tokens.tolist()):
            stack: list[int] = []
            answering = False
            for t, token in enumerate(row):
                if token < len(PAIRS):
                    stack.append(t)
                elif token < 2 * len(PAIRS) and stack:
                    stack.pop()
                answering |= token == 2 * len(PAIRS)
                if answering and stack:
                    out[b, t] = stack[-1]
        return out
