"""The checks of tokens and positions: three right answers each, every mistake with its own message."""

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import torch
from teeth import bite

from gpt2lab import positions


def best(words, weigh=lambda count: count, pairs=lambda word: list(pairwise(word)), choose=None):
    counts = Counter()
    for word, n in words.items():
        for pair in pairs(word):
            counts[pair] += weigh(n)
    return (choose or (lambda c: min(c, key=lambda pair: (-c[pair], pair))))(counts)


def pair_by_loop(words):
    winner, most = None, 0
    counts = {}
    for word in words:
        for i in range(len(word) - 1):
            pair = word[i], word[i + 1]
            counts[pair] = counts.get(pair, 0) + words[word]
    for pair in sorted(counts):
        if counts[pair] > most:
            winner, most = pair, counts[pair]
    return winner


def pair_by_sorting(words):
    counts = Counter()
    for word, n in words.items():
        counts.update({pair: n * k for pair, k in Counter(pairwise(word)).items()})
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[0][0]


def waves(length, d, exponent=-2.0, start=0, first=torch.sin, second=torch.cos, layout="pairs", divide=1.0):
    t = torch.arange(start, start + length, dtype=torch.float64)[:, None] / divide
    a = t * 10000.0 ** (exponent * torch.arange(d // 2, dtype=torch.float64) / d)
    if layout == "halves":
        return torch.cat([first(a), second(a)], dim=-1).float()
    out = torch.empty(length, d, dtype=torch.float64)
    out[:, 0::2], out[:, 1::2] = first(a), second(a)
    return out.float()


def waves_by_loop(length, d):
    rows = [[(math.sin, math.cos)[c % 2](t / 10000 ** (2 * (c // 2) / d)) for c in range(d)] for t in range(length)]
    return torch.tensor(rows)


def waves_as_phases(length, d):  # cos x = sin(x + π/2)
    c = torch.arange(d)
    angle = torch.arange(length, dtype=torch.float64)[:, None] / 10000.0 ** ((c - c % 2) / d)
    return torch.sin(angle + (c % 2) * math.pi / 2).float()


def one_speed_per_column(length, d):
    c = torch.arange(d)
    angle = torch.arange(length, dtype=torch.float64)[:, None] / 10000.0 ** (c.double() / d)
    return torch.where(c % 2 == 0, angle.sin(), angle.cos()).float()


def floored_columns(length, d):  # `2 * i // d` in place of `2 * (i // 2) / d`
    i = torch.arange(d)
    angle = torch.arange(length)[:, None] / 10000 ** (2 * i // d)
    table = torch.zeros(length, d)
    table[:, 0::2], table[:, 1::2] = angle.sin()[:, 0::2], angle.cos()[:, 1::2]
    return table


def turn(x, places, exponent=-2.0, sign=1.0, same=False, order="pairs", halves=False, signs=(-1, 1)):
    d = x.shape[-1]
    i = torch.arange(d // 2, dtype=torch.float64)
    angle = sign * places[:, None] * (torch.ones(d // 2) if same else 10000.0 ** (exponent * i / d))
    c, s = angle.cos().float(), angle.sin().float()
    a, b = (x[..., : d // 2], x[..., d // 2 :]) if halves else (x[..., 0::2], x[..., 1::2])
    parts = [a * c + signs[0] * b * s, a * s + signs[1] * b * c]
    return torch.cat(parts, -1) if halves or order == "joined" else torch.stack(parts, -1).flatten(-2)


def waves_that_grow(length, d):  # in float32, as a learner would
    angle = torch.arange(length)[:, None] * 10000 ** (torch.arange(0, d, 2) / d)
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(-2)


def turn_by_growing_speeds(x, places):  # in float32, too
    angle = places[:, None] * 10000 ** (torch.arange(0, x.shape[-1], 2) / x.shape[-1])
    a, b = x[..., 0::2], x[..., 1::2]
    parts = [a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()]
    return torch.stack(parts, dim=-1).flatten(-2)


def turn_as_complex(x, places):
    d = x.shape[-1]
    speed = 10000.0 ** (-torch.arange(0, d, 2) / d)
    pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * torch.polar(torch.ones(len(places), d // 2), places[:, None] * speed)).flatten(-2)


def turn_by_matrix(x, places):
    d, out = x.shape[-1], []
    for n, t in enumerate(places.tolist()):
        matrix = torch.zeros(d, d)
        for i in range(d // 2):
            a = t * 10000 ** (-2 * i / d)
            matrix[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = torch.tensor(
                [[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]]
            )
        out.append(x[..., n, :] @ matrix.T)
    return torch.stack(out, dim=-2)


def slopes(n, offset=1):
    return 2.0 ** (-8.0 * (torch.arange(n) + offset) / n)


def steps(T):
    return torch.arange(T)[:, None] - torch.arange(T)


RIGHT = {
    "bpe_pair": [best, pair_by_loop, pair_by_sorting, lambda words: list(best(words))],
    "sinusoidal": [waves, waves_by_loop, waves_as_phases],
    "rope": [turn, turn_as_complex, turn_by_matrix],
    "alibi_bias": [
        lambda n, T: -slopes(n)[:, None, None] * steps(T),
        lambda n, T: -slopes(n)[:, None, None] * steps(T).abs(),
        lambda n, T: (-slopes(n)[:, None, None] * steps(T)).masked_fill(steps(T) < 0, -torch.inf),
        lambda n, T: torch.from_numpy(-np.exp2(-8 * np.arange(1, n + 1) / n)[:, None, None] * steps(T).numpy()),
        lambda n, T: torch.stack([-steps(T).clamp(min=0) * 2 ** (-8 * (h + 1) / n) for h in range(n)]),
    ],
}
WRONG = {
    "bpe_pair": [
        (lambda words: best(words, weigh=lambda n: 1), "5 times counts 5 times"),
        (lambda words: best(words, pairs=lambda w: set(pairwise(w))), "repeat inside one word"),
        (lambda words: best(words, choose=lambda c: max(c, key=c.get)), "On a tie"),
        (
            lambda words: best(words, pairs=lambda w: [(a, b) for i, a in enumerate(w) for b in w[i + 1 :]]),
            "Only neighbours",
        ),
        (lambda words: best(words, pairs=lambda w: list(zip(w[::2], w[1::2], strict=False))), "Pairs overlap"),
        (lambda words: Counter(pair for word in words for pair in pairwise(word)), "Return one pair"),
        (lambda words: (best(words), 5), "got (('a', 'b'), 5), a pair and its count: return the pair alone"),
        (lambda words: (5, best(words)), "got (5, ('a', 'b')), a pair and its count: return the pair alone"),
        (lambda words: (*best(words), 5), "got ('a', 'b', 5), a tuple of 3"),
        (lambda words: "".join(best(words)), "The two pieces are joined already"),
        (lambda words: best(words)[::-1], "the answer is ('a', 'b'), got ('b', 'a')"),
        (lambda words: best({tuple("".join(w)): n for w, n in words.items()}), "longer than one character"),
    ],
    "sinusoidal": [
        (lambda n, d: waves(n, d, layout="halves"), "in the first half"),
        (lambda n, d: waves(n, d, first=torch.cos, second=torch.sin), "Sine and cosine are exchanged"),
        (one_speed_per_column, "i counts *pairs*"),
        (lambda n, d: waves(n, d, exponent=-1.0), "fall too slowly"),
        (waves_that_grow, "The frequencies grow"),
        (lambda n, d: waves(n, d, first=torch.cos), "have overwritten the sines"),
        (lambda n, d: waves(n, d, second=torch.sin), "Only sines"),
        (lambda n, d: waves(n, d, start=1), "The first position is 1"),
        (lambda n, d: waves(n, d, divide=10000.0), "divided by 10000 once more"),
        (lambda n, d: waves(n, d, first=lambda a: a, second=lambda a: a), "These are the angles"),
        (floored_columns, "rounded down, so that all columns"),
        (lambda n, d: waves(n, d, exponent=0.0), "rounded down to 0"),
        (lambda n, d: waves(n, d, exponent=-4.0), "2· counts them twice"),
        (lambda n, d: waves(d, n), "expected (40, 16)"),
    ],
    "rope": [
        (lambda x, p: turn(x, p, sign=-1.0), "turns the other way"),
        (lambda x, p: turn(x, p, halves=True), "feature i + d_head/2"),
        (lambda x, p: turn(x, torch.arange(x.shape[-2])), "The positions are not used"),
        (lambda x, p: turn(x, p, same=True), "the same speed"),
        (lambda x, p: turn(x, p, exponent=-1.0), "The speeds fall too slowly"),
        (lambda x, p: turn(x, p, exponent=-4.0), "2· counts them twice"),
        (turn_by_growing_speeds, "The speeds grow"),
        (lambda x, p: turn(x, p, signs=(1, 1)), "changes its length"),
        (lambda x, p: turn(x, p, signs=(-1, -1)), "is mirrored"),
        (lambda x, p: turn(x, p, order="joined"), "one after the other"),
        (lambda x, p: x + positions.sinusoidal_table(int(p.max()) + 1, x.shape[-1])[p], "RoPE rotates"),
        (lambda x, p: x, "x comes back unchanged"),
    ],
    "alibi_bias": [
        (lambda n, T: slopes(n)[:, None, None] * steps(T), "distant keys get a bonus"),
        (lambda n, T: -slopes(n, 0)[:, None, None] * steps(T), "counted from 0"),
        (lambda n, T: (-slopes(n)[0] * steps(T)).expand(n, T, T), "All heads have the same slope"),
        (lambda n, T: -slopes(n) * steps(T)[..., None], "The heads are the last axis"),
        (lambda n, T: slopes(n), "These are the slopes"),
        (lambda n, T: -slopes(n)[0] * steps(T), "one table for all heads"),
        (lambda n, T: -slopes(n)[:, None] * torch.arange(T).flip(0), "one row for all queries"),
        (lambda n, T: -(0.5 ** torch.arange(1, n + 1))[:, None, None] * steps(T), "whatever n_heads is"),
        (lambda n, T: -slopes(n).flip(0)[:, None, None] * steps(T), "in reversed order"),
        (lambda n, T: -slopes(n)[:, None, None] * steps(T) ** 2, "The distance is squared"),
        (lambda n, T: -(1 - torch.arange(1, n + 1) / n)[:, None, None] * steps(T), "fall in equal steps"),
        (lambda n, T: -slopes(n)[:, None, None] * (steps(T) + 1), "The bias begins at 1"),
        (lambda n, T: -slopes(n)[:, None, None] * 3 * steps(T), "Not right: each head has one slope"),
    ],
}
test_accepts, test_refuses, test_messages_differ = bite(RIGHT, WRONG)
