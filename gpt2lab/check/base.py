"""What all checks share: calling the learner's function safely, and saying what came of it.

A check is a list of trials. A trial calls the learner's function and raises ``Wrong`` with one clear
message as soon as something is off. The learner never sees a traceback of ours.

Learners' functions are plain callables here: nothing wraps them in type or shape checks.
"""

from __future__ import annotations

import dis
import html
import inspect
import linecache
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

NOT_DONE = "not done yet"
_EMPTY_BODY = {"RESUME", "NOP", "RETURN_CONST", "LOAD_CONST", "RETURN_VALUE", "POP_TOP", "CACHE"}


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
        return f'<div role="status" style="{style}"><b style="color: {colour}">{sign}</b> {text}</div>'


class Learner:
    """The learner's function, called with copies, so that it cannot disturb the check."""

    def __init__(self, function: Any, parameters: tuple[str, ...]) -> None:
        if not callable(function):
            if function is ...:
                raise NotDone
            raise Wrong(f"Hand over the function itself, without calling it; this is {_describe(function)}.")
        self.function = function
        self.parameters = parameters
        self.name = getattr(function, "__name__", "your function")

    def __call__(self, *arguments: Any) -> Any:
        self._check_signature(arguments)
        copies = tuple(a.clone() if isinstance(a, Tensor) else a for a in arguments)
        try:
            result = self.function(*copies)
        except Exception as error:
            if "ellipsis" in str(error):  # a line of the exercise still reads `scores = ...`
                raise NotDone from None
            raise Wrong(self._stopped(error, arguments)) from None
        if result is None and not self._is_empty():
            raise Wrong(f"{self.name} returns nothing. Is its last line a `return`?")
        if result is None or result is ... or (isinstance(result, tuple) and any(r is ... for r in result)):
            raise NotDone
        for name, before, after in zip(self.parameters, arguments, copies, strict=False):
            if isinstance(before, Tensor) and not _same(before, after):
                raise Wrong(
                    f"{self.name} changes its argument {name} in place (as += and masked_fill_ do). "
                    "Return a new tensor: the caller still needs the old one."
                )
        return result

    def tensor(self, *arguments: Any, shape: tuple[int, ...] | None = None, why: str = "") -> Tensor:
        """Call it and insist on one tensor, of ``shape`` if given; ``why`` explains that shape."""
        return as_tensor(self(*arguments), self.name, shape, f"{self._called(arguments)} {why}".strip())

    def _check_signature(self, arguments: tuple) -> None:
        try:
            signature = inspect.signature(self.function)
            signature.bind(*arguments)
        except TypeError:
            wanted = ", ".join(self.parameters[: len(arguments)])
            raise Wrong(f"{self.name} must take ({wanted}); yours takes {signature}.") from None
        except ValueError:  # a builtin without a signature
            return

    def _called(self, arguments: tuple) -> str:
        given = zip(self.parameters, arguments, strict=False)
        return "It was called with " + ", ".join(f"{name} {_describe(value)}" for name, value in given) + "."

    def _stopped(self, error: Exception, arguments: tuple) -> str:
        """One sentence: which of the learner's lines failed, and how."""
        code = getattr(inspect.unwrap(self.function), "__code__", None)
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if code and frame.filename == code.co_filename]
        where = ""
        if own:
            line = linecache.getline(own[-1].filename, own[-1].lineno or 0).strip()
            where = f" at `{line}`" if line else ""
        reason = (str(error).strip().splitlines() or ["no message"])[0].rstrip(".")
        return f"{self.name} stops{where} with {type(error).__name__}: {reason}. {self._called(arguments)}"

    def _is_empty(self) -> bool:
        code = getattr(self.function, "__code__", None)
        return code is not None and {step.opname for step in dis.get_instructions(code)} <= _EMPTY_BODY


Trial = Callable[[Learner], None]


def examine(name: str, function: Any, parameters: str, *trials: Trial) -> CheckResult:
    """Run the trials one after the other until one objects.

    Parameters
    ----------
    name : str
        Of the check, as it appears in the result.
    function : callable
        The learner's.
    parameters : str
        Names of its parameters, separated by blanks.
    """
    with torch.random.fork_rng(devices=[]):  # same numbers in every run; the learner's own RNG is left alone
        torch.manual_seed(0)
        try:
            learner = Learner(function, tuple(parameters.split()))
            for trial in trials:
                trial(learner)
        except NotDone:
            return CheckResult(name, None)
        except Wrong as wrong:
            return CheckResult(name, False, str(wrong))
    return CheckResult(name, True, f"passed, {len(trials)} trial{'s' if len(trials) > 1 else ''}")


def as_tensor(value: Any, name: str, shape: tuple[int, ...] | None = None, context: str = "") -> Tensor:
    """Insist that the learner's value is a tensor, of ``shape`` if given."""
    if isinstance(value, tuple) and len(value) == 1:
        raise Wrong(f"{name} returns a tuple with one tensor in it. Is there a comma at the end of the return?")
    if not isinstance(value, Tensor):
        raise Wrong(f"{name} must return a tensor, got {_describe(value)}. {context}".strip())
    if shape is not None and tuple(value.shape) != tuple(shape):
        raise Wrong(f"The result has shape {tuple(value.shape)}, expected {tuple(shape)}. {context}".strip())
    return value


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
        raise Wrong(f"{otherwise} The result has shape {tuple(actual.shape)}, expected {tuple(expected.shape)}.")
    for message, result in mistakes.items():
        if agree(actual, result, tolerance, equal_nan=True):
            raise Wrong(message)
    raise Wrong(f"{otherwise} {difference(actual, expected)}")


def difference(actual: Tensor, expected: Tensor) -> str:
    """Where two tensors of one shape are farthest apart, in words."""
    if not bool(torch.isfinite(actual).all()):
        return f"There are {int((~torch.isfinite(actual)).sum())} values that are NaN or infinite."
    gap = (actual.to(expected.dtype) - expected).abs()
    index = tuple(int(i) for i in torch.unravel_index(gap.argmax(), gap.shape))
    place = f" at index {list(index)}" if index else ""
    return f"Yours is {float(actual[index]):.4g}{place}, expected {float(expected[index]):.4g}."


def changed(before: Tensor, after: Tensor) -> float:
    """Largest absolute change."""
    return float((after - before).abs().max())


def _same(before: Tensor, after: Tensor) -> bool:
    return before.shape == after.shape and torch.equal(torch.nan_to_num(before), torch.nan_to_num(after))


def _describe(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"{tuple(value.shape)}"
    if callable(value):
        return "a function"
    if isinstance(value, (bool, int, float, str)):
        return repr(value)
    if isinstance(value, (list, tuple)) and len(value) <= 4 and all(isinstance(v, (int, float)) for v in value):
        return repr(value)
    return f"a {type(value).__name__}"


def as_number(value: Any) -> float:
    """What a learner's function returned, where one number is asked for."""
    if isinstance(value, Tensor) and value.numel() == 1:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Wrong(f"Return a number, got {type(value).__name__}.")
    return float(value)
