"""Calling a learner's function, and saying in one sentence what went wrong in it."""

from __future__ import annotations

import dis
import inspect
import linecache
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import EllipsisType, FrameType
from typing import TypeAlias

import torch
from torch import Tensor

from gpt2lab.check import axes
from gpt2lab.check.base import Answer, CheckResult, NotDone, Wrong, as_tensor, describe
from gpt2lab.check.patience import SECONDS, Patience, TooLong
from gpt2lab.check.reading import code_of, last_own_frame, name_of, parameters_of, words_of
from gpt2lab.check.sandbox import Paper, Watch, copy_of, random_state, same, settings_kept
from gpt2lab.files import records

_EMPTY_BODY = {"RESUME", "NOP", "RETURN_CONST", "LOAD_CONST", "RETURN_VALUE", "POP_TOP", "CACHE"}


class Interrupted(KeyboardInterrupt):
    """The person has stopped a check. It stays a KeyboardInterrupt, so that the cells below do not run either."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows: the sentence, without the way that led there."""
        return [str(self)]


class Learner:
    """The learner's function, called with copies, so that it cannot disturb the check.

    Parameters
    ----------
    patience : Patience
        What ends a call that does not end.
    """

    def __init__(self, function: object, parameters: tuple[str, ...], patience: Patience) -> None:
        if isinstance(function, EllipsisType):
            raise NotDone
        if inspect.isclass(function):
            raise Wrong(f"{function.__name__} is a class. Hand over a function, or an object that can be called.")
        if not callable(function):
            raise Wrong(f"Hand over the function itself, without calling it; this is {describe(function)}.")
        self.function: Answer = function
        self.parameters = parameters
        self.patience = patience
        self.seconds = SECONDS  # that one call may take
        self.name = name_of(function)
        self.paper = Paper(self.name)
        self.may_change: frozenset[str] = frozenset()  # parameters it may change in place
        self.forbidden: dict[str, str] = {}  # names of functions that the exercise forbids, and what to say

    def __call__(self, *arguments: object) -> object:
        self._check_signature(arguments)
        copies = tuple(copy_of(a) for a in arguments)
        with settings_kept(self.name), self.paper.used(), Watch() as watch:
            try:
                with self.patience.lasts(self.seconds):
                    result = self.function(*copies)
            except Wrong:  # what it printed was too much
                raise
            except TooLong as error:
                raise Wrong(
                    f"{self.name} does not end: after {self.seconds:g} s it was{self._where(error) or ' still running'}. "
                    "Does a loop go on for ever?"
                ) from None
            except KeyboardInterrupt as error:  # from the person, not from the answer
                raise Interrupted(f"{self.name} was interrupted{self._where(error)}.") from None
            except BaseException as error:  # SystemExit too: it must not end the kernel
                if "ellipsis" in words_of(error):  # a line of the exercise still reads `scores = ...`
                    raise NotDone from None
                raise Wrong(self._stopped(error, arguments)) from error
        code = code_of(self.function)
        for name in watch.called | set(code.co_names if code else ()):
            if name in self.forbidden:
                raise Wrong(self.forbidden[name])
        if result is None and not self._is_empty():
            raise Wrong(f"{self.name} returns nothing. Is its last line a `return`?")
        if result is None or result is ... or (isinstance(result, tuple) and any(r is ... for r in result)):
            raise NotDone
        for name, before, after in zip(self.parameters, arguments, copies, strict=False):
            if name not in self.may_change and not same(before, after):
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
            raise Wrong(
                f"{self.name} must take ({wanted}); yours takes ({', '.join(parameters_of(signature))})."
            ) from None

    def _called(self, arguments: tuple[object, ...]) -> str:
        given = [f"{name} {_given(name, value)}" for name, value in zip(self.parameters, arguments, strict=False)]
        return f"It was called with {', '.join(given) or 'no arguments'}."

    def _stopped(self, error: BaseException, arguments: tuple[object, ...]) -> str:
        """One sentence: which of the learner's lines failed, and how."""
        frame, line = self._last_line(error)
        where = self._where(error)
        words = words_of(error)
        reason = (words.strip().splitlines() or ["no message"])[0].rstrip(".")
        if isinstance(error, SystemExit):
            reason = "it would end the whole notebook, use return"
        if frame and isinstance(error, (RuntimeError, TypeError, IndexError)):
            given = dict(zip(self.parameters, arguments, strict=False))
            if meaning := axes.explain(words, line, given, frame.f_locals):
                return f"{self.name} stops{where}: {meaning}. {self._called(arguments)}"
        return f"{self.name} stops{where} with {type(error).__name__}: {reason[:300]}. {self._called(arguments)}"

    def _last_line(self, error: BaseException) -> tuple[FrameType | None, str]:
        """The innermost frame of the learner's own file, and the text of its line."""
        frame, number = last_own_frame(error, code_of(self.function))
        return frame, linecache.getline(frame.f_code.co_filename, number).strip() if frame else ""

    def _where(self, error: BaseException) -> str:
        line = self._last_line(error)[1]
        return f" at `{line}`" if line else ""

    def _is_empty(self) -> bool:
        code = code_of(self.function)
        return code is not None and {step.opname for step in dis.get_instructions(code)} <= _EMPTY_BODY


Trial: TypeAlias = Callable[[Learner], None]


def examine(name: str, function: object, parameters: str, *trials: Trial) -> CheckResult:
    """Run the trials in order until one fails.

    Parameters
    ----------
    name : str
        Of the check, as it appears in the result.
    function : callable
        The learner's.
    parameters : str
        Names of its parameters, separated by blanks.
    """
    with Patience() as patience, random_state():  # the same numbers in every run; those of the learner go on
        torch.manual_seed(0)
        called = "your function"
        try:
            learner = Learner(function, tuple(parameters.split()), patience)
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


def _given(name: str, value: object) -> str:
    return axes.named(name, value) if isinstance(value, Tensor) else describe(value)


@contextmanager
def explained(stops: Mapping[str, str]) -> Iterator[None]:
    """In a message about a function that stopped, put what the error means there for what torch said.

    Parameters
    ----------
    stops : mapping of str to str
        Words of the error -> what it means in this exercise.
    """
    try:
        yield
    except Wrong as wrong:
        where, _, said = str(wrong).partition(" with ")
        for words, meaning in stops.items():
            if words in said:
                raise Wrong(f"{where}: {meaning}") from None
        raise
