"""Experiments on the claims about training and evaluation."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ExponentialLR, LRScheduler, StepLR

from gpt2lab.claims.base import Figures, experiment
from gpt2lab.claims.experiments.measures import numbers
from gpt2lab.metrics import accuracy, f1, recall


def softmax_first(logits: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(logits.softmax(-1), targets)


def logits_as_they_are(logits: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(logits, targets)


@experiment(
    "T2",
    shows=lambda found: found["softmax twice"] > 9 and found["once"] < 0.01,
    wrong=softmax_first,
    right=logits_as_they_are,
)
def softmax_twice(seed: int) -> Figures:
    """The loss of a perfectly sure and right prediction over 50,257 tokens."""
    target = torch.randint(50257, (1,), generator=torch.Generator().manual_seed(seed))
    logits = 100.0 * F.one_hot(target, 50257)
    return {"softmax twice": softmax_first(logits, target).item(), "once": logits_as_they_are(logits, target).item()}


@experiment("T1", shows=lambda found: found["one-hot targets: difference"] < 1e-5 < 1 < found["ids: difference"])
def ids_for_probabilities(seed: int) -> Figures:
    """−Σ target · log p against torch's loss: with one-hot targets, and with ids where 10 rows meet 10 tokens."""
    logits = numbers(seed, 10, 10)
    ids = torch.randint(10, (10,), generator=torch.Generator().manual_seed(seed))
    log_p, right = logits.log_softmax(-1), F.cross_entropy(logits, ids)
    return {
        "one-hot targets: difference": (-(F.one_hot(ids, 10) * log_p).sum(-1).mean() - right).abs().item(),
        "ids: difference": (-(ids * log_p).sum(-1).mean() - right).abs().item(),
    }


def each_by_itself(gradients: list[Tensor], limit: float) -> list[Tensor]:
    return [g * min(1.0, limit / float(g.norm())) for g in gradients]


@experiment(
    "T3", shows=lambda found: found["one norm: 0.8 becomes"] < 0.7 and found["each by itself: 0.8 stays"] > 0.79
)
def one_norm(seed: int) -> Figures:
    """Gradients 0.8 and 0.9, each below the limit 1: what clipping makes of the first."""
    a, b = torch.nn.Parameter(torch.zeros(1)), torch.nn.Parameter(torch.zeros(1))
    a.grad, b.grad = torch.tensor([0.8]), torch.tensor([0.9])
    torch.nn.utils.clip_grad_norm_([a, b], 1.0)
    alone = each_by_itself([torch.tensor([0.8]), torch.tensor([0.9])], 1.0)
    return {"one norm: 0.8 becomes": a.grad.item(), "each by itself: 0.8 stays": alone[0].item()}


@experiment("T4", shows=lambda found: found["1e-8 becomes"] == found["1e-8"])
def small_ones_stay(seed: int) -> Figures:
    """A gradient of 1e-8 after clipping to 1."""
    a = torch.nn.Parameter(torch.zeros(1))
    a.grad = torch.tensor([1e-8])
    torch.nn.utils.clip_grad_norm_([a], 1.0)
    return {"1e-8": torch.tensor(1e-8).item(), "1e-8 becomes": a.grad.item()}


@experiment("T12", shows=lambda found: found["F1"] < 0.2 and found["with accuracy"] > 0.9)
def a_rare_class(seed: int) -> Figures:
    """10 hits, 90 false alarms, nothing missed of 1,000: F1, and the mean with accuracy for precision."""
    truth, called = [1] * 10 + [0] * 990, [1] * 100 + [0] * 900
    a, r = accuracy(truth, called), recall(truth, called)
    return {"F1": f1(truth, called), "with accuracy": 2 * a * r / (a + r)}


def rate_after(steps: int, make: Callable[[Optimizer], LRScheduler]) -> float:
    """What torch's schedule makes of a rate of 1."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = make(optimizer)
    for _ in range(steps):
        optimizer.step()
        schedule.step()
    return float(schedule.get_last_lr()[0])


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
