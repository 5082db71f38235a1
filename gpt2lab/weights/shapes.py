"""A GPT-2 on the meta device: every module and parameter with its shape, without memory for the numbers.

Random numbers on torch's meta device make torch import a library for symbolic mathematics (80 MB in every
kernel, for nothing), so the initialisation is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from gpt2lab.config import GPT2Config
from gpt2lab.model import GPT2


class _WithoutDrawing(TorchFunctionMode):
    """Functions of ``torch.nn.init`` return the tensor as it is."""

    def __torch_function__(
        self,
        func: Callable[..., Any],  # Any: whatever torch is asked to do inside
        types: Sequence[type],
        args: Sequence[Any] = (),  # Any: the same
        kwargs: Mapping[str, Any] | None = None,  # Any: the same
    ) -> Any:  # Any: what torch returns
        given = dict(kwargs or {})
        if getattr(func, "__module__", None) == nn.init.__name__:
            return args[0] if args else given["tensor"]
        return func(*args, **given)


def shapes_only(config: GPT2Config) -> GPT2:
    """The model of a config on the meta device."""
    with torch.device("meta"), _WithoutDrawing():
        return GPT2(config)
