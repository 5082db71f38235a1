"""Why scores are divided by √d_head: the width of a head, and what the softmax makes of it."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from gpt2lab.figures.plots import short
from gpt2lab.figures.style import BLUE, FADED, SMALL, VERMILION, Picture
from gpt2lab.widgets.base import Panel
from gpt2lab.widgets.traits import Choice, Switch, Whole

N_QUERIES, N_KEYS = 200, 32
D_HEADS = tuple(2**i for i in range(1, 11))  # 2 … 1024


class ScoreScalingPanel(Panel[dict[str, float | int]]):
    """200 random queries meet 32 random keys; every number has variance 1.

    Attributes
    ----------
    log2_d_head : int, 1 to 10
        The head is 2 to 1024 wide.
    divide_by : "√d_head", "1" or "d_head"
        What the dot products are divided by before the softmax.
    gradients : bool
        Show the gradients in the picture.
    result : dict
        ``d_head``; ``spread`` of the scores; ``largest`` weight, mean over the queries; ``stuck``:
        share of queries whose largest weight exceeds 0.99; ``at_scores`` and ``at_query``: norm of the
        gradient that reaches a query's scores, and the query itself, median over the queries (the loss
        is a random linear function of the output).
    """

    log2_d_head = Whole(6, low=1, high=10, label="log₂ d_head")
    divide_by = Choice(("√d_head", "1", "d_head"), label="Divide scores by")
    gradients = Switch(True, label="show gradients")
    rows = (("log2_d_head", "divide_by", "gradients"),)

    @property
    def d_head(self) -> int:
        """Width of the head."""
        return 2**self.log2_d_head

    def scores(self) -> Tensor:
        """(N_QUERIES, N_KEYS)"""
        queries, keys = _queries_and_keys(self.d_head)
        return queries @ keys.T / self.divisor

    @property
    def divisor(self) -> float:
        """What the dot products are divided by, as a number."""
        return {"√d_head": self.d_head**0.5, "1": 1.0, "d_head": float(self.d_head)}[self.divide_by]

    def query_gradients(self) -> Tensor:
        """Norm of the gradient that reaches each query: (N_QUERIES,)"""
        at_scores = _gradient(self.scores().softmax(-1))  # (N_QUERIES, N_KEYS)
        return (at_scores @ _queries_and_keys(self.d_head)[1] / self.divisor).norm(dim=-1)

    def measure(self) -> dict[str, float | int]:
        scores = self.scores()
        weights = scores.softmax(-1)
        return {
            "d_head": self.d_head,
            "spread": _round(scores.std()),
            "largest": _round(weights.max(-1).values.mean()),
            "stuck": _round((weights.max(-1).values > 0.99).float().mean()),
            "at_scores": _round(_gradient(weights).norm(dim=-1).median()),
            "at_query": _round(self.query_gradients().median()),
        }

    def draw(self) -> Picture:
        picture = Picture(9.6, 4.3, "Scores and weights")
        left, right = picture.subplots(1, 2, width_ratios=(1, 1.25))
        scores = self.scores()
        reach = max(4.0, float(scores.abs().max()))
        left.hist(scores.flatten().numpy(), bins=60, range=(-reach, reach), color=VERMILION)
        spread = short(float(scores.std()), 2)
        left.set(title="Scores before the softmax", yticks=[], xlabel=f"score   (spread {spread})")
        left.spines["left"].set_visible(False)
        weights = scores.softmax(-1).sort(-1, descending=True).values.mean(0)
        right.bar(range(1, N_KEYS + 1), weights.numpy(), color=BLUE)
        right.axhline(1 / N_KEYS, color=FADED, linestyle=":", linewidth=1.5)
        right.text(N_KEYS + 0.5, 1 / N_KEYS + 0.03, "all alike", ha="right", color=FADED, fontsize=SMALL)
        right.set(title="Weights after it, largest first", xlabel="key, by rank")
        right.set(ylim=(0, 1.05), xticks=(1, 8, 16, 24, 32))
        notes = [
            f"largest weight: {short(self.result['largest'], 2)}",
            f"queries that are stuck: {self.result['stuck']:.0%}",
        ]
        if self.gradients:
            notes += [
                f"gradient at the scores: {short(self.result['at_scores'], 2)}",
                f"gradient at the query: {short(self.result['at_query'], 2)}",
            ]
        right.text(0.97, 0.93, "\n".join(notes), transform=right.transAxes, ha="right", va="top")
        right.grid(axis="y")
        formula = f"d_head = {self.d_head}, scores = q·k / {self.divide_by}"
        drawn = f"random q and k of variance 1, mean of {N_QUERIES} queries"
        picture.text(0.012, 0.015, f"{formula} · {drawn}", fontsize=SMALL, color=FADED)
        picture.subplots_adjust(left=0.04, right=0.98, top=0.88, bottom=0.24, wspace=0.18)
        return picture


@functools.cache
def _queries_and_keys(d_head: int) -> tuple[Tensor, Tensor]:
    """(N_QUERIES, d_head) and (N_KEYS, d_head)."""
    generator = torch.Generator().manual_seed(d_head)
    q = torch.randn(N_QUERIES, d_head, generator=generator)
    k = torch.randn(N_KEYS, d_head, generator=generator)
    return q, k


def _gradient(weights: Tensor) -> Tensor:
    """Gradient of a random linear loss for the scores, through the softmax: (N_QUERIES, N_KEYS)."""
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(N_KEYS, 8, generator=generator)
    loss = torch.randn(N_QUERIES, 8, generator=generator)
    upstream = loss @ values.T  # derivative of the loss for each weight
    return weights * (upstream - (weights * upstream).sum(-1, keepdim=True))


def _round(value: Tensor) -> float:
    return float(f"{float(value):.2g}")
