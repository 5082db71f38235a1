"""The mask panel: six recipes for hiding the future, and how much attention still lies on it.

Left, the scores as the recipe leaves them. Right, the weights after the softmax; the triangle above
the line is the future.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from gpt2lab.figures.drawing import clip, draw_heatmap, short
from gpt2lab.figures.style import FADED, FONT, INK, SIGNED, SMALL, VERMILION, Picture, letters
from gpt2lab.figures.weights import draw_scale, draw_weights
from gpt2lab.masking import apply_mask, causal_mask
from gpt2lab.widgets.text_panel import TextPanel
from gpt2lab.widgets.traits import Choice, Whole

RECIPES = (
    "no mask",
    "−∞ before the softmax",
    "scores set to 0",
    "scores set to 0.1",
    "zero after the softmax",
    "inverted mask",
    "diagonal hidden as well",
)


@dataclass(frozen=True)
class Masked:
    """What a recipe did. ``future_share`` is the attention on later tokens, averaged over the queries."""

    recipe: str
    future_share: float
    smallest_sum: float
    largest_sum: float

    def __repr__(self) -> str:
        if np.isnan(self.smallest_sum):
            return f"{self.recipe}: a row is NaN, nothing was left to attend to"
        sums = f"{self.smallest_sum:.2f} … {self.largest_sum:.2f}"
        return f"{self.recipe}: {self.future_share:.0%} of the attention on the future, row sums {sums}"


class MaskPanel(TextPanel[Masked]):
    """One head's scores on a text, masked in different ways. For model and text see ``TextPanel``.

    Attributes
    ----------
    recipe : str, one of ``recipes``
    layer, head : int
    result : Masked
    weights_shown, scores_shown : (T, T) tensors
    future_share : (T,) tensor
        For each query, the sum of its weights on later positions.
    row_sums : (T,) tensor
    """

    layer = Whole(0, high=lambda panel: panel.last_layer, label="Layer")
    head = Whole(0, high=lambda panel: panel.last_head, label="Head")
    recipe = Choice(RECIPES, RECIPES[0], label="Recipe")
    rows = (("text",), ("recipe", "layer", "head"))
    recipes = RECIPES

    def masked(self) -> tuple[Tensor, Tensor]:
        """The scores as the recipe leaves them, and the weights: 2 × (T, T)."""
        scores = self.blocks[self.layer].attn.scores[0, self.head]  # (T, T), nothing hidden yet
        visible = causal_mask(len(scores))
        future = ~visible
        if self.recipe == "zero after the softmax":
            return scores, scores.softmax(dim=-1).masked_fill(future, 0.0)
        scores = {
            "no mask": lambda: scores,
            "−∞ before the softmax": lambda: apply_mask(scores, visible),
            "scores set to 0": lambda: scores.masked_fill(future, 0.0),
            "scores set to 0.1": lambda: scores.masked_fill(future, 0.1),
            "inverted mask": lambda: apply_mask(scores, future),
            "diagonal hidden as well": lambda: apply_mask(scores, visible.tril(-1)),
        }[self.recipe]()
        return scores, scores.softmax(dim=-1)

    @property
    def scores_shown(self) -> Tensor:
        return self.masked()[0]

    @property
    def weights_shown(self) -> Tensor:
        return self.masked()[1]

    @property
    def future_share(self) -> Tensor:
        return self.weights_shown.triu(1).sum(dim=-1)

    @property
    def row_sums(self) -> Tensor:
        return self.weights_shown.sum(dim=-1)

    def measure(self) -> Masked:
        sums, share = self.row_sums, self.future_share
        return Masked(self.recipe, _round(share.mean()), _round(sums.min()), _round(sums.max()))

    def draw(self) -> Picture:
        labels = [clip(label, 10) for label in self.labels]
        size = SMALL if len(labels) <= 16 else 10
        scores, weights = (part.numpy() for part in self.masked())
        height = max(4.95, 0.25 * len(labels) + 2.75)
        picture = Picture(9.6, height, "Masking recipes")
        bottom, tall = 1.9 / height, (height - 2.45) / height  # inches of the picture to parts of it
        left, right = picture.add_axes((0.12, bottom, 0.37, tall)), picture.add_axes((0.56, bottom, 0.37, tall))
        limit = float(np.abs(self.blocks[self.layer].attn.scores[0, self.head].numpy()).max()) or 1.0
        draw_heatmap(left, scores, signed=True, limit=limit, numbers=False)
        draw_weights(right, weights)
        self._draw_signed_scale(picture, (0.26, 0.76 / height, 0.23, 0.14 / height), limit)
        draw_scale(picture, 0.7, 0.76 / height, 0.23, 0.14 / height)
        for axes, matrix, title in (
            (left, scores, "Scores (blank, −∞: hidden)"),
            (right, weights, "Weights after the softmax"),
        ):
            axes.set_axis_off()
            self._outline_future(axes, len(labels))
            self._mark_gone(axes, matrix)
            picture.write(axes, -0.5, -0.5 - 0.1 * len(labels) / (height - 2.45), title, size=FONT + 1, bold=True,
                          at="lb")  # fmt: skip
            for i, label in enumerate(labels):
                picture.write(axes, i, len(labels) - 0.3, label, at="mt", upright=True, size=size)
        for i, label in enumerate(labels):
            picture.write(left, -0.75, i, label, at="rm", size=size)
        bad = np.isnan(weights).any() or self.result.future_share > 0 or self.result.smallest_sum < 0.995
        note = " · ".join(filter(None, ["above the line: the future", self.weights]))
        ink = letters(VERMILION) if bad else INK
        picture.write(None, 0.012, 0.34 / height, repr(self.result), size=SMALL + 1, color=ink, at="lb")
        picture.write(None, 0.012, 0.08 / height, note, color=FADED, at="lb")
        return picture

    @staticmethod
    def _draw_signed_scale(picture: Picture, place: tuple[float, float, float, float], limit: float) -> None:
        """The colours of the scores as a bar. A colour bar of matplotlib's takes several times as long."""
        axes = picture.add_axes(place)
        axes.imshow(np.linspace(-1, 1, 128)[None], cmap=SIGNED, aspect="auto", extent=(-limit, limit, 0, 1))
        axes.set_axis_off()
        for value in MaxNLocator(4, symmetric=True).tick_values(-limit, limit):
            if abs(value) <= limit:
                picture.write(axes, value, -0.25, short(value), at="mt")

    @staticmethod
    def _outline_future(axes: Axes, T: int) -> None:
        """A staircase between what a query may see and its future."""
        steps = np.repeat(np.arange(T + 1), 2) - 0.5
        axes.plot(steps[2:-1], steps[1:-2], color=VERMILION, linewidth=2.4, solid_capstyle="butt")
        axes.set_xlim(-0.5, T - 0.5)
        axes.set_ylim(T - 0.5, -0.5)

    @staticmethod
    def _mark_gone(axes: Axes, matrix: np.ndarray) -> None:
        """Write "−∞" into the hidden part and "NaN" into rows that are lost."""
        hidden = np.argwhere(np.isneginf(matrix))
        if len(hidden):
            i, j = hidden.mean(axis=0)
            axes.text(j, i, "−∞", ha="center", va="center", color=FADED, fontsize=22)
        for i in np.flatnonzero(np.isnan(matrix).any(axis=1)):
            axes.text(
                (len(matrix) - 1) / 2,
                float(i),
                "NaN",
                ha="center",
                va="center",
                color=letters(VERMILION),
                fontweight="bold",
            )


def _round(value: Tensor) -> float:
    """Two digits, and NaN stays NaN."""
    return round(float(torch.as_tensor(value)), 2)
