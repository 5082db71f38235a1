"""Calling a learner's function so that it cannot disturb the check or the notebook, whatever it does."""

from __future__ import annotations

import dis
import functools
import inspect
import linecache
import random
import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, EllipsisType
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from gpt2lab import records
from gpt2lab.check.base import Answer, CheckResult, NotDone, Wrong, as_tensor, describe

_EMPTY_BODY = {"RESUME", "NOP", "RETURN_CONST", "LOAD_CONST", "RETURN_VALUE", "POP_TOP", "CACHE"}

# What the failing line or torch's message gives away, and what to say about it.
_HINTS = (
    (r"torch\.return_types", "max(dim) and min(dim) return values and indices: take .values, or use amax or amin"),
    (r"\.transpose\(0, ?1\)|\.t\(\)|\.T\b", "that moves the first axes; count the axes from the end: -1, -2"),
    (r"view size is not compatible", "view needs memory in order; after a transpose use reshape or flatten"),
    (r"must match the size|mat1 and mat2|Expected size for first two|batch2", "compare the .shape of both sides"),
)


class Learner:
    """The learner's function, called with copies, so that it cannot disturb the check."""

    def __init__(self, function: object, parameters: tuple[str, ...]) -> None:
        if isinstance(function, EllipsisType):
            raise NotDone
        if inspect.isclass(function):
            raise Wrong(f"{function.__name__} is a class. Hand over a function, or an object that can be called.")
        if not callable(function):
            raise Wrong(f"Hand over the function itself, without calling it; this is {describe(function)}.")
        self.function: Answer = function
        self.parameters = parameters
        self.name = _name(function)
        self.may_change: frozenset[str] = frozenset()  # parameters it may change in place

    def __call__(self, *arguments: object) -> object:
        self._check_signature(arguments)
        copies = tuple(_copy(a) for a in arguments)
        with _torch_settings(self.name):
            try:
                result = self.function(*copies)
            except KeyboardInterrupt:  # the person at the keyboard, not the answer
                raise
            except BaseException as error:  # SystemExit too: it must not end the kernel
                if "ellipsis" in _words(error):  # a line of the exercise still reads `scores = ...`
                    raise NotDone from None
                raise Wrong(self._stopped(error, arguments)) from None
        if result is None and not self._is_empty():
            raise Wrong(f"{self.name} returns nothing. Is its last line a `return`?")
        if result is None or result is ... or (isinstance(result, tuple) and any(r is ... for r in result)):
            raise NotDone
        for name, before, after in zip(self.parameters, arguments, copies, strict=False):
            if name not in self.may_change and not _same(before, after):
                raise Wrong(
                    f"{self.name} changes its argument {name} in place (as += and masked_fill_ do). "
                    "Return a new one: the caller still needs the old one."
                )
        return result

    def tensor(self, *arguments: object, shape: tuple[int, ...] | None = None, why: str = "") -> Tensor:
        """Call it and insist on one tensor, of ``shape`` if given; ``why`` explains that shape."""
        return as_tensor(self(*arguments), self.name, shape, f"{self._called(arguments)} {why}".strip())

    def _check_signature(self, arguments: tuple[object, ...]) -> None:
        try:
            signature = inspect.signature(self.function)
        except Exception:  # a builtin without one, or a broken __signature__: the call itself will tell
            return
        try:
            signature.bind(*arguments)
        except TypeError:
            wanted = ", ".join(self.parameters[: len(arguments)])
            raise Wrong(f"{self.name} must take ({wanted}); yours takes ({', '.join(_plain(signature))}).") from None

    def _called(self, arguments: tuple[object, ...]) -> str:
        given = zip(self.parameters, arguments, strict=False)
        return "It was called with " + ", ".join(f"{name} {describe(value)}" for name, value in given) + "."

    def _stopped(self, error: BaseException, arguments: tuple[object, ...]) -> str:
        """One sentence: which of the learner's lines failed, and how."""
        code = _code(self.function)
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if code and frame.filename == code.co_filename]
        line = linecache.getline(own[-1].filename, own[-1].lineno or 0).strip() if own else ""
        where = f" at `{line}`" if line else ""
        reason = (_words(error).strip().splitlines() or ["no message"])[0].rstrip(".")
        if isinstance(error, SystemExit):
            reason = "it would end the whole notebook, use return"
        hints = [hint for pattern, hint in _HINTS if re.search(pattern, f"{line} {reason}")]
        hint = f" ({hints[0]})" if hints and isinstance(error, (RuntimeError, TypeError, IndexError)) else ""
        return f"{self.name} stops{where} with {type(error).__name__}: {reason[:300]}{hint}. {self._called(arguments)}"

    def _is_empty(self) -> bool:
        code = _code(self.function)
        return code is not None and {step.opname for step in dis.get_instructions(code)} <= _EMPTY_BODY


Trial: TypeAlias = Callable[[Learner], None]


def examine(name: str, function: object, parameters: str, *trials: Trial) -> CheckResult:
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
    with _random_state():  # the same numbers in every run; the learner's own generators are left alone
        torch.manual_seed(0)
        called = "your function"
        try:
            learner = Learner(function, tuple(parameters.split()))
            called = learner.name
            for trial in trials:
                trial(learner)
        except NotDone:
            return CheckResult(name, None)
        except Wrong as wrong:
            return CheckResult(name, False, str(wrong))
        except Exception as error:  # a result that cannot even be compared, such as a sparse tensor
            return CheckResult(
                name,
                False,
                f"The result of {called} is of a kind that cannot be compared ({type(error).__name__}). "
                "Return ordinary tensors, numbers or tuples.",
            )
    trouble = "" if records.kept("exercises", name) else records.keep("exercises", name, {"passed": records.now()})
    return CheckResult(
        name, True, f"passed, {len(trials)} trial{'s' if len(trials) > 1 else ''}{trouble and '. '}{trouble}"
    )


@contextmanager
def _random_state() -> Iterator[None]:
    """Random numbers of torch, NumPy and Python go on afterwards as if nothing had been drawn."""
    of_python, of_numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)


@contextmanager
def _torch_settings(name: str) -> Iterator[None]:
    """Put back torch's global settings; a change that other cells would feel is wrong, and said."""
    gradients, dtype, threads = torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_num_threads()
    try:
        yield
        if torch.is_grad_enabled() != gradients:
            raise Wrong(
                f"{name} switches gradients {'off' if gradients else 'on'} for the whole notebook (set_grad_enabled). "
                f"Use `with torch.{'no_grad' if gradients else 'enable_grad'}():`, which ends with its block."
            )
        if torch.get_default_dtype() != dtype:
            raise Wrong(
                f"{name} changes torch's default dtype to {torch.get_default_dtype()} for the whole notebook. "
                "Convert the tensors instead: x.double(), x.float()."
            )
    finally:
        torch.set_grad_enabled(gradients)
        torch.set_default_dtype(dtype)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)


def _name(function: object) -> str:
    """How messages call the function: of a partial what it wraps, of an object its class."""
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__name__", None) or type(function).__name__
    return name if isinstance(name, str) else "your function"


def _code(function: object) -> CodeType | None:
    """The byte code behind a function, a method, a partial or an object with ``__call__``."""
    while isinstance(function, functools.partial):
        function = function.func
    if callable(function):
        function = inspect.unwrap(function)
    if not hasattr(function, "__code__"):
        function = inspect.getattr_static(type(function), "__call__", None)
    code = getattr(function, "__code__", None)
    return code if isinstance(code, CodeType) else None


def _plain(signature: inspect.Signature) -> list[str]:
    """Parameters by name, with the stars; a default may have a repr that fails, so none is shown."""
    names, bare = [], False
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            names.append(f"*{parameter.name}")
            bare = True
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not bare:
            names.append("*")
            bare = True
        names.append(f"**{parameter.name}" if parameter.kind is parameter.VAR_KEYWORD else parameter.name)
    return names


def _words(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # a learner's own __str__ may raise anything
        return ""


def _copy(value: object) -> object:
    """A copy of tensors and of the plain containers that hold them."""
    if isinstance(value, Tensor):
        return value.clone()
    if type(value) is dict:
        return {key: _copy(item) for key, item in value.items()}
    if type(value) is list:
        return [_copy(item) for item in value]
    if type(value) is tuple:
        return tuple(_copy(item) for item in value)
    return value


def _same(before: object, after: object) -> bool:
    """Whether a copy made by ``_copy`` still equals its original; NaN equals NaN."""
    if isinstance(before, Tensor):
        return (
            isinstance(after, Tensor)
            and before.shape == after.shape
            and bool(((before == after) | (before.isnan() & after.isnan())).all())
        )
    if type(before) is dict:
        return type(after) is dict and list(before) == list(after) and all(_same(before[k], after[k]) for k in before)
    if type(before) in (list, tuple):
        assert isinstance(before, (list, tuple)) and isinstance(after, (list, tuple))
        return len(before) == len(after) and all(_same(b, a) for b, a in zip(before, after, strict=True))
    return True
