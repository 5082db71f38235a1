"""Checks for rotary positions: turning one vector, and what attention turns."""

from __future__ import annotations

import torch
from torch import Tensor

from gpt2lab import positions
from gpt2lab.check.base import Answer, CheckResult, judge
from gpt2lab.check.learner import Learner, examine
from gpt2lab.check.positions import _interleave
from gpt2lab.errors import validates


@validates
def rope(function: Answer) -> CheckResult:
    """``my_rope(x, positions)``: rotate each pair (x_2i, x_2i+1) at position t by t·10000^(-2i/d_head)."""
    return examine("rope", function, "x positions", _rotation, _rotation_properties)


def _rotated(x: Tensor, angles: Tensor) -> Tensor:
    cos, sin = angles.cos().float(), angles.sin().float()
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1).flatten(-2)


def _rotation(learner: Learner) -> None:
    x, places = torch.randn(2, 3, 6, 8), torch.tensor([0, 1, 2, 5, 9, 20])
    half = torch.arange(4, dtype=torch.float64)
    angles = places[:, None] * 10000.0 ** (-2 * half / 8)
    first, second = x[..., :4], x[..., 4:]
    cos, sin = angles.cos().float(), angles.sin().float()
    halves = torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)
    judge(
        learner.tensor(x, places, shape=x.shape),
        _rotated(x, angles),
        {
            "It turns the other way: (a, b) becomes (a·cos - b·sin, a·sin + b·cos).": _rotated(x, -angles),
            "Feature i is paired with feature i + d_head/2 (as GPT-NeoX does). Here the pairs are neighbours: 2i and 2i + 1.": halves,
            "The positions are not used: each vector must be rotated by its own entry of `positions`.": _rotated(
                x, torch.arange(6)[:, None] * 10000.0 ** (-2 * half / 8)
            ),
            "All pairs are rotated at the same speed (does a `//` round the exponents down?). Each pair has a speed of its own, and the first is the fastest.": _rotated(
                x, places[:, None].double().expand(6, 4)
            ),
            "The speeds fall too slowly: the exponent counts features, two for each pair.": _rotated(
                x, places[:, None] * 10000.0 ** (-half / 8)
            ),
            "The speeds fall too fast: arange(0, d_head, 2) counts features already, and 2· counts them twice.": _rotated(
                x, places[:, None] * 10000.0 ** (-4 * half / 8)
            ),
            "The speeds grow: the exponent of 10000 is negative.": _rotated(
                x, places[:, None] * 10000.0 ** (2 * half / 8)
            ),
            "The rotated halves stand one after the other: put the pairs back in order with stack(…, -1).flatten(-2).": torch.cat(
                [x[..., 0::2] * cos - x[..., 1::2] * sin, x[..., 0::2] * sin + x[..., 1::2] * cos], dim=-1
            ),
            "A position vector is added. RoPE rotates.": x + _interleave(angles.sin(), angles.cos()),
            "x comes back unchanged.": x,
        },
        "Not right. Neighbouring features are the two coordinates of a point, which turns by its position times the speed of the pair.",
    )


def _rotation_properties(learner: Learner) -> None:
    x = torch.randn(4, 6)
    out = learner.tensor(x, torch.arange(3, 7), shape=x.shape)
    right = positions.apply_rope(x, torch.arange(3, 7))
    judge(out, right, {}, "Not right for x of shape (T, d_head) and positions that begin at 3.")
