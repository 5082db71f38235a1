"""Checks for rotary positions: turning one vector, and what attention turns."""

from __future__ import annotations

import torch
from torch import Tensor

from gpt2lab import positions
from gpt2lab.check.base import Answer, CheckResult, Wrong, agree, as_tensors, judge
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
    even, odd = x[..., 0::2], x[..., 1::2]
    plus = torch.stack([even * cos + odd * sin, even * sin + odd * cos], dim=-1).flatten(-2)
    minus = torch.stack([even * cos - odd * sin, even * sin - odd * cos], dim=-1).flatten(-2)
    out = learner.tensor(x, places, shape=x.shape)
    grown = _rotated(x, places[:, None] * 10000.0 ** (2 * half / 8))
    start = slice(0, 4)  # later the angles are so large that float32 and float64 have other sines
    if agree(out[..., start], grown[..., start]):
        raise Wrong("The speeds grow: the exponent of 10000 is negative.")
    judge(
        out,
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
            "Both coordinates have a plus, so that the arrow changes its length: a·cos - b·sin comes first.": plus,
            "Both coordinates have a minus, so that the plane is mirrored: a·sin + b·cos comes second.": minus,
            "The rotated halves stand one after the other: put the pairs back in order with stack(…, -1).flatten(-2).": torch.cat(
                [even * cos - odd * sin, even * sin + odd * cos], dim=-1
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


@validates
def rotate(function: Answer) -> CheckResult:
    """``my_rotate(q, k, v, positions, base)`` -> (q, k, v) as attention with RoPE compares and blends them.

    The pair (2i, 2i + 1) of the vector at position t turns by t·base^(-2i/d_head), in queries and keys.
    q, k, v are (B, n_heads, T, d_head), ``positions`` (T,).
    """
    return examine("rotate", function, "q k v positions base", _who_turns, _distance_counts, _other_base)


def _turned_halves(x: Tensor, angles: Tensor) -> Tensor:
    """Pairs (i, i + d_head/2), as some libraries have them."""
    cos, sin = angles.cos().float(), angles.sin().float()
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)


def _angles_of(places: Tensor, width: int, base: float, step: float = 2.0) -> Tensor:
    pair = torch.arange(width // 2, dtype=torch.float64)
    return places[:, None] * base ** (-step * pair / width)


def _rotate(learner: Learner, *arguments: object) -> tuple[Tensor, ...]:
    return as_tensors(learner(*arguments), learner.name, ("q", "k", "v"))


def _who_turns(learner: Learner) -> None:
    q, k, v = (torch.randn(2, 3, 6, 8) for _ in range(3))
    places, base = torch.tensor([0, 1, 2, 5, 9, 20]), 500.0
    angles = _angles_of(places, 8, base)
    new_q, new_k, new_v = _rotate(learner, q, k, v, places, base)
    order = torch.arange(6)
    for name, x, out in (("q", q, new_q), ("k", k, new_k)):
        other = "k" if name == "q" else "q"
        judge(
            out,
            _rotated(x, angles),
            {
                f"{name} turns the other way: the angle grows with the position, from the first of a pair towards the "
                "second.": _rotated(x, -angles),
                f"In {name}, feature i is paired with feature i + d_head/2. Here the pairs are neighbours.":
                    _turned_halves(x, angles),
                f"{name} turns by its place in the tensor: `positions` is ignored. With a cache, or padding, the two "
                "differ.": _rotated(x, _angles_of(order, 8, base)),
                f"The base is fixed at 10000 inside your function; {name} should turn with the argument.":
                    _rotated(x, _angles_of(places, 8, 10000.0)),
                f"{name} does not turn. Queries and keys both do: only then does the distance decide.": x,
                f"All pairs of {name} turn at the same speed. Each has its own, and the first is the fastest.":
                    _rotated(x, places[:, None].double().expand(6, 4)),
                f"The speeds in {name} fall too slowly: the exponent counts features, two for each pair.":
                    _rotated(x, _angles_of(places, 8, base, 1.0)),
                f"The speeds in {name} fall too fast: features are counted twice.":
                    _rotated(x, _angles_of(places, 8, base, 4.0)),
                f"What stands for {name} is made from {other}.": _rotated(k if name == "q" else q, angles),
            },
            f"{name} is not right: each pair of neighbours is a point, which turns by the position times the speed of "
            "the pair.",
        )  # fmt: skip
    if agree(new_v, _rotated(v, angles)):
        raise Wrong(
            "v is rotated, too. Values are blended, not compared: rotated, their content changes with the place."
        )
    judge(new_v, v, {}, "v must come back as it was.")


def _distance_counts(learner: Learner) -> None:
    """What RoPE is for: moving a query and its key together changes no score."""
    q, k, v = (torch.randn(1, 1, 4, 6) for _ in range(3))
    scores = []
    for start in (0, 7):
        places = torch.arange(start, start + 4)
        new_q, new_k, new_v = _rotate(learner, q, k, v, places, 100.0)
        judge(new_v, v, {}, "v must come back as it was, whatever its shape.")
        judge(new_q, _rotated(q, _angles_of(places, 6, 100.0)), {}, f"Not right for positions that begin at {start}.")
        scores.append(new_q @ new_k.transpose(-2, -1))
    judge(scores[1], scores[0], {}, "The scores change when all positions move by 7: only distances may count.")


def _other_base(learner: Learner) -> None:
    q, k, v = (torch.randn(1, 2, 3, 4) for _ in range(3))
    places = torch.arange(3)
    for base in (10000.0, 10.0):
        new_q, new_k, _ = _rotate(learner, q, k, v, places, base)
        angles = _angles_of(places, 4, base)
        judge(new_q, _rotated(q, angles), {}, f"q is not right with base {base:g}.")
        judge(new_k, _rotated(k, angles), {}, f"k is not right with base {base:g}.")
