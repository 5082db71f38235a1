"""What all checks share: what a check found, and how a learner's result is read and judged.

A check is a list of trials (see ``learner``). A trial calls the learner's function and raises ``Wrong``
with one clear message as soon as something is off.
"""

from __future__ import annotations

import html
import math
import numbers
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from gpt2lab.check.axes import gap
from gpt2lab.errors import shown as shown

NOT_DONE = "not done yet"
_COUNTS = {2: "two", 3: "three"}

Answer: TypeAlias = Callable[..., object]  # a learner's function: nothing is known about its result


class Wrong(Exception):
    """An answer that is not right; the message says why, in the learner's terms."""


class NotDone(Exception):
    """The function is still as the exercise shipped it."""


@dataclass(frozen=True)
class CheckResult:
    """What a check found. Its text is the same in every run, so notebooks can be compared."""

    name: str  # of the check
    passed: bool | None  # None: not done yet
    message: str = ""

    def __bool__(self) -> bool:
        return bool(self.passed)

    def __repr__(self) -> str:
        if self.passed is None:
            return NOT_DONE
        return f"{self.name}: {self.message}" if self.passed else f"{self.name}: not right yet. {self.message}"

    def _repr_html_(self) -> str:
        sign, colour = {None: ("…", "#8a8a8a"), True: ("✓", "#0072b2"), False: ("✗", "#d55e00")}[self.passed]
        text = html.escape(repr(self)).replace("\n", "<br>")
        style = f"border-left: 5px solid {colour}; padding: 0.3em 0.9em; margin: 0.3em 0; max-width: 50em"
        return f'<div role="status" style="{style}"><b>{sign}</b> {text}</div>'


def as_tensor(value: object, name: str, shape: tuple[int, ...] | None = None, context: str = "") -> Tensor:
    """Insist that the learner's value is a tensor, of ``shape`` if given."""
    if isinstance(value, (tuple, list)) and len(value) == 1:
        raise Wrong(
            f"{name} returns a {type(value).__name__} with one thing in it. Is there a comma at the end of the return?"
        )
    if not isinstance(value, Tensor):
        raise Wrong(
            " ".join(filter(None, (f"{name} must return a tensor, got {describe(value)}.", _to_tensor(value), context)))
        )
    if shape is not None and tuple(value.shape) != tuple(shape):
        told = f"The result has shape {tuple(value.shape)}, expected {tuple(shape)}."
        raise Wrong(" ".join(filter(None, (told, gap(tuple(value.shape), tuple(shape)), context))))
    return value


def _to_tensor(value: object) -> str:
    """How what was returned in place of a tensor becomes one, or stays one."""
    if isinstance(value, np.ndarray):
        return "torch.from_numpy(your array) makes one."
    if isinstance(value, (list, tuple)) and any(isinstance(part, Tensor) for part in value):
        return "torch.stack(your list) makes one of tensors of the same shape."
    if isinstance(value, list):
        return "torch.tensor(your list) makes one."
    return ""


def as_tensors(value: object, name: str, what: tuple[str, ...]) -> tuple[Tensor, ...]:
    """Insist on one tensor for each name in ``what``, in a tuple or a list."""
    asked = f"Return {_COUNTS[len(what)]} tensors: {', '.join(what)}."
    if not isinstance(value, (tuple, list)):
        raise Wrong(f"{asked} {name} returns {'one tensor' if isinstance(value, Tensor) else describe(value)}.")
    if any(part is ... for part in value):
        raise NotDone
    if len(value) != len(what):
        raise Wrong(f"{asked} {name} returns {len(value)} thing{'s' * (len(value) != 1)}.")
    for part, called in zip(value, what, strict=True):
        if not isinstance(part, Tensor):
            raise Wrong(f"{asked} What stands for {called} is {describe(part)}.")
    return tuple(value)


def agree(actual: Tensor, expected: Tensor, tolerance: float = 1e-4, equal_nan: bool = False) -> bool:
    """Same shape, same values to ``tolerance`` (absolute and relative)."""
    return actual.shape == expected.shape and torch.allclose(
        actual.to(expected.dtype), expected, atol=tolerance, rtol=tolerance, equal_nan=equal_nan
    )


def judge(
    actual: Tensor, expected: Tensor, mistakes: dict[str, Tensor], otherwise: str, tolerance: float = 1e-4
) -> None:
    """Accept the right result; recognise a known mistake by the numbers it gives; else say ``otherwise``.

    ``mistakes`` maps a message to the result that this mistake would give.
    """
    if agree(actual, expected, tolerance):
        return
    if actual.shape != expected.shape:
        told = f"The result has shape {tuple(actual.shape)}, expected {tuple(expected.shape)}."
        raise Wrong(f"{otherwise} {told} {gap(tuple(actual.shape), tuple(expected.shape))}".strip())
    for message, result in mistakes.items():
        if agree(actual, result, tolerance, equal_nan=True):
            raise Wrong(message)
    if told := _not_finite(actual.detach()):
        raise Wrong(f"{told} {otherwise}")
    raise Wrong(f"{otherwise} {difference(actual, expected)}")


def _not_finite(actual: Tensor) -> str:
    """How many values are NaN, or else infinite, and where such values come from; nothing if all are finite."""
    for test, called, source in (
        (
            torch.isnan,
            "NaN",
            "0 is divided by 0, or infinity taken from infinity, or the root or logarithm of a negative number.",
        ),
        (torch.isinf, "infinite", "something is divided by 0, or too large for exp."),
    ):
        if n := int(test(actual).sum()):
            share = "The result is" if actual.numel() == 1 else f"{n} of {actual.numel()} values are"
            return f"{share} {called}: {source}"
    return ""


def difference(actual: Tensor, expected: Tensor) -> str:
    """Where two tensors of one shape are farthest apart, in words."""
    actual = actual.detach()
    gap = (actual.to(expected.dtype) - expected).abs()
    index = tuple(int(i) for i in torch.unravel_index(gap.argmax(), gap.shape))
    place = f" at index {list(index)}" if index else ""
    return f"Yours is {float(actual[index]):.4g}{place}, expected {float(expected[index]):.4g}."


def changed(before: Tensor, after: Tensor) -> float:
    """Largest absolute change."""
    return float((after - before).abs().max())


def describe(value: object) -> str:
    """What a value is, in a few words: its shape, its value if that is short, or its type."""
    if isinstance(value, Tensor):
        return f"{tuple(value.shape)}"
    if value is None or isinstance(value, (bool, int, float, str)):
        return shown(value)
    if isinstance(value, np.ndarray):
        return f"a NumPy array of shape {value.shape}"
    if isinstance(value, (list, tuple)) and len(value) <= 4 and all(isinstance(v, (int, float)) for v in value):
        return shown(value)
    if callable(value) and not isinstance(value, torch.nn.Module):
        return "a function"
    return f"a {type(value).__name__}"


def _element(value: object) -> object:
    """The Python value in a tensor or array of one element; anything else as it is."""
    if isinstance(value, Tensor) and value.numel() == 1:
        return value.detach().item()
    if isinstance(value, (np.ndarray, np.generic)) and value.size == 1:
        return value.item()
    return value


def as_number(value: object, what: str = "a number") -> float:
    """What a learner's function returned, where one number is asked for.

    NumPy's numbers count, and tensors or arrays of one element. True, False, NaN and infinity do not.
    ``what`` names in the message what was asked for, such as "a number of bytes".
    """
    number = _element(value)
    if isinstance(number, bool) or not isinstance(number, numbers.Real):
        got = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
        raise Wrong(f"Return {what}, got {got}.")
    try:
        result = float(number)
    except OverflowError:  # a whole number of more than 308 digits
        result = math.inf
    if not math.isfinite(result):
        raise Wrong(f"Return {what}, got {result}: is something divided by 0, or too large for a float?")
    return result


def as_truth(value: object) -> bool:
    """What a learner's function returned, where True or False is asked for: bool, or one of NumPy or torch."""
    truth = _element(value)
    if not isinstance(truth, bool):
        raise Wrong(f"Return True or False, got {describe(value)}.")
    return truth
