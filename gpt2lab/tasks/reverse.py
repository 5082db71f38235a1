"""Reverse: write the letters backwards.

    hcabbgaf>fagbbach

The answer depends on *where* each letter stands. Without positions the model knows only which
letters there are (and what the causal mask lets it guess about their order).
"""

from __future__ import annotations

import torch
from torch import Tensor

from gpt2lab.tasks.base import Task, word_encoding
from gpt2lab.tasks.drawing import draw_split


class Reverse(Task):
    """``n_letters`` letters, ``>``, the same letters from the last to the first."""

    name = "reverse"
    summary = "write the letters backwards"

    def __init__(self, n_letters: int = 8, alphabet: str = "abcdefghijklmnop") -> None:
        self.n_letters = n_letters
        self.encoding = word_encoding(self.name, [*alphabet, ">"])
        self.alphabet = len(alphabet)
        self.length = 2 * n_letters

    def answer(self, letters: Tensor) -> Tensor:
        """The rule: (n, n_letters) -> (n, n_letters)."""
        return letters.flip(1)

    def sources(self, tokens: Tensor) -> Tensor:
        """Where the letter stands that is to be written next.

        Parameters
        ----------
        tokens : (n, T) letters, sign and answer

        Returns
        -------
        (n, T_query, T_key) bool
            True at the one letter that the next token is a copy of; all False before the sign.
        """
        n, T = tokens.shape
        query, key = torch.arange(T)[:, None], torch.arange(T)[None]
        mirror = (query >= self.n_letters) & (key == 2 * self.n_letters - 1 - query)  # (T_query, T_key)
        return mirror.expand(n, T, T)

    def sequences(self, n: int, generator: torch.Generator, split: str) -> tuple[Tensor, Tensor]:
        def make(m: int) -> Tensor:
            return torch.randint(self.alphabet, (m, self.n_letters), generator=generator)

        letters = draw_split(make, n, split)  # (n, n_letters)
        sign = torch.full((n, 1), self.encoding.encode_single_token(">"))
        tokens = torch.cat([letters, sign, self.answer(letters)], dim=1)  # (n, T + 1)
        return tokens, (torch.arange(self.length + 1) > self.n_letters).expand(n, -1)
