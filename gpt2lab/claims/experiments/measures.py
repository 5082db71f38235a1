"""What the experiments share: random numbers of a seed, and how far two tensors lie apart."""

from __future__ import annotations

import torch
from torch import Tensor


def numbers(seed: int, *shape: int) -> Tensor:
    """Random numbers of mean 0 and variance 1."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def farthest(a: Tensor, b: Tensor) -> float:
    """The largest difference between two tensors of one shape."""
    return (a - b).abs().max().item()
