"""Experiments on the claims that boxes of chapters take up beside those of the topics."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from gpt2lab.ablations import build
from gpt2lab.attention.cache import KVCache
from gpt2lab.claims.base import Figures, experiment
from gpt2lab.claims.experiments.attention import small_gpt2
from gpt2lab.claims.experiments.english import english, passages
from gpt2lab.claims.experiments.measures import farthest, numbers
from gpt2lab.claims.experiments.residual import arriving, no_sums, no_sums_no_norms
from gpt2lab.config import GPT2Config
from gpt2lab.interventions import without_causal_mask
from gpt2lab.model import GPT2


@experiment("X1", shows=lambda found: found["no sums, norms: gradient"] > 0.1 > found["no sums, no norms: gradient"])
def norms_bring_it_back(seed: int) -> Figures:
    """The gradient before 16 blocks without sums, relative to the one behind them, with norms and without."""
    return {
        "no sums, norms: gradient": arriving(seed, no_sums),
        "no sums, no norms: gradient": arriving(seed, no_sums_no_norms),
    }


@experiment(
    "X2",
    shows=lambda found: (
        found["scores, 768 wide: without / with"] < 0.5 and found["typical query, 64 wide: without / with"] > 1
    ),
)
def gradient_at_two_places(seed: int) -> Figures:
    """200 queries, 64 keys, variance 1: the median length of the gradient without the division, relative to with it."""
    found: Figures = {}
    for place, d in (("scores", 768), ("typical query", 64)):
        lengths = []
        for factor in (1.0, d**-0.5):
            q = numbers(seed, 200, d).requires_grad_()
            scores = factor * (q @ numbers(seed + 50, 64, d).T)
            out = scores.softmax(-1) @ numbers(seed + 100, 64, d)
            at = scores if place == "scores" else q
            (gradient,) = torch.autograd.grad((out * numbers(seed + 150, 200, d)).sum(), at)
            lengths.append(gradient.norm(dim=-1).median().item())
        found[f"{place}, {d} wide: without / with"] = lengths[0] / lengths[1]
    return found


@experiment(
    "X4",
    shows=lambda found: found["cache, one new token: logits move by"] < 1e-3
    and found["whole pass: logits move by"] > 0.1 and found["whole pass: nats lost"] > 0.1,
)  # fmt: skip
@torch.no_grad()
def a_trained_model_without_its_mask(seed: int) -> Figures:
    """The English model on unread text: what its logits lose without the mask, by a cached step and by a whole pass."""
    model, text, cache = english(), passages(seed, 4, 64), KVCache(english().config)
    before, last = text[:, :-1], text[:, -1]
    masked = model(text)  # (4, 64, vocabulary); the last but one predicts the last token
    model.hidden(before, cache)
    with without_causal_mask(model):
        stepped, whole = model.unembed(model.hidden(text[:, -1:], cache))[:, -1], model(before)[:, -1]
    return {
        "cache, one new token: logits move by": farthest(stepped, masked[:, -1]),
        "whole pass: logits move by": farthest(whole, masked[:, -2]),
        "whole pass: nats lost": (F.cross_entropy(whole, last) - F.cross_entropy(masked[:, -2], last)).item(),
    }


@experiment("X5", shows=lambda found: found["no mask: last moves by"] < 1e-4 < 1e-3 < found["mask: last moves by"])
@torch.no_grad()
def order_without_positions(seed: int) -> Figures:
    """A GPT-2 without positions: how far the last logits move when two earlier tokens change places."""
    model = build("no-positions", GPT2Config.tiny(vocab_size=50, context_length=16, n_layers=3), seed=seed).eval()
    tokens = torch.randint(50, (1, 10), generator=torch.Generator().manual_seed(seed))
    tokens[0, 2], tokens[0, 5] = 3, 7
    swapped = tokens.clone()
    swapped[0, 2], swapped[0, 5] = 7, 3

    def moves() -> float:
        return farthest(model(swapped)[0, -1], model(tokens)[0, -1])

    found = {"mask: last moves by": moves()}
    with without_causal_mask(model):
        return {**found, "no mask: last moves by": moves()}


@experiment("X6", shows=lambda found: found["from token + position"] == 0 < found["from √d_model · token + position"])
@torch.no_grad()
def no_factor(seed: int) -> Figures:
    """What GPT-2's first block reads, against the sum of its tables' rows with and without the factor."""
    model, tokens = small_gpt2(seed), torch.arange(9)[None]
    token, position = model.token_embedding.weight[:9], model.position_embedding.weight[:9]
    return {
        "from token + position": farthest(model.embed(tokens)[0], token + position),
        "from √d_model · token + position": farthest(model.embed(tokens)[0], 32**0.5 * token + position),
    }


@experiment(
    "X8",
    shows=lambda found: (
        found["nats above ln V, 768 wide"] > 0.1
        and abs(found["nats above ln V, 768 wide"] - found["half the variance of the logits"]) < 0.05
    ),
)
@torch.no_grad()
def more_than_an_even_guess(seed: int) -> Figures:
    """A fresh GPT-2 of one layer, V = 1,024, width 768: its loss on random tokens above ln V; its logits' variance."""
    model = GPT2(GPT2Config(vocab_size=1024, context_length=64, n_layers=1, dropout=0.0)).eval()
    tokens = torch.randint(1024, (8, 65), generator=torch.Generator().manual_seed(seed))
    logits = model(tokens[:, :-1])
    loss = F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()).item()
    return {
        "nats above ln V, 768 wide": loss - math.log(1024),
        "half the variance of the logits": (logits.var(-1).mean() / 2).item(),
    }


def valley(w: Tensor) -> Tensor:
    """A loss with its minimum at 0, twenty times as steep in one direction as in the other."""
    return (w * w * torch.tensor([1.0, 20.0])).sum(-1) / 2


@experiment(
    "X17",
    shows=lambda found: (
        found["mean cosine with the way to the minimum"] < 0.8
        and found["starts from which a small step along it raises the loss"] == found["starts"]
    ),
)
def uphill_from_here(seed: int) -> Figures:
    """A valley, 100 starts: how the opposite of the gradient lies to the way to the minimum; a step along it."""
    w = numbers(seed, 100, 2).requires_grad_()
    (gradient,) = torch.autograd.grad(valley(w).sum(), w)
    higher = valley(w + 1e-3 * gradient) > valley(w)
    return {
        "starts": len(w),
        "mean cosine with the way to the minimum": torch.cosine_similarity(gradient, w, dim=-1).mean().item(),
        "starts from which a small step along it raises the loss": int(higher.sum()),
    }


@experiment(
    "X18",
    shows=lambda found: found["rate 0.09: loss"] < found["rate 0.01: loss"] < found["before: loss"]
    and found["rate 0.11: loss"] > found["before: loss"],
)  # fmt: skip
def beyond_a_point(seed: int) -> Figures:
    """The loss in a valley after 50 steps of descent from 100 starts (mean), by the rate."""
    start = numbers(seed, 100, 2)
    found: Figures = {"before: loss": valley(start).mean().item()}
    for rate in (0.01, 0.09, 0.11):
        w = start
        for _ in range(50):
            w = w - rate * w * torch.tensor([1.0, 20.0])  # the gradient of the valley
        found[f"rate {rate}: loss"] = valley(w).mean().item()
    return found
