"""What the experiments share: random numbers of a seed, how far two tensors lie apart, and what a call ends in."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def numbers(seed: int, *shape: int) -> Tensor:
    """Random numbers of mean 0 and variance 1."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def farthest(a: Tensor, b: Tensor) -> float:
    """The largest difference between two tensors of one shape."""
    return (a - b).abs().max().item()


def stops(error: type[Exception], function: Callable[..., object], *arguments: object) -> int:
    """1 if the call ends in that error, 0 if it returns; any other error is a mistake of the experiment."""
    try:
        function(*arguments)
    except error:
        return 1
    return 0


def likeness(x: Tensor) -> float:
    """The mean cosine of neighbouring rows, (..., T, d): 1 where all point the same way."""
    return torch.cosine_similarity(x[..., 1:, :], x[..., :-1, :], dim=-1).mean().item()
