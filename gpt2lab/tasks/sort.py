"""Sort: write the letters in alphabetical order.

    hcabbgaf>aabbcfgh

The answer does not depend on where a letter stands, only on how often it occurs.
"""

from __future__ import annotations

from torch import Tensor

from gpt2lab.tasks.reverse import Reverse


class Sort(Reverse):
    """``n_letters`` letters (repeats allowed), ``>``, the same letters in order."""

    name = "sort"
    summary = "write the letters in alphabetical order"

    def answer(self, letters: Tensor) -> Tensor:
        return letters.sort(dim=1).values
