"""Experiments on learning rates, Adam and mixed precision."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ExponentialLR, LRScheduler, StepLR

from gpt2lab.claims.base import Figures, experiment
from gpt2lab.claims.experiments.measures import farthest, numbers

SCALE = 65536.0  # the factor on the loss with which GradScaler starts


def unscale_wrong(gradient: Tensor, scale: float) -> Tensor:
    """Clip a gradient to length 1 that comes multiplied by the loss's scale."""
    unscaled = gradient / scale
    return unscaled * (1 / gradient.norm()).clamp(max=1)


def unscale_right(gradient: Tensor, scale: float) -> Tensor:
    """Clip a gradient to length 1 that comes multiplied by the loss's scale."""
    unscaled = gradient / scale
    return unscaled * (1 / unscaled.norm()).clamp(max=1)


def scaler_wrong(device: str, enabled: bool) -> object:
    """A scaler of the loss for mixed precision, by the name that torch has for it today."""
    scale = SCALE
    return torch.cuda.amp.GradScaler(init_scale=scale, enabled=enabled)


def scaler_right(device: str, enabled: bool) -> object:
    """A scaler of the loss for mixed precision, by the name that torch has for it today."""
    scale = SCALE
    return torch.amp.GradScaler(device, init_scale=scale, enabled=enabled)


@experiment(
    "T5",
    shows=lambda found: found["torch.cuda.amp: warnings"] > 0 == found["torch.amp: warnings"]
    and found["bf16 without a scaler: gradients are finite"] == 1,
    wrong=scaler_wrong,
    right=scaler_right,
)  # fmt: skip
def names_of_another_time(seed: int) -> Figures:
    """How many FutureWarnings a scaler of each name gives; whether a bf16 step without one has finite gradients."""
    found: Figures = {}
    for name, make in (("torch.cuda.amp", scaler_wrong), ("torch.amp", scaler_right)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            make("cuda", False)
        found[f"{name}: warnings"] = sum(issubclass(warning.category, FutureWarning) for warning in caught)
    layer = nn.Linear(8, 8)
    with torch.amp.autocast("cpu", torch.bfloat16):
        loss = layer(numbers(seed, 4, 8)).float().pow(2).mean()
    loss.backward()
    assert layer.weight.grad is not None
    finite = int(layer.weight.grad.isfinite().all())
    return {**found, "bf16 without a scaler: gradients are finite": finite}


@experiment(
    "T6",
    shows=lambda found: found["weight: bits"] == found["its gradient: bits"] == 32 > found["product: bits"] == 16
    and found["1e-8 in fp16"] == 0 < found["scaled by 65,536, and back"] < 2e-8,
)  # fmt: skip
def what_is_in_which_precision(seed: int) -> Figures:
    """Bits of a linear layer's numbers under autocast on the CPU; a small gradient in fp16, also scaled."""
    layer = nn.Linear(8, 8)
    with torch.amp.autocast("cpu", torch.bfloat16):
        product = layer(numbers(seed, 4, 8))
        product.float().mean().backward()
    assert layer.weight.grad is not None
    small = torch.tensor(1e-8)
    return {
        "weight: bits": 8 * layer.weight.element_size(),
        "product: bits": 8 * product.element_size(),
        "its gradient: bits": 8 * layer.weight.grad.element_size(),
        "1e-8 in fp16": small.half().item(),
        "scaled by 65,536, and back": ((small * SCALE).half().float() / SCALE).item(),
    }


@experiment(
    "T7",
    shows=lambda found: (
        abs(found["unscaled first: length"] - 0.5) < 1e-5 and found["clipped first: length"] < 0.5 / 1000
    ),
    wrong=unscale_wrong,
    right=unscale_right,
)
def clip_or_unscale_first(seed: int) -> Figures:
    """A gradient of length 0.5, below the limit 1, that comes scaled by 65,536: its length after both steps."""
    gradient = numbers(seed, 16)
    gradient = SCALE * 0.5 * gradient / gradient.norm()
    return {
        "clipped first: length": unscale_wrong(gradient, SCALE).norm().item(),
        "unscaled first: length": unscale_right(gradient, SCALE).norm().item(),
    }


def train_wrong(optimizer: Optimizer, schedule: LRScheduler, steps: int) -> float:
    """Steps of training with a schedule; returns the last rate."""
    for _ in range(steps):
        optimizer.step()
        schedule.get_last_lr()
    return float(optimizer.param_groups[0]["lr"])


def train_right(optimizer: Optimizer, schedule: LRScheduler, steps: int) -> float:
    """Steps of training with a schedule; returns the last rate."""
    for _ in range(steps):
        optimizer.step()
        schedule.step()
    return float(optimizer.param_groups[0]["lr"])


def descent() -> torch.optim.SGD:
    """Plain descent on one weight, at a rate of 1."""
    return torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)


@experiment(
    "T8",
    shows=lambda found: found["code: rate after 20 steps"] == 1 and found["right: rate after 20 steps"] == 0.25
    and found["right, another loss: rate"] == 0.25,
    wrong=train_wrong,
    right=train_right,
)  # fmt: skip
def schedule_that_stands_still(seed: int) -> Figures:
    """A rate of 1 that is to halve every 10 steps, after 20; also where the gradient, so the loss, is another."""
    found: Figures = {}
    for name, train, gradient in (
        ("code: rate after 20 steps", train_wrong, 1.0),
        ("right: rate after 20 steps", train_right, 1.0),
        ("right, another loss: rate", train_right, 1000.0),
    ):
        optimizer = descent()
        optimizer.param_groups[0]["params"][0].grad = torch.tensor([gradient])
        found[name] = train(optimizer, StepLR(optimizer, 10, 0.5), 20)
    return found


@experiment(
    "T9",
    shows=lambda found: (
        found["path moves by, gradients × 1,000"] < 1e-4 < 0.1 < found["length of the path"]
        and found["rate after both"] == 0.01
    ),
)
def adam_and_how_well_it_does(seed: int) -> Figures:
    """Adam for 100 steps on given gradients, and on the same a thousand times as large, as of a much worse model."""
    gradients, ends = numbers(seed, 100, 4) + 0.5, []
    rate = 0.0
    for factor in (1.0, 1000.0):
        weight = nn.Parameter(torch.zeros(4))
        optimizer = torch.optim.Adam([weight], lr=0.01)
        for gradient in gradients:
            weight.grad = factor * gradient
            optimizer.step()
        ends.append(weight.detach())
        rate = max(rate, optimizer.param_groups[0]["lr"])
    return {
        "path moves by, gradients × 1,000": farthest(*ends),
        "length of the path": ends[0].norm().item(),
        "rate after both": rate,
    }


def rate_after(steps: int, make: Callable[[Optimizer], LRScheduler]) -> float:
    """What torch's schedule makes of a rate of 1."""
    optimizer = descent()
    return train_right(optimizer, make(optimizer), steps)


@experiment("T20", shows=lambda found: found["every step"] < 1e-20 and abs(found["every 1,000 steps"] - 0.95) < 1e-9)
def unit_of_time(seed: int) -> Figures:
    """A rate of 1 after 1,000 steps, multiplied by 0.95 every step and every 1,000 steps."""
    return {
        "every step": rate_after(1000, lambda optimizer: ExponentialLR(optimizer, 0.95)),
        "every 1,000 steps": rate_after(1000, lambda optimizer: StepLR(optimizer, 1000, 0.95)),
    }


@experiment("T10", shows=lambda found: found["torch at epoch 10"] == 0.5 and found["rate / step size"] == 0.1)
def step_schedule(seed: int) -> Figures:
    """Torch's StepLR(10, 0.5) from a rate of 1, at epoch 10; and the first rate divided by the step size."""
    return {
        "torch at epoch 10": rate_after(10, lambda optimizer: StepLR(optimizer, 10, 0.5)),
        "rate / step size": 1 / 10,
    }


@experiment("T19", shows=lambda found: found["decorator: bits"] == found["with: bits"] == 16 < found["without: bits"])
def both_ways(seed: int) -> Figures:
    """The bits of a product made under autocast as a decorator, as a context manager, and without it."""
    layer, x = nn.Linear(8, 8), numbers(seed, 4, 8)

    @torch.amp.autocast("cpu", torch.bfloat16)
    def decorated(x: Tensor) -> Tensor:
        return layer(x)

    with torch.amp.autocast("cpu", torch.bfloat16):
        inside = layer(x)
    products = {"decorator": decorated(x), "with": inside, "without": layer(x)}
    return {f"{name}: bits": 8 * product.element_size() for name, product in products.items()}
