"""Experiments on what is right and often doubted."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from gpt2lab.claims.base import Figures, experiment
from gpt2lab.claims.experiments.layernorm import norm
from gpt2lab.claims.experiments.measures import farthest, numbers


@experiment("C5", shows=lambda found: found["weight on what is hidden"] == 0)
def hidden_is_zero(seed: int) -> Figures:
    """The weight left above the diagonal after masked_fill(-inf) and softmax."""
    future = torch.ones(6, 6).triu(1).bool()
    weights = numbers(seed, 6, 6).masked_fill(future, -torch.inf).softmax(-1)
    return {"weight on what is hidden": weights[future].sum().item()}


@experiment("C11", shows=lambda found: found["from a convolution of width 1"] < 1e-5 and found["others move by"] == 0)
def same_at_every_position(seed: int) -> Figures:
    """How far a linear layer is from a convolution of kernel size 1, and what a changed token does to others."""
    x, weight = numbers(seed, 6, 8), numbers(seed + 1, 16, 8)
    other = x.clone()
    other[0] += 1
    convolved = F.conv1d(x.T[None], weight[:, :, None])[0].T
    return {
        "from a convolution of width 1": (convolved - x @ weight.T).abs().max().item(),
        "others move by": (other @ weight.T - x @ weight.T)[1:].abs().max().item(),
    }


@experiment("C12", shows=lambda found: found["token 0 moves by"] == 0)
def needs_nobody(seed: int) -> Figures:
    """How far a token's normalised vector moves when all others change."""
    x = numbers(seed, 2, 4, 8)
    other = 5 * numbers(seed + 1, 2, 4, 8)
    other[0, 0] = x[0, 0]
    return {"token 0 moves by": farthest(norm(other)[0, 0], norm(x)[0, 0])}


@experiment("C23", shows=lambda found: found["difference"] < 1e-6)
def mean_of_the_parts(seed: int) -> Figures:
    """The mean of four parts' gradients against the gradient of the whole batch of 16 (largest difference)."""
    x, y = numbers(seed, 16, 4), numbers(seed + 1, 16)

    def gradient(rows: slice) -> torch.Tensor:
        weight = torch.ones(4, requires_grad=True)
        (((x[rows] @ weight) - y[rows]) ** 2).mean().backward()
        assert weight.grad is not None
        return weight.grad

    parts = torch.stack([gradient(slice(4 * i, 4 * i + 4)) for i in range(4)]).mean(0)
    return {"difference": (parts - gradient(slice(None))).abs().max().item() / gradient(slice(None)).norm().item()}
