"""The errors of the course, and the checks of arguments that raise them.

Every error that a person can put right is a ``CourseError``: the command shows its message and no
traceback. Any other exception is a defect of the course, and the command calls it one.
"""

from __future__ import annotations

import math
import numbers
from typing import TypeGuard, TypeVar

T = TypeVar("T")


class CourseError(Exception):
    """Something that the person at the keyboard can put right; the message says what and how."""


class InputError(CourseError, ValueError):
    """A value that was handed in has no meaning here; the message says what was expected and what came."""


class CheckpointError(CourseError, RuntimeError):
    """A checkpoint file or directory that cannot be used; the message names it and says why.

    Mistakes in an argument raise ``InputError``, a ``ValueError``, instead.
    """


class DivergenceError(CourseError, RuntimeError):
    """Training stopped because the loss exploded.

    Attributes
    ----------
    step : int
        The step whose loss it was, counted from 1.
    loss : float
        In nats.
    checkpoint : Path or None
        The last good one.
    """

    def __init__(self, step: int, loss: float, advice: str, checkpoint: object = None) -> None:
        kept = f"; the last good checkpoint is {checkpoint}" if checkpoint else ""
        super().__init__(f"training diverged at step {step} with a loss of {loss:.4g} nats: {advice}{kept}")
        self.step, self.loss, self.checkpoint = step, loss, checkpoint


def shorten(text: str, most: int = 200) -> str:
    """A text for the inside of a message: cut in the middle where it is longer than ``most`` characters."""
    return text if len(text) <= most else f"{text[: most // 2]} … {text[-most // 2 :]}"


def whole_number(name: str, value: object, least: int = 0, otherwise: str = "") -> int:
    """``value`` as an int; NumPy's whole numbers are whole numbers, True and False are not.

    Parameters
    ----------
    name : str
        What the message calls it.
    least : int
        The smallest one that has a meaning.
    otherwise : str
        What else the argument may be, for the message, such as ", or None for all tokens".

    Raises
    ------
    InputError
        For anything else.
    """
    if not is_whole(value) or value < least:
        raise InputError(f"{name} must be a whole number of at least {least}{otherwise}, got {shown(value, 200)}")
    return int(value)


def is_whole(value: object) -> TypeGuard[numbers.Integral]:
    """Whether a value is a whole number: Python's or NumPy's, not True, False or a tensor."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Whether a value is a real number that a float can hold: int, float or NumPy's, not True, False or a tensor."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return False
    try:
        float(value)
    except OverflowError:  # a whole number of more than 308 digits
        return False
    return True


def as_real(value: object) -> float:
    """A real number as a float; nan for anything that ``is_number`` refuses."""
    return float(value) if is_number(value) else math.nan  # type: ignore[arg-type]  # is_number has looked


def shown(value: object, most: int = 80) -> str:
    """``repr(value)``, cut to ``most`` characters; the name of the type where repr itself fails."""
    try:
        text = repr(value)
    except Exception:  # a learner's own __repr__ may raise anything
        return f"a {type(value).__name__}"
    return text if len(text) <= most else text[: most - 1] + "…"


def first_line(error: Exception) -> str:
    """The first line of an error's message; nothing if the error cannot be printed."""
    try:
        return (str(error).splitlines() or [""])[0]
    except Exception:  # a learner's own __str__ may raise anything
        return ""


def validates(function: T) -> T:
    """Mark a function or class that checks its arguments itself and promises an ``InputError``.

    The tests load the package with every annotation enforced. That check would come first and raise an
    error of its own; what is marked is exempt, so that its annotations can say the honest types.
    """
    function.__no_type_check__ = True  # type: ignore[attr-defined]
    return function
