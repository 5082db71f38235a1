"""Fit a classifier: draw examples, compare with the true classes, take a step.

The loop of ``gpt2lab.training`` predicts the next token of a sequence that a task draws; here a fixed set of
texts has one answer each. Optimiser, schedule and clipping are the same.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gpt2lab.errors import InputError, is_number, shown, validates, whole_number
from gpt2lab.family.classifier import GPT2Classifier
from gpt2lab.family.naive_bayes import check_examples
from gpt2lab.model import evaluating
from gpt2lab.training.optimizer import clip_gradients, learning_rate_at, make_optimizer, set_learning_rate


@validates
def fit(
    model: GPT2Classifier,
    tokens: Tensor,
    mask: Tensor,
    classes: Tensor,
    *,
    learning_rate: float,
    steps: int,
    batch_size: int = 32,
    seed: int = 0,
) -> list[float]:
    """Train a classifier in place, on examples drawn with replacement.

    Parameters
    ----------
    tokens, mask : (n, T)
        Texts, and which of their tokens are real.
    classes : (n,) long
    learning_rate : float
        The highest; a tenth of the steps warm up, the rest falls along half a cosine to a tenth of it.
    seed : int
        Draws the examples and the dropout. torch's generator is restored.

    Returns
    -------
    list of float
        The loss of each step, in nats, before the update.

    Raises
    ------
    ValueError
        If classes and texts differ in number, a class has no example, or a setting has no meaning.
    """
    if not (is_number(learning_rate) and 0 < learning_rate < float("inf")):
        raise InputError(f"learning_rate must be a positive number, got {shown(learning_rate)}")
    steps, batch_size = whole_number("steps", steps, 1), whole_number("batch_size", batch_size, 1)
    check_examples(classes, len(tokens), model.n_classes)
    optimizer, losses = make_optimizer(model, learning_rate, weight_decay=0.01, betas=(0.9, 0.98)), []
    drawing = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model.train()
        for step in range(steps):
            set_learning_rate(optimizer, learning_rate_at(step, steps, learning_rate, steps // 10))
            rows = torch.randint(len(tokens), (batch_size,), generator=drawing)
            loss = F.cross_entropy(model(tokens[rows], mask[rows]), classes[rows])
            loss.backward()
            clip_gradients(model, 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            losses.append(loss.item())
    model.eval()
    return losses


@torch.no_grad()
def predicted(model: GPT2Classifier, tokens: Tensor, mask: Tensor, rows: int = 256) -> Tensor:
    """The likeliest class of each text, in evaluation mode: (n,)."""
    with evaluating(model):
        parts = zip(tokens.split(rows), mask.split(rows), strict=True)
        return torch.cat([model(part, real).argmax(dim=-1) for part, real in parts])
