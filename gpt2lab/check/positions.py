"""Checks for tokens and positions: merging pairs, sinusoids, ALiBi; rotations are in ``rotation``."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from gpt2lab import positions
from gpt2lab.check.base import Answer, CheckResult, Wrong, agree, as_tensor, describe, judge, shown
from gpt2lab.check.learner import Learner, examine
from gpt2lab.errors import is_number, validates


@validates
def bpe_pair(function: Answer) -> CheckResult:
    """``my_best_pair(words)`` -> the most frequent pair of neighbours; ties: the pair that sorts first.

    ``words`` maps a tuple of pieces to how often that word occurs.
    """
    return examine("bpe_pair", function, "words", _pair)


def _pair(learner: Learner) -> None:
    cases: dict[str, tuple[dict[tuple[str, ...], int], tuple[str, str]]] = {
        "The count of a word is ignored: a pair in a word that occurs 5 times counts 5 times.": (
            {("a", "b"): 5, ("c", "d"): 1, ("c", "d", "e"): 1, ("c", "d", "f"): 1},
            ("a", "b"),
        ),
        "Pairs that repeat inside one word are counted once only.": (
            {("x", "y", "x", "y", "x", "y"): 1, ("p", "q"): 2},
            ("x", "y"),
        ),
        "On a tie, take the pair that sorts first.": ({("z", "z"): 2, ("b", "c"): 2, ("b", "a"): 2}, ("b", "a")),
        "Pairs overlap: a, b, c holds two of them, a b and b c.": (
            {("a", "b", "c"): 2, ("c", "b", "c"): 1},
            ("b", "c"),
        ),
        "Only neighbours make a pair, in their order.": (
            {("a", "x", "b"): 3, ("x", "y"): 1, ("b", "a"): 2},
            ("a", "x"),
        ),
        "Pieces can be longer than one character.": ({("lo", "w"): 4, ("l", "o", "w"): 3, ("n", "e"): 1}, ("lo", "w")),
        "Words of one piece have no pair.": ({("a",): 9, ("b", "c"): 1}, ("b", "c")),
    }
    for message, (words, right) in cases.items():
        answer = learner(words)
        if isinstance(answer, str) and any(answer == a + b for word in words for a, b in pairwise(word)):
            raise Wrong(f"The two pieces are joined already: return the pair, a tuple of two pieces; got {answer!r}.")
        if isinstance(answer, list):
            answer = tuple(answer)
        if not isinstance(answer, tuple) or len(answer) != 2 or not all(isinstance(piece, str) for piece in answer):
            raise Wrong(_not_a_pair(answer))
        if answer != right:
            raise Wrong(f"For {words} the answer is {right}, got {shown(answer)}. {message}")


def _not_a_pair(answer: object) -> str:
    """What was expected, what came, and what to do about it."""
    wanted = "Return one pair, a tuple of two pieces"
    if isinstance(answer, tuple) and len(answer) == 2:
        for part, other in (answer, answer[::-1]):
            if isinstance(part, tuple) and len(part) == 2 and is_number(other):
                return f"{wanted}; got {shown(answer)}, a pair and its count: return the pair alone."
    if isinstance(answer, tuple):
        return f"{wanted}; got {shown(answer)}, a tuple of {len(answer)}."
    return f"{wanted}; got {describe(answer)}."


@validates
def sinusoidal(function: Answer) -> CheckResult:
    """``my_sinusoidal(length, d_model)`` -> (length, d_model): even columns sin, odd columns cos."""
    return examine("sinusoidal", function, "length d_model", _table, _table_sizes)


def _angles(length: int, d_model: int, exponent: float = 2.0, base: float = 10000.0, start: int = 0) -> Tensor:
    pair = torch.arange(d_model // 2, dtype=torch.float64)
    times = torch.arange(start, start + length, dtype=torch.float64)
    return times[:, None] * base ** (-exponent * pair / d_model)


def _interleave(first: Tensor, second: Tensor) -> Tensor:
    return torch.stack([first, second], dim=-1).flatten(-2).float()


def _floored(length: int, d_model: int) -> Tensor:
    """Each column with the exponent 2·column // d_model, which is 0 or 1."""
    column = torch.arange(d_model)
    angles = torch.arange(length)[:, None] / 10000.0 ** (2 * column // d_model)
    return torch.where(column % 2 == 0, angles.sin(), angles.cos())


def _table(learner: Learner) -> None:
    length, d = 40, 16
    a, index = _angles(length, d), torch.arange(d, dtype=torch.float64)
    per_column = torch.arange(length, dtype=torch.float64)[:, None] * 10000.0 ** (-index / d)
    mixed = per_column.sin()
    mixed[:, 1::2] = per_column[:, 1::2].cos()
    slow, late, grown = _angles(length, d, 1.0), _angles(length, d, start=1), _angles(length, d, -2.0)
    same, twice = _angles(length, d, 0.0), _angles(length, d, 4.0)
    out = learner.tensor(length, d, shape=(length, d))
    first = slice(0, 6)  # later the angles are so large that float32 and float64 have other sines
    if agree(out[:, first], _interleave(grown.sin(), grown.cos())[:, first]):
        raise Wrong("The frequencies grow: the exponent of 10000 is negative.")
    judge(
        out,
        _interleave(a.sin(), a.cos()),
        {
            "All sines stand in the first half and all cosines in the second. Here they alternate: columns 0::2 and 1::2.": torch.cat(
                [a.sin(), a.cos()], dim=-1
            ).float(),
            "Sine and cosine are exchanged: even columns take the sine.": _interleave(a.cos(), a.sin()),
            "Each column has a frequency of its own. A sine and the cosine beside it share one: i counts *pairs*.": mixed.float(),
            "The frequencies fall too slowly: the exponent counts columns, two for each pair.": _interleave(
                slow.sin(), slow.cos()
            ),
            "The cosines have overwritten the sines.": _interleave(a.cos(), a.cos()),
            "Only sines: the odd columns take the cosine.": _interleave(a.sin(), a.sin()),
            "The first position is 1 here. Positions begin at 0: row 0 is sin 0, cos 0, …": _interleave(
                late.sin(), late.cos()
            ),
            "`//` is whole-number division: the exponents are rounded down, so that all columns turn at one speed, "
            "or at two. Divide with `/`.": _floored(length, d),
            "`//` is whole-number division: every exponent is rounded down to 0, so that all pairs turn at the same "
            "speed. Divide with `/`.": _interleave(same.sin(), same.cos()),
            "The frequencies fall too fast: arange(0, d_model, 2) counts columns already, and 2· counts them twice.": _interleave(
                twice.sin(), twice.cos()
            ),
            "The positions are divided by 10000 once more.": _interleave((a / 10000).sin(), (a / 10000).cos()),
            "These are the angles. Take their sine and cosine.": _interleave(a, a),
        },
        "Not right. Each pair of columns has one frequency, the sine on the left and the cosine on the right; from pair to pair the frequency falls by the same factor.",
    )


def _table_sizes(learner: Learner) -> None:
    for length, d in ((1, 2), (300, 6), (8, 8)):
        a = _angles(length, d)
        out = learner.tensor(length, d, shape=(length, d))
        judge(out, _interleave(a.sin(), a.cos()), {}, f"Not right for length {length} and d_model {d}.", 1e-3)


@validates
def alibi_bias(function: Answer) -> CheckResult:
    """``my_alibi_bias(n_heads, T)`` -> (n_heads, T, T): -slope of the head · distance, slope 2^(-8h/n_heads)."""
    return examine("alibi_bias", function, "n_heads T", _alibi)


def _alibi(learner: Learner) -> None:
    for n_heads, T in ((8, 6), (4, 3)):
        past = torch.ones(T, T).tril().bool()
        right = positions.alibi_bias(n_heads, T).where(past, 0.0)  # what stands above the diagonal is masked anyway
        steps = (torch.arange(T)[:, None] - torch.arange(T)).where(past, 0)
        head = torch.arange(n_heads)[:, None, None]
        out = learner.tensor(n_heads, T)
        shapes = {
            (n_heads,): "These are the slopes. The bias is the slope times the distance, for each query and key.",
            (T, T): "There is one table for all heads. Each head has its own: (n_heads, T, T).",
            (T, T, n_heads): "The heads are the last axis. They come first: (n_heads, T, T).",
            (n_heads, T): "There is one row for all queries. How far a key is depends on who asks: (n_heads, T, T).",
        }
        if message := shapes.get(tuple(out.shape)):
            raise Wrong(message)
        judge(
            as_tensor(out, learner.name, (n_heads, T, T)).where(past, 0.0),
            right,
            {
                "The sign is wrong: distant keys get a bonus. The bias is negative.": -right,
                "The heads are counted from 0. The first head is number 1: no head has the slope 1.":
                    -(2.0 ** (-8 * head / n_heads)) * steps,
                "The slopes halve from head to head, whatever n_heads is. That is right for 8 heads; the exponents "
                "reach 8 with any number.": -(2.0 ** -(head + 1)) * steps,
                "All heads have the same slope.": right[:1].expand_as(right),
                "The heads stand in reversed order: the first has the steepest slope.": right.flip(0),
                "The distance is squared. The bias grows in equal steps.": right * steps,
                "The slopes fall in equal steps. From head to head they fall by the same factor.":
                    -(1 - (head + 1) / n_heads) * steps,
                "The bias begins at 1: a key at its own query has the distance 0.":
                    -(2.0 ** (-8 * (head + 1) / n_heads)) * (steps + 1).where(past, 0),
                "Rows and columns are exchanged: a row belongs to a query, and the distance is query - key.":
                    positions.alibi_bias(n_heads, T).mT.where(past, 0.0),
            },
            "Not right: each head has one slope, the slopes fall by the same factor from head to head, and the bias grows with the distance.",
        )  # fmt: skip
