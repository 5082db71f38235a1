"""Errors about shapes in terms of axes: which axis of which tensor does not fit which.

torch names positions ("size of tensor a (6) must match … at dimension 3"). A learner thinks in B, T and
d_head, so the sizes of the arguments are traced back to the names of their axes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from math import prod

from torch import Tensor

_TOKENS_BY_FEATURES = {
    1: ("d_model",),
    2: ("T", "d_model"),
    3: ("B", "T", "d_model"),
    4: ("B", "n_heads", "T", "d_head"),
}
_HEADS = {2: ("T", "d_head"), 3: ("B", "T", "d_head"), 4: ("B", "n_heads", "T", "d_head")}
_SCORES = {2: ("T_query", "T_key"), 3: ("B", "T_query", "T_key"), 4: ("B", "n_heads", "T_query", "T_key")}
_SQUARE: dict[int, tuple[str, ...]] = {2: ("d_model", "d_model")}
_ONE_HEAD = ("d_model", "d_head")  # of a matrix w_q, w_k or w_v that is not square

# The axes of an argument, by its name and its number of axes.
_NAMES: dict[str, dict[int, tuple[str, ...]]] = {
    "x": _TOKENS_BY_FEATURES,
    **dict.fromkeys(("q", "k", "v", "keys", "values"), _HEADS),
    **dict.fromkeys(("scores", "mask"), _SCORES),
    **dict.fromkeys(("w_q", "w_k", "w_v", "w_o"), _SQUARE),
    **dict.fromkeys(("weight", "bias", "b_down"), {1: ("d_model",)}),
    "tokens": {2: ("B", "T")},
    "hidden": {3: ("B", "T", "d_model")},
    "memory": {3: ("B", "S", "d_model")},
    "source_mask": {2: ("B", "S")},
    "logits": {2: ("B", "vocab_size"), 3: ("B", "T", "vocab_size")},
    "token_table": {2: ("vocab_size", "d_model")},
    "position_table": {2: ("context_length", "d_model")},
    "W_up": {2: ("d_ff", "d_model")},
    "b_up": {1: ("d_ff",)},
    "W_down": {2: ("d_model", "d_ff")},
}
_REDUCES = re.compile(  # a call that drops an axis: its brackets, which may hold others, hold no keepdim
    r"\.(?:mean|sum|prod|var|std|a?max|a?min|arg(?:max|min)|median|norm|logsumexp)\((?!(?:[^()]|\([^()]*\))*keepdim)"
)


def named(name: str, value: Tensor) -> str:
    """The shape of an argument with the names of its axes: ``(B 2, T 5, d_model 8)``."""
    axes = _NAMES.get(name, {}).get(value.ndim)
    if value.ndim == 2 and value.shape[0] != value.shape[1]:
        if axes == _SQUARE[2]:
            axes = _ONE_HEAD
        elif name == "mask":  # of padding (B, T), or of scores
            axes = None
    if axes is None:
        return f"{tuple(value.shape)}"
    return "(" + ", ".join(f"{axis} {size}" for axis, size in zip(axes, value.shape, strict=True)) + ")"


def explain(words: str, line: str, given: Mapping[str, object], local: Mapping[str, object]) -> str | None:
    """What torch's message about shapes means for the learner's line; None if it is about something else.

    Parameters
    ----------
    words : str
        torch's message.
    line : str
        The line of the learner's function that failed.
    given : mapping
        The arguments of the call by name.
    local : mapping
        The function's variables at that line.
    """
    size = _Sizes(given)
    shapes = _shapes_in(line, given, local, size)
    if "torch.return_types" in words:
        return (
            "max(dim) and min(dim) return two things, the values and where they are; take .values, or use amax or amin"
        )
    if "view size is not compatible" in words:
        return (
            "view needs the numbers in the order of memory, which a transpose has changed; use reshape or flatten there"
        )
    if found := re.search(r"size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\)", words):
        product = "@" in line or "matmul" in line
        rule = (
            "in a matrix product the axes before the last two must be equal, or 1"
            if product
            else "element by element, axes are compared from the last one, and must be equal or 1"
        )
        return (
            f"the axes do not fit: {size(found[1])} meets {size(found[2])}{shapes}; {rule}{_advice(line, local, size)}"
        )
    if pair := _product(words):
        return (
            f"the axes do not fit: a matrix product sums over the last axis on the left and the last but one on the "
            f"right, and these are {size(pair[0])} and {size(pair[1])}{shapes}{_advice(line, local, size)}"
        )
    if found := re.search(r"shape '\[(.*)\]' is invalid for input of size (\d+)", words):
        wanted = [int(n) for n in found[1].split(",") if n.strip()]
        count = f" of {prod(wanted)} numbers" if -1 not in wanted else ""
        return f"there are {found[2]} numbers, and the shape ({found[1]}){count} does not hold them exactly{shapes}"
    if found := re.search(r"except in dimension (\d+)\. Expected size (\d+) but got size (\d+)", words):
        return (
            f"joined along axis {found[1]}, tensors must agree in every other axis: "
            f"{size(found[2])} meets {size(found[3])}{shapes}{_advice(line, local, size)}"
        )
    if "zero-dimensional tensor" in words and "cannot be concatenated" in words:
        return f"cat joins tensors along an axis, and a single number has no axis{shapes}{_advice(line, local, size)}"
    if found := re.search(r"same number of dimensions: got (\d+) and (\d+)", words):
        return (
            f"cat needs tensors with the same number of axes, and {found[1]} meet {found[2]}{shapes}; argmax, sum and "
            "the like drop their axis unless keepdim=True"
        )
    if found := re.search(r"Dimension out of range .*but got (-?\d+)", words):
        return f"there is no axis {found[1]}{shapes}; count the axes, from 0 or from the end with -1"
    return None


def gap(actual: tuple[int, ...], expected: tuple[int, ...]) -> str:
    """How a shape misses the one expected, where that has a name; otherwise nothing."""
    if len(actual) == len(expected) and len(set(expected)) == len(expected) and sorted(actual) == sorted(expected):
        moved = [i for i, (a, b) in enumerate(zip(actual, expected, strict=True)) if a != b]
        if len(moved) == 2:
            return f"The axes {moved[0]} and {moved[1]} are exchanged."
        return f"The sizes are right, the order of the axes is not: axis 0 should be the one of size {expected[0]}."
    if len(actual) != len(expected) and _without_ones(actual) == _without_ones(expected):
        return f"There is an axis of size 1 too {'many' if len(actual) > len(expected) else 'few'}."
    if len(actual) < len(expected) and prod(actual) == prod(expected):
        return "Axes have been joined that should stay apart."
    if len(actual) + 1 == len(expected):
        lost = [i for i in range(len(expected)) if expected[:i] + expected[i + 1 :] == actual]
        if len(lost) == 1:
            return f"Axis {lost[0]} is lost: it was summed, averaged or picked from."
    return ""


def _without_ones(shape: tuple[int, ...]) -> list[int]:
    return [n for n in shape if n != 1]


def _product(words: str) -> tuple[str, str] | None:
    """The two sizes that should have been equal in a matrix product."""
    if found := re.search(r"\(\d+x(\d+) and (\d+)x\d+\)", words):
        return found[1], found[2]
    if found := re.search(r"tensor to be: \[(\d+), (\d+)\] but got: \[(\d+), (\d+)\]", words):
        return (found[2], found[4]) if found[1] == found[3] else None
    if found := re.search(r"got (\d+), (\d+)x(\d+),(\d+)", words):  # a matrix times a vector
        return found[2], found[3]
    return None


class _Sizes:
    """Names for sizes: ``6 (T)``, where only one axis of the arguments has that size."""

    def __init__(self, given: Mapping[str, object]) -> None:
        self.names: dict[int, set[str]] = {}
        for name, value in given.items():
            if isinstance(value, Tensor):
                for axis, size in zip(_NAMES.get(name, {}).get(value.ndim, ()), value.shape, strict=False):
                    self.names.setdefault(size, set()).add(axis)

    def __call__(self, size: str | int) -> str:
        names = self.names.get(int(size), set())
        return f"{size} ({next(iter(names))})" if len(names) == 1 else f"{size}"


def _shapes_in(line: str, given: Mapping[str, object], local: Mapping[str, object], size: _Sizes) -> str:
    """`` in w (2, 3, 6, 6) and v (B 2, …)``: the tensors that the line names, at most three."""
    words: Iterable[str] = dict.fromkeys(re.findall(r"(?<![\w.])[A-Za-z_]\w*(?!\w|\s*\()", line))
    found = []
    for word in words:
        value = local.get(word)
        if isinstance(value, Tensor):
            same = isinstance(before := given.get(word), Tensor) and before.shape == value.shape
            found.append(f"{word} {named(word, value) if same else tuple(value.shape)}")
    return f" ({', '.join(found[:3])})" if found else ""


def _advice(line: str, local: Mapping[str, object], size: _Sizes) -> str:
    """What in the line may have brought the axes out of order."""
    if found := re.search(r"(\w+)\.transpose\((\d), ?(\d)\)", line):
        tensor = local.get(found[1])
        first, second = int(found[2]), int(found[3])
        which = ""
        if isinstance(tensor, Tensor) and max(first, second) < tensor.ndim:
            which = f", here of size {size(tensor.shape[first])} and {size(tensor.shape[second])}"
        return f"; transpose({first}, {second}) exchanges the axes {first} and {second}{which}: count the axes from the end"
    if ".argmax()" in line:
        return "; argmax() without an axis counts through the whole tensor, batch included"
    if re.search(r"\.t\(\)|\.T\b", line):
        return "; .T and .t() are for matrices: count the axes from the end"
    if _REDUCES.search(line) and not re.search(r"\(\w+ ?\* ?\w+\)\.", line):  # the product itself failed
        return "; a sum, mean, variance or maximum drops its axis unless keepdim=True"
    return ""
