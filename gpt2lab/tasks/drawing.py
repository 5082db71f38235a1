"""Helpers that draw the cases of a task: the split into training and held-out cases, and padding."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Bool, Int
from torch import Tensor


def is_held_out(rows: Int[Tensor, "n k"], one_in: int = 10) -> Bool[Tensor, " n"]:
    """Which rows belong to the held-out split: about one in ``one_in``, by a hash of the content.

    The same content is always in the same split, on every machine and for every seed.
    """
    prime = 2**31 - 1
    factors = torch.tensor([pow(1_000_003, i + 1, prime) for i in range(rows.shape[1])])  # (k,)
    return ((rows + 1) * factors % prime).sum(dim=1) % prime % one_in == 0


def draw_split(
    make: Callable[[int], Tensor],
    n: int,
    split: str,
    key: Callable[[Tensor], Tensor] | None = None,
    one_in: int = 10,
) -> Tensor:
    """Draw rows until n of them belong to the split.

    Parameters
    ----------
    make : function
        ``make(m)`` draws m rows (m, k).
    key : function, optional
        The part of a row that decides its split, (m, k) -> (m, j); the whole row by default.
    """
    kept: list[Tensor] = []
    while (missing := n - sum(map(len, kept))) > 0:
        rows = make(2 * missing * (one_in if split == "held_out" else 1))
        held_out = is_held_out(rows if key is None else key(rows), one_in)
        kept.append(rows[held_out if split == "held_out" else ~held_out])
    return torch.cat(kept)[:n]


def close_gaps(wide: Int[Tensor, "n k"], end: int, length: int) -> tuple[Int[Tensor, "n length"], Int[Tensor, "n 1"]]:
    """Remove the gaps (-1) of each row, so that its tokens stand at the left; pad with ``end``.

    Sentences of different length can thus be built column by column, all rows at once.

    Returns
    -------
    tokens : (n, length)
    lengths : (n, 1) tokens before the padding
    """
    order = (wide < 0).int().argsort(dim=1, stable=True)
    tokens = wide.gather(1, order)[:, :length]
    return tokens.masked_fill(tokens < 0, end), (wide >= 0).sum(dim=1, keepdim=True)
