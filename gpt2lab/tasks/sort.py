"""Sort: write the letters in alphabetical order.

    hcabbgaf>aabbcfgh

The answer does not depend on where a letter stands, only on how often it occurs.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gpt2lab.tasks.reverse import Reverse


class Sort(Reverse):
    """``n_letters`` letters (repeats allowed), ``>``, the same letters in order."""

    name = "sort"
    summary = "write the letters in alphabetical order"

    def answer(self, letters: Tensor) -> Tensor:
        return letters.sort(dim=1).values

    def sources(self, tokens: Tensor) -> Tensor:
        """As in ``Reverse``; equal letters are equally good, so several may be True in a row."""
        n, T = tokens.shape
        letters = tokens[:, : self.n_letters]  # (n, n_letters)
        following = torch.cat([tokens[:, :1], self.answer(letters)], dim=1)[:, : T - self.n_letters + 1]
        out = torch.zeros(n, T, T, dtype=torch.bool)
        out[:, self.n_letters :, : self.n_letters] = following[:, 1:, None] == letters[:, None]
        return out
