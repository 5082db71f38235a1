"""Experiments on the claims about training and evaluation."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gpt2lab.claims.base import Figures, experiment
from gpt2lab.claims.experiments.attention import small_gpt2
from gpt2lab.claims.experiments.measures import numbers, stops
from gpt2lab.model import GPT2
from gpt2lab.tasks.metrics import accuracy, f1, recall
from gpt2lab.weights.compression import remove_heads, zero_smallest


def loss_wrong(logits: Tensor, targets: Tensor) -> Tensor:
    """The loss of a language model: logits are (tokens, vocabulary), targets are ids."""
    scores = logits.softmax(-1)
    return F.cross_entropy(scores, targets)


def loss_right(logits: Tensor, targets: Tensor) -> Tensor:
    """The loss of a language model: logits are (tokens, vocabulary), targets are ids."""
    scores = logits
    return F.cross_entropy(scores, targets)


@experiment(
    "T2",
    shows=lambda found: found["softmax twice"] > 9 and found["once"] < 0.01,
    wrong=loss_wrong,
    right=loss_right,
)
def softmax_twice(seed: int) -> Figures:
    """The loss of a perfectly sure and right prediction over 50,257 tokens."""
    target = torch.randint(50257, (1,), generator=torch.Generator().manual_seed(seed))
    logits = 100.0 * F.one_hot(target, 50257)
    return {"softmax twice": loss_wrong(logits, target).item(), "once": loss_right(logits, target).item()}


def cross_entropy_wrong(logits: Tensor, targets: Tensor) -> Tensor:
    """The loss of a language model: logits are (tokens, vocabulary), targets are ids."""
    log_p = logits.log_softmax(-1)
    loss = -(targets * log_p).sum(-1)
    return loss.mean()


def cross_entropy_right(logits: Tensor, targets: Tensor) -> Tensor:
    """The loss of a language model: logits are (tokens, vocabulary), targets are ids."""
    log_p = logits.log_softmax(-1)
    loss = -log_p.gather(-1, targets[:, None])[:, 0]
    return loss.mean()


@experiment(
    "T1",
    shows=lambda found: found["one-hot targets: from torch's loss"] < 1e-5 < 1 < found["ids: from torch's loss"]
    and found["6 ids: stops with a RuntimeError"] == 1 and found["right, ids: from torch's loss"] < 1e-5,
    wrong=cross_entropy_wrong,
    right=cross_entropy_right,
)  # fmt: skip
def ids_for_probabilities(seed: int) -> Figures:
    """The code with one-hot targets, with ids where 10 rows meet 10 tokens, and with six ids; the right line."""
    logits = numbers(seed, 10, 10)
    ids = torch.randint(10, (10,), generator=torch.Generator().manual_seed(seed))
    right = F.cross_entropy(logits, ids)
    return {
        "one-hot targets: from torch's loss": (cross_entropy_wrong(logits, F.one_hot(ids, 10)) - right).abs().item(),
        "ids: from torch's loss": (cross_entropy_wrong(logits, ids) - right).abs().item(),
        "6 ids: stops with a RuntimeError": stops(RuntimeError, cross_entropy_wrong, logits[:6], ids[:6]),
        "right, ids: from torch's loss": (cross_entropy_right(logits, ids) - right).abs().item(),
    }


def clip_wrong(gradients: list[Tensor], limit: float) -> list[Tensor]:
    """Clip gradients to a common length of at most limit."""
    norms = [gradient.norm() for gradient in gradients]
    return [g * (limit / n).clamp(max=1) for g, n in zip(gradients, norms, strict=True)]


def clip_right(gradients: list[Tensor], limit: float) -> list[Tensor]:
    """Clip gradients to a common length of at most limit."""
    norms = len(gradients) * [torch.stack([gradient.norm() for gradient in gradients]).norm()]
    return [g * (limit / n).clamp(max=1) for g, n in zip(gradients, norms, strict=True)]


@experiment(
    "T3",
    shows=lambda found: found["torch: 0.8 becomes"] < 0.7 and found["each by itself: 0.8 stays"] > 0.79
    and abs(found["one norm: 0.8 becomes"] - found["torch: 0.8 becomes"]) < 1e-5,
    wrong=clip_wrong,
    right=clip_right,
)  # fmt: skip
def one_norm(seed: int) -> Figures:
    """Gradients 0.8 and 0.9, each below the limit 1: what clipping makes of the first."""
    a, b = torch.nn.Parameter(torch.zeros(1)), torch.nn.Parameter(torch.zeros(1))
    a.grad, b.grad = torch.tensor([0.8]), torch.tensor([0.9])
    torch.nn.utils.clip_grad_norm_([a, b], 1.0)
    gradients = [torch.tensor([0.8]), torch.tensor([0.9])]
    return {
        "torch: 0.8 becomes": a.grad.item(),
        "one norm: 0.8 becomes": clip_right(gradients, 1.0)[0].item(),
        "each by itself: 0.8 stays": clip_wrong(gradients, 1.0)[0].item(),
    }


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


@experiment(
    "T13",
    shows=lambda found: found["accuracy of the sure model"] == found["accuracy of the unsure model"] == 1
    and found["perplexity, unsure"] > 1.5 * found["perplexity, sure"]
    and abs(found["perplexity of equal probabilities"] - 50257) < 1,
)  # fmt: skip
def what_accuracy_does_not_see(seed: int) -> Figures:
    """Two predictions of 100 tokens out of 10, right each time, with a lead of 6 and of 1; one without a preference."""
    ids = torch.randint(10, (100,), generator=torch.Generator().manual_seed(seed))
    found: Figures = {}
    for name, lead in (("sure", 6.0), ("unsure", 1.0)):
        logits = lead * F.one_hot(ids, 10)
        found[f"accuracy of the {name} model"] = accuracy(ids, logits.argmax(-1))
        found[f"perplexity, {name}"] = F.cross_entropy(logits, ids).exp().item()
    equal = F.cross_entropy(torch.zeros(1, 50257).double(), ids[:1])
    return {**found, "perplexity of equal probabilities": equal.exp().item()}


@experiment(
    "T14",
    shows=lambda found: found["90 % zeros: numbers"] == found["whole: numbers"] > found["half the heads out: numbers"]
    and found["90 % zeros: share of zeros"] > 0.6,
)  # fmt: skip
def zeros_are_numbers(seed: int) -> Figures:
    """A small GPT-2: numbers stored whole, with nine of ten weights of its blocks zero, with half its heads out."""
    model = small_gpt2(seed)
    zeros = zero_smallest(model, 0.9)
    return {
        "whole: numbers": model.n_parameters(),
        "90 % zeros: numbers": zeros.n_parameters(),
        "90 % zeros: share of zeros": sum(int((p == 0).sum()) for p in zeros.parameters()) / zeros.n_parameters(),
        "half the heads out: numbers": remove_heads(model, [(i, h) for i in range(3) for h in (0, 1)]).n_parameters(),
    }


def to_plot_wrong(model: GPT2, tokens: Tensor, layer: int, head: int) -> Tensor:
    """The attention weights of one head, for a plot."""
    trace = model.trace(tokens).blocks[layer]
    assert trace is not None
    return trace.resid_post[0]


def to_plot_right(model: GPT2, tokens: Tensor, layer: int, head: int) -> Tensor:
    """The attention weights of one head, for a plot."""
    trace = model.trace(tokens).blocks[layer]
    assert trace is not None
    return trace.attn.attn_weights[0, head]


@experiment(
    "T15",
    shows=lambda found: found["code: columns"] != found["tokens"] == found["right: columns"]
    and found["right: row sums from 1"] < 1e-5 < 0.1 < found["code: row sums from 1"]
    and found["right: smallest"] == 0 > found["code: smallest"],
    wrong=to_plot_wrong,
    right=to_plot_right,
)  # fmt: skip
@torch.no_grad()
def what_is_plotted(seed: int) -> Figures:
    """What a plot of nine tokens would show: columns, how far row sums are from 1 at most, the smallest number."""
    model, tokens = small_gpt2(seed), torch.arange(9)[None]
    found: Figures = {"tokens": 9}
    for name, code in (("code", to_plot_wrong), ("right", to_plot_right)):
        shown = code(model, tokens, 0, 0)
        found |= {
            f"{name}: columns": shown.shape[-1],
            f"{name}: row sums from 1": (shown.sum(-1) - 1).abs().max().item(),
            f"{name}: smallest": shown.min().item(),
        }
    return found
