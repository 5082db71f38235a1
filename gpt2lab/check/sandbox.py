"""What keeps a learner's function from disturbing the check or the notebook, whatever it does."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from gpt2lab.check.base import Wrong


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


@contextmanager
def torch_settings(name: str) -> Iterator[None]:
    """Restore torch's global settings; a change that would affect other cells counts as a mistake."""
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
