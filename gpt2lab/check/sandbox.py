"""What keeps a learner's function from disturbing the check or the notebook, whatever it does."""

from __future__ import annotations

import os
import random
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Generic, TextIO, TypeVar, cast

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from gpt2lab.check.base import Wrong

T = TypeVar("T")
MOST_PRINTED = 50_000  # characters that a function may print while it is checked


@contextmanager
def random_state() -> Iterator[None]:
    """Random numbers of torch, NumPy and Python go on afterwards as if nothing had been drawn."""
    of_python, of_numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)


class Watch(TorchFunctionMode):
    """Notes which of torch's functions are called, by name; used to find what an exercise forbids."""

    def __init__(self) -> None:
        super().__init__()
        self.called: set[str] = set()

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Iterable[type],
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        self.called.add(getattr(func, "__name__", ""))
        return func(*args, **(kwargs or {}))


@dataclass(frozen=True)
class Setting(Generic[T]):
    """Something that holds for the whole notebook, and that one function has no business changing."""

    read: Callable[[], T]
    write: Callable[[T], None]
    told: Callable[[T], str]  # from the value that it was changed to: what the function does, and what to do instead


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # it has been deleted
        return ""


def _enter(folder: str) -> None:
    if folder:
        os.chdir(folder)


def _set_filters(filters: list[object]) -> None:
    warnings.resetwarnings()  # also makes Python look at the filters again
    warnings.filters[:] = filters  # type: ignore[index]


def _gradients(on: bool) -> str:
    block = "enable_grad" if on else "no_grad"
    return (
        f"switches gradients {'on' if on else 'off'} for the whole notebook (set_grad_enabled). "
        f"Use `with torch.{block}():`, which ends with its block."
    )


_SETTINGS: tuple[Setting, ...] = (
    Setting(torch.is_grad_enabled, lambda on: cast(None, torch.set_grad_enabled(on)), _gradients),
    Setting(
        torch.get_default_dtype,
        torch.set_default_dtype,
        lambda dtype: (
            f"changes torch's default dtype to {dtype} for the whole notebook. "
            "Convert the tensors instead: x.double(), x.float()."
        ),
    ),
    Setting(
        torch.get_default_device,
        lambda device: torch.set_default_device(None if device.type == "cpu" else device),
        lambda device: (
            f"changes torch's default device to {device} for the whole notebook. "
            "Say where a tensor lies when you make it: device=x.device."
        ),
    ),
    Setting(
        torch.get_num_threads,
        torch.set_num_threads,
        lambda n: f"changes the number of torch's threads to {n} for the whole notebook. Leave it as it is.",
    ),
    Setting(
        lambda: (torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()),
        lambda flags: torch.use_deterministic_algorithms(flags[0], warn_only=flags[1]),
        lambda flags: (
            f"switches torch's deterministic algorithms {'on' if flags[0] else 'off'} for the whole notebook "
            "(use_deterministic_algorithms). Leave them as they are."
        ),
    ),
    Setting(
        torch.get_float32_matmul_precision,
        torch.set_float32_matmul_precision,
        lambda precision: (
            f"changes the precision of matrix products to {precision!r} for the whole notebook "
            "(set_float32_matmul_precision). Leave it as it is."
        ),
    ),
    Setting(
        np.geterr,
        lambda errors: cast(None, np.seterr(**errors)),
        lambda errors: (
            "changes what NumPy says about overflow and division by zero in the whole notebook (seterr). "
            "Use `with np.errstate(…):`, which ends with its block."
        ),
    ),
    Setting(
        sys.getrecursionlimit,
        sys.setrecursionlimit,
        lambda limit: f"changes Python's limit of recursion to {limit}. Use a loop where calls would nest so deeply.",
    ),
    Setting(
        _folder,
        _enter,
        lambda folder: "changes the current folder of the notebook (chdir). Give files their whole path instead.",
    ),
)
_FILTERS: Setting[list[object]] = Setting(
    lambda: list(warnings.filters),
    _set_filters,
    lambda filters: (
        "changes for the whole notebook which warnings are shown. "
        "Use `with warnings.catch_warnings():`, which ends with its block."
    ),
)


@contextmanager
def settings_kept(name: str) -> Iterator[None]:
    """Put back what the function ``name`` changes for the whole notebook; to change it counts as a mistake."""
    before = [setting.read() for setting in _SETTINGS]
    filters, modules = _FILTERS.read(), len(sys.modules)
    told = []
    try:
        yield
    finally:
        for setting, value in zip(_SETTINGS, before, strict=True):
            if (now := setting.read()) != value:
                setting.write(value)
                told.append(setting.told(now))
        if _FILTERS.read() != filters and len(sys.modules) == modules:  # a module's own filters stay
            _FILTERS.write(filters)
            told.append(_FILTERS.told([]))
    if told:
        raise Wrong(f"{name} {told[0]}")


class Paper:
    """What a function may print while it is checked: beyond ``MOST_PRINTED`` characters it is stopped."""

    def __init__(self, name: str) -> None:
        self.name, self.left = name, MOST_PRINTED

    @contextmanager
    def used(self) -> Iterator[None]:
        """Let what is printed in this block through as long as there is room for it."""
        out, errors = (cast(TextIO, _Stream(stream, stream.write, self)) for stream in (sys.stdout, sys.stderr))
        with redirect_stdout(out), redirect_stderr(errors):
            yield
        if self.left < 0:  # the function has caught what stopped it
            raise self.full()

    def full(self) -> Wrong:
        return Wrong(
            f"{self.name} prints more than {MOST_PRINTED:,} characters, and the rest is not shown. "
            "Take the print out, or print a shape instead of the numbers."
        )


class _Stream:
    """A stream that passes on what there is room for."""

    def __init__(self, stream: object, write: Callable[[str], object], paper: Paper) -> None:
        self._stream, self._write, self._paper = stream, write, paper

    def write(self, text: str) -> int:
        room = max(self._paper.left, 0)
        self._paper.left -= len(text)
        self._write(text[:room])
        if self._paper.left < 0:
            raise self._paper.full()
        return len(text)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def copy_of(value: object) -> object:
    """A copy of tensors and of the plain containers that hold them."""
    if isinstance(value, Tensor):
        return value.clone()
    if type(value) is dict:
        return {key: copy_of(item) for key, item in value.items()}
    if type(value) is list:
        return [copy_of(item) for item in value]
    if type(value) is tuple:
        return tuple(copy_of(item) for item in value)
    return value


def same(before: object, after: object) -> bool:
    """Whether a copy made by ``copy_of`` still equals its original; NaN equals NaN."""
    if isinstance(before, Tensor):
        return (
            isinstance(after, Tensor)
            and before.shape == after.shape
            and bool(((before == after) | (before.isnan() & after.isnan())).all())
        )
    if type(before) is dict:
        return type(after) is dict and list(before) == list(after) and all(same(before[k], after[k]) for k in before)
    if type(before) in (list, tuple):
        assert isinstance(before, (list, tuple)) and isinstance(after, (list, tuple))
        return len(before) == len(after) and all(same(b, a) for b, a in zip(before, after, strict=True))
    return True
