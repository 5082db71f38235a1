"""The options of a question, and which of them a measured value fits."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from gpt2lab.errors import InputError, is_number, is_whole, shown, validates

# What makes an option the right one: a value, an interval (low, high), or a function of what was measured.
Rule: TypeAlias = str | bool | int | float | tuple[float | None, float | None] | Callable[..., object]

TOLERANCE = 0.01  # relative: a measured 0.3329 is "a third"
NEAR_ZERO = 1e-6  # absolute: rounding errors are 0
DIGITS = 4


class Interval(NamedTuple):
    """low ≤ v < high."""

    low: float
    high: float


Known: TypeAlias = str | bool | int | float | Interval | Callable[..., object]  # a rule that was checked


@dataclass(frozen=True)
class Options:
    """Labels, each with its rule, made by ``of``.

    A value fits if it is equal: whole numbers exactly, floats to ``tolerance``. A pair ``(low, high)`` is the
    interval low ≤ v < high, so that neighbours share no value; the interval that reaches highest includes
    its upper end. None is an open end. A function is called with the measured value.
    """

    rules: dict[str, Known]
    tolerance: float

    @classmethod
    @validates
    def of(cls, given: Sequence[object] | Mapping[str, Rule], tolerance: float) -> Options:
        """Options from labels, or from labels with rules. A label alone stands for itself.

        Raises
        ------
        InputError
            If there are fewer than two options, two with one label, or a rule that is none of the three.
        """
        if not is_number(tolerance) or not 0 <= tolerance < 1:
            raise InputError(f"tolerance must be a number from 0 to below 1, got {shown(tolerance)}")
        labels = [str(label) for label in given]
        if len(set(labels)) != len(labels) or len(labels) < 2:
            raise InputError(f"Predict needs at least two different options, got {listed(labels)}")
        if isinstance(given, Mapping):
            rules = [_known(str(label), rule) for label, rule in given.items()]
        else:
            rules = [_known(str(label), label if is_number(single(label)) else str(label)) for label in given]
        return cls(dict(zip(labels, rules, strict=True)), float(tolerance))

    def fitting(self, measured: object) -> str | None:
        """The option that a measured value fits, or None.

        Raises
        ------
        InputError
            If two fit, if a rule fails on the value, or for a tensor of several numbers where a rule asks for one.
        """
        value = single(measured)
        if (size := _size(value)) and not all(callable(rule) for rule in self.rules.values()):
            raise InputError(f"compare needs one value, got {size}; take one number of it, such as .max() or .mean()")
        found = [label for label, rule in self.rules.items() if self._fits(label, rule, value)]
        if len(found) > 1:
            raise InputError(f"The options {listed(found)} both fit {said(value)}: change their rules so that one does")
        return found[0] if found else None

    def _fits(self, label: str, rule: Known, value: object) -> bool:
        if callable(rule):
            try:
                return bool(rule(value))
            except Exception as error:  # the author's function may raise anything
                reason = f"{type(error).__name__}: {error}"
                raise InputError(f"The rule of option {label!r} fails on {said(value)} ({reason})") from error
        if isinstance(rule, str):
            return str(value) == rule
        if isinstance(rule, bool) or not is_number(value):  # True is not the number 1
            return isinstance(rule, bool) and isinstance(value, bool) and rule is value
        if isinstance(rule, int) and is_whole(value):
            return bool(rule == value)
        assert isinstance(value, numbers.Real)
        number = float(value)
        if isinstance(rule, Interval):
            return rule.low <= number < rule.high or number == rule.high == self._highest()
        return math.isclose(number, rule, rel_tol=self.tolerance, abs_tol=NEAR_ZERO)

    def _highest(self) -> float:
        return max(rule.high for rule in self.rules.values() if isinstance(rule, Interval))


def _known(label: str, given: object) -> Known:
    """A rule as an author writes it, checked; numbers as Python's own."""
    rule = single(given)
    if isinstance(rule, str | bool) or callable(rule):
        return rule
    if is_whole(rule):
        return int(rule)
    if isinstance(rule, numbers.Real):
        return float(rule)
    if isinstance(rule, tuple) and len(rule) == 2 and all(end is None or is_number(end) for end in rule):
        low, high = rule
        interval = Interval(-math.inf if low is None else float(low), math.inf if high is None else float(high))
        if interval.low < interval.high:
            return interval
        raise InputError(f"The interval of option {label!r} must be (low, high) with low < high, got {rule!r}")
    wanted = "a value, an interval (low, high) or a function"
    raise InputError(f"The rule of option {label!r} must be {wanted}, got {shown(rule)}")


def single(measured: object) -> object:
    """The Python value in a tensor or array with one element; anything else as it is."""
    size = getattr(measured, "numel", None)  # torch's is a function; NumPy has the number `size`
    count = size() if callable(size) else getattr(measured, "size", None)
    item = getattr(measured, "item", None)
    return item() if count == 1 and callable(item) else measured


def _size(value: object) -> str:
    """How messages call a tensor or array that was not one value; empty for anything else."""
    shape = getattr(value, "shape", None)
    return "" if shape is None else f"a {type(value).__name__} of shape {tuple(shape)}"


def said(value: object) -> str:
    """A measured value for people: floats with four significant digits, whole numbers in full."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return shown(value)
    if is_whole(value):
        return f"{int(value):,}"
    number = float(value)
    text = f"{number:.{DIGITS}g}"
    return f"{float(text):,.0f}" if "e+" in text and abs(number) < 1e9 else text


def listed(labels: Sequence[str]) -> str:
    return ", ".join(map(repr, labels))
