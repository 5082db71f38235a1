"""The check of what RoPE turns in attention: right answers pass, each slip has its own message."""

import math

import torch
from teeth import bite

from gpt2lab.positions import apply_rope


def turn(x, positions, base, exponent=-2.0, sign=1.0, halves=False):
    d = x.shape[-1]
    angle = sign * positions[:, None] * base ** (exponent * torch.arange(d // 2, dtype=torch.float64) / d)
    c, s = angle.cos().float(), angle.sin().float()
    a, b = x.chunk(2, -1) if halves else (x[..., 0::2], x[..., 1::2])
    parts = [a * c - b * s, a * s + b * c]
    return torch.cat(parts, -1) if halves else torch.stack(parts, -1).flatten(-2)


def plain(q, k, v, positions, base):
    return turn(q, positions, base), turn(k, positions, base), v


def as_complex(q, k, v, positions, base):
    d = q.shape[-1]
    angle = torch.outer(positions.float(), base ** (-torch.arange(0, d, 2) / d))
    factor = torch.polar(torch.ones_like(angle), angle)

    def one(x):
        return torch.view_as_real(torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous()) * factor).flatten(-2)

    return [one(q), one(k), v.clone()]


def pair_by_pair(q, k, v, positions, base):
    q, k = q.clone(), k.clone()
    for x in (q, k):
        for t, place in enumerate(positions.tolist()):
            for i in range(0, x.shape[-1], 2):
                angle = place / base ** (i / x.shape[-1])
                a, b = x[..., t, i].clone(), x[..., t, i + 1].clone()
                x[..., t, i] = a * math.cos(angle) - b * math.sin(angle)
                x[..., t, i + 1] = a * math.sin(angle) + b * math.cos(angle)
    return q, k, v


def with_(**changes):
    def my_rotate(q, k, v, positions, base):
        return turn(q, positions, base, **changes), turn(k, positions, base, **changes), v

    return my_rotate


RIGHT = {
    "rotate": [
        plain,
        as_complex,
        pair_by_pair,
        lambda q, k, v, positions, base: (apply_rope(q, positions, base), apply_rope(k, positions, base), v),
    ]
}
WRONG = {
    "rotate": [
        (with_(sign=-1.0), "q turns the other way"),
        (lambda q, k, v, p, base: (turn(q, p, base), turn(k, p, base, sign=-1.0), v), "k turns the other way"),
        (with_(halves=True), "feature i + d_head/2"),
        (lambda q, k, v, p, base: plain(q, k, v, torch.arange(len(p)), base), "`positions` is ignored"),
        (lambda q, k, v, p, base: plain(q, k, v, p, 10000.0), "The base is fixed"),
        (lambda q, k, v, p, base: (turn(q, p, base), k, v), "k does not turn"),
        (lambda q, k, v, p, base: (q, turn(k, p, base), v), "q does not turn"),
        (lambda q, k, v, p, base: (*plain(q, k, v, p, base)[:2], turn(v, p, base)), "v is rotated, too"),
        (lambda q, k, v, p, base: (*plain(q, k, v, p, base)[:2], 2 * v), "v must come back"),
        (with_(exponent=0.0), "the same speed"),
        (with_(exponent=-1.0), "fall too slowly"),
        (with_(exponent=-4.0), "fall too fast"),
        (lambda q, k, v, p, base: (turn(q, p, base), turn(q, p, base), v), "What stands for k is made from q"),
        (lambda q, k, v, p, base: (q + 1, k, v), "q is not right: each pair"),
        (lambda q, k, v, p, base: plain(q, k, v, p - p[0], base), "positions that begin at 7"),
        (lambda q, k, v, p, base: (turn(q, p, base), turn(k, p, base)), "Return three tensors: q, k, v"),
    ]
}
test_accepts, test_refuses, test_messages_differ = bite(RIGHT, WRONG)
