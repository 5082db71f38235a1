"""Experiments on the claims about dropout."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gpt2lab.claims.base import Figures, experiment
from gpt2lab.claims.experiments.measures import farthest


def keeps_what_it_should_drop(x: Tensor, p: float) -> Tensor:
    mask = torch.rand(x.shape) < p
    return x * mask


def inverted_dropout(x: Tensor, p: float) -> Tensor:
    mask = torch.rand(x.shape) >= p
    return x * mask / (1 - p)


@experiment(
    "D4",
    shows=lambda found: found["code: kept"] < 0.15 and found["code: mean"] < 0.15
    and abs(found["right: mean"] - 1) < 0.02 < 0.85 < found["right: kept"],
    wrong=keeps_what_it_should_drop,
    right=inverted_dropout,
)  # fmt: skip
def which_part_survives(seed: int) -> Figures:
    """With p = 0.1: the share of 100,000 ones that is kept, and the mean of the result."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        found: Figures = {}
        for name, function in (("code", keeps_what_it_should_drop), ("right", inverted_dropout)):
            out = function(torch.ones(100_000), 0.1)
            found |= {f"{name}: kept": (out != 0).double().mean().item(), f"{name}: mean": out.mean().item()}
    return found


@experiment("D5", shows=lambda found: found["left on: two calls"] > 0.1 and found["eval: two calls"] == 0)
def two_calls(seed: int) -> Figures:
    """How far two calls of the same layer on the same input lie apart (largest difference)."""
    layer, x, found = nn.Dropout(0.1), torch.ones(1000), {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for name in ("left on", "eval"):
            layer.train(name == "left on")
            found[f"{name}: two calls"] = farthest(layer(x), layer(x))
    return found


@experiment("D6", shows=lambda found: found["1 token"] > 0.05 and found["8 tokens"] == 0)
def who_gets_a_gradient(seed: int) -> Figures:
    """The share of 1,000 neurons without any gradient at p = 0.1, by the number of tokens in the batch."""
    found: Figures = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for n in (1, 8):
            weight = torch.ones(1000, requires_grad=True)
            nn.Dropout(0.1)(weight.expand(n, 1000)).sum().backward()
            assert weight.grad is not None
            found[f"{n} token{'s' * (n > 1)}"] = (weight.grad == 0).double().mean().item()
    return found
