"""What can be read off a learner's function, and off an exception that it raised."""

from __future__ import annotations

import functools
import inspect
from types import CodeType, FrameType


def last_own_frame(error: BaseException, code: CodeType | None) -> tuple[FrameType | None, int]:
    """The innermost frame of the learner's own file, and its line."""
    found: tuple[FrameType | None, int] = None, 0
    step = error.__traceback__
    while step is not None:
        if code and step.tb_frame.f_code.co_filename == code.co_filename:
            found = step.tb_frame, step.tb_lineno
        step = step.tb_next
    return found


def name_of(function: object) -> str:
    """How messages call the function: of a partial what it wraps, of an object its class."""
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__name__", None) or type(function).__name__
    return name if isinstance(name, str) else "your function"


def code_of(function: object) -> CodeType | None:
    """The byte code behind a function, a method, a partial or an object with ``__call__``."""
    while isinstance(function, functools.partial):
        function = function.func
    if callable(function):
        function = inspect.unwrap(function)
    if not hasattr(function, "__code__"):
        function = inspect.getattr_static(type(function), "__call__", None)
    code = getattr(function, "__code__", None)
    return code if isinstance(code, CodeType) else None


def parameters_of(signature: inspect.Signature) -> list[str]:
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


def words_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # a learner's own __str__ may raise anything
        return ""
