"""The scaling panel: why scores are divided by √d_head.

One random query meets 16 random keys whose features all have variance 1. A dot product of d_head
such features has variance d_head, so scores spread like √d_head, and the softmax of widely spread
scores gives everything to one key: hardly any gradient is left for the others.

Source: Vaswani et al. 2017, section 3.2.1 and footnote 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gpt2lab.widgets.base import Panel
from gpt2lab.widgets.plots import short
from gpt2lab.widgets.style import BLUE, FADED, ORANGE, SKY, Picture
from gpt2lab.widgets.traits import Step, Switch, Whole

N_KEYS = 16


@dataclass(frozen=True)
class ScalingReading:
    """Scores of one query with 16 keys, and their softmax."""

    d_head: int
    divided: bool
    std: float  # of the scores
    largest: float  # weight
    gradient: float  # mean of |∂ weight_i / ∂ score_j|, relative to equal weights

    def __repr__(self) -> str:
        how = f"divided by √{self.d_head}" if self.divided else "not divided"
        return (
            f"d_head {self.d_head}, scores {how}: std {short(self.std, 2)}, "
            f"largest weight {self.largest:.2f}, gradient {100 * self.gradient:.0f} % of that at equal weights"
        )


class ScalingPanel(Panel):
    """Scores and weights of a random query as heads get wider.

    Attributes
    ----------
    d_head : int
        1, 2, 4 … 1024 features.
    divide : bool
        Divide the scores by √d_head.
    seed : int
        Draw another query and other keys.
    result : ScalingReading
    scores, attn_weights : (16,) tensors
    """

    d_head = Step(tuple(2**i for i in range(11)), 64, label="d_head")
    divide = Switch(False, label="divide by √d_head")
    seed = Whole(0, high=99, label="Seed")
    rows = (("d_head", "divide", "seed"),)

    @property
    def scores(self) -> Tensor:
        generator = torch.Generator().manual_seed(self.seed)
        # The first d_head features of always the same vectors: a wider head adds features.
        q = torch.randn(1024, generator=generator)[: self.d_head]  # (d_head,)
        k = torch.randn(N_KEYS, 1024, generator=generator)[:, : self.d_head]  # (16, d_head)
        scores = k @ q  # (16,)
        return scores / self.d_head**0.5 if self.divide else scores

    @property
    def attn_weights(self) -> Tensor:
        return self.scores.softmax(dim=-1)

    def measure(self) -> ScalingReading:
        weights = self.attn_weights
        return ScalingReading(
            self.d_head,
            self.divide,
            std=float(self.scores.std(unbiased=False)),
            largest=float(weights.max()),
            gradient=_softmax_gradient(weights) / _softmax_gradient(torch.full((N_KEYS,), 1 / N_KEYS)),
        )

    def draw(self) -> Picture:
        reading, scores, weights = self.result, self.scores.numpy(), self.attn_weights.numpy()
        picture = Picture(9.6, 4.0, f"d_head {self.d_head}")
        left = picture.add_axes((0.07, 0.2, 0.39, 0.6))
        mean = float(scores.mean())
        left.axhspan(mean - reading.std, mean + reading.std, color=SKY, alpha=0.3, linewidth=0)
        left.vlines(range(N_KEYS), 0, scores, color=BLUE, linewidth=2)
        left.plot(range(N_KEYS), scores, "o", color=BLUE, markersize=7)
        left.axhline(0, color=FADED, linewidth=1)
        limit = max(4.0, 1.1 * float(np.abs(scores).max()))
        left.set_ylim(-limit, limit)
        left.set_title(f"Scores: std {short(reading.std, 2)}")
        right = picture.add_axes((0.57, 0.2, 0.39, 0.6))
        right.bar(range(N_KEYS), weights, color=ORANGE)
        right.set_ylim(0, 1.05)
        right.set_title(f"Softmax: largest weight {reading.largest:.2f}")
        for axes in (left, right):
            axes.set_xticks([])
            axes.locator_params(axis="y", nbins=4)
            axes.grid(axis="y")
            axes.set_xlabel("16 random keys")
        how = f"scores divided by √{self.d_head} = {short(self.d_head**0.5)}"
        note = f"gradient through the softmax: {100 * reading.gradient:.0f} % of that at equal weights"
        note = f"{how if self.divide else 'scores not divided'} · {note}"
        picture.write(None, 0.96, 0.035, note, at="rb", color=FADED)
        return picture


def _softmax_gradient(weights: Tensor) -> float:
    """Mean absolute entry of the softmax's Jacobian, diag(w) - w wᵀ."""
    return float((weights.diag() - weights.outer(weights)).abs().mean())
