"""Attention maps as bytes: one byte per weight, the visible triangle only.

A byte holds ``round(255 · sqrt(weight))``. The root spends the 256 steps where attention lives: a
head that spreads over 500 tokens has weights near 0.002, which a linear byte rounds to 0 or to
0.004, and the root keeps to within 9 %. The error is never above 0.004.
"""

from __future__ import annotations

import torch
from torch import Tensor

THUMBNAIL = 36  # most rows and columns of a head in the grid


def encode(weights: Tensor) -> Tensor:
    """Weights in [0, 1] -> bytes, any shape. NaN becomes 0."""
    return (weights.float().nan_to_num(0.0).clamp(0, 1).sqrt() * 255).round().to(torch.uint8)


def decode(code: Tensor) -> Tensor:
    """Bytes -> weights, the inverse of ``encode`` up to rounding."""
    return (code.float() / 255) ** 2


def is_triangular(weights: Tensor) -> bool:
    """Whether no query looks at a later key, in weights (..., T, T) that are not negative."""
    later = torch.ones(weights.shape[-2:]).triu(1).flatten()  # (T·T,)
    return not bool((weights.float().flatten(-2) @ later).any())


def pack(weights: Tensor, triangular: bool) -> bytes:
    """Weights (..., T, T) as bytes, row by row; of a triangular one only keys 0 … query."""
    code = encode(weights)
    if triangular:
        T = code.shape[-1]
        rows, columns = torch.tril_indices(T, T)
        code = code[..., rows, columns]
    return code.contiguous().cpu().numpy().tobytes()


def thumbnail(weights: Tensor, size: int = THUMBNAIL) -> Tensor:
    """Shrink maps (..., T, T) to at most ``size`` rows: each cell keeps its *largest* weight.

    The mean would wash thin diagonals out, and thin diagonals are what one looks for.
    """
    step = -(-weights.shape[-1] // size)
    if step == 1:
        return weights
    rows = _largest_of(step, weights.float())  # (..., S, T)
    return _largest_of(step, rows.mT).mT  # (..., S, S)


def _largest_of(step: int, x: Tensor) -> Tensor:
    """The largest of each ``step`` rows, and of those left over at the end: (..., S, n)."""
    whole = x.shape[-2] // step * step
    first = x[..., :whole, :].unflatten(-2, (-1, step)).amax(-2)
    if whole == x.shape[-2]:
        return first
    return torch.cat([first, x[..., whole:, :].amax(-2, keepdim=True)], dim=-2)


def floats(values: Tensor) -> bytes:
    """A tensor as float32, the exact values behind a picture."""
    return values.detach().float().contiguous().cpu().numpy().tobytes()
