"""The heads panel: every head of every layer at once, and one of them large.

A row of the mosaic is a layer, a column is a head. In each small square, rows are queries and
columns are keys.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from gpt2lab.figures.drawing import clip
from gpt2lab.figures.style import CARD, FADED, SMALL, VERMILION, Picture, letters
from gpt2lab.figures.weights import draw_scale, draw_weights, without_future
from gpt2lab.widgets.text_panel import TextPanel
from gpt2lab.widgets.traits import Whole


@dataclass(frozen=True)
class HeadPattern:
    """Where a head looks on this text, on average over the queries after the first.

    ``itself + previous`` can be at most 1; ``spread`` is the entropy of a row in nats: 0 if one key
    gets everything.
    """

    layer: int
    head: int
    itself: float  # weight on the query's own position
    previous: float  # weight on the position before it
    first: float  # weight on the first position
    spread: float  # nats

    def __repr__(self) -> str:
        return (
            f"layer {self.layer}, head {self.head}: itself {self.itself:.2f}, previous {self.previous:.2f}, "
            f"first {self.first:.2f}, spread {self.spread:.2f} nats"
        )


class HeadsPanel(TextPanel[HeadPattern]):
    """All attention maps of a model on a text. For the model and the text see ``TextPanel``.

    Attributes
    ----------
    layer, head : int
        The head that is shown large.
    result : HeadPattern
    """

    layer = Whole(0, high=lambda panel: panel.last_layer, label="Layer")
    head = Whole(0, high=lambda panel: panel.last_head, label="Head")
    rows = (("text",), ("layer", "head"))

    def measure(self) -> HeadPattern:
        return self.pattern(self.layer, self.head)

    def pattern(self, layer: int, head: int) -> HeadPattern:
        """Where any head looks, also one that is not chosen."""
        weights = self.blocks[layer].attn.attn_weights[0, head]  # (T, T)
        T = len(weights)
        later = slice(min(1, T - 1), None)  # the first query sees only itself: nothing to choose
        spread = torch.special.entr(weights).sum(dim=-1)  # (T,)
        return HeadPattern(
            layer, head,
            itself=float(weights.diagonal()[later].mean()),
            previous=float(weights.diagonal(-1).mean()) if T > 1 else 0.0,
            first=float(weights[later, 0].mean()),
            spread=float(spread[later].mean()),
        )  # fmt: skip

    def draw(self) -> Picture:
        weights = torch.stack([block.attn.attn_weights[0] for block in self.blocks]).numpy()
        n_layers, n_heads, T, _ = weights.shape
        labels = [clip(label, 11) for label in self.labels]
        wide = 4.2  # inches of the mosaic
        high = min(max(wide * n_layers / n_heads, 2.4), 7.0)
        height = max(high + 1.95, 0.25 * T + 1.95, 4.55)
        picture = Picture(9.6, height, f"All heads; large: layer {self.layer}, head {self.head}")
        self._draw_mosaic(picture, (0.055, 1 - (0.8 + high) / height, wide / 9.6, high / height), weights)
        draw_scale(picture, 0.115, 1 - (1.15 + high) / height, wide / 9.6 - 0.06, 0.15 / height)
        picture.write(None, 0.105, 1 - (1.07 + high) / height, "weight", color=FADED, at="rm")
        large = picture.add_axes((0.64, 1.1 / height, 0.345, 1 - 1.9 / height))
        self._draw_large(picture, large, weights[self.layer, self.head], labels)
        note = "rows: queries · columns: keys" + (f" · {self.weights}" if self.weights else "")
        picture.write(None, 0.055, 0.15 / height, note, color=FADED, at="lb")
        return picture

    def _draw_mosaic(self, picture: Picture, place: tuple[float, float, float, float], weights: np.ndarray) -> None:
        n_layers, n_heads, T, _ = weights.shape
        gap = mosaic_gap(T)
        size = T + gap
        axes = picture.add_axes(place)
        draw_weights(axes, mosaic(weights), CARD)
        axes.set_axis_off()
        axes.set_title("Layers down, heads across", pad=26)
        middle, edge = (T - 1) / 2, -0.5 - 0.2 * gap
        for layer in range(n_layers):
            chosen = layer == self.layer
            ink = letters(VERMILION) if chosen else FADED
            picture.write(axes, edge - gap, layer * size + middle, str(layer), at="rm", color=ink, bold=chosen)
        for head in range(n_heads):
            chosen = head == self.head
            ink = letters(VERMILION) if chosen else FADED
            picture.write(axes, head * size + middle, edge - gap, str(head), at="mb", color=ink, bold=chosen)
        corner = self.head * size - 0.5 - gap / 2, self.layer * size - 0.5 - gap / 2
        axes.add_patch(Rectangle(corner, size, size, fill=False, ec=VERMILION, lw=3, clip_on=False))

    def _draw_large(self, picture: Picture, axes: Axes, weights: np.ndarray, labels: list[str]) -> None:
        draw_weights(axes, without_future(weights))
        axes.set_axis_off()
        axes.set_title(f"Layer {self.layer}, head {self.head}", color=letters(VERMILION))
        T, size = len(labels), SMALL if len(labels) <= 16 else 10
        for i, label in enumerate(labels):
            picture.write(axes, -0.75, i, label, at="rm", size=size)
            picture.write(axes, i, T - 0.3, label, at="mt", size=size, upright=True)


def mosaic_gap(T: int) -> int:
    """Rows and columns left white between two maps of a mosaic."""
    return max(1, round(T / 10))


def mosaic(weights: np.ndarray) -> np.ndarray:
    """Maps (n_rows, n_columns, T, T) as one matrix with white between them: many axes would be slow."""
    n_rows, n_columns, T, _ = weights.shape
    gap = mosaic_gap(T)
    size = T + gap
    out = np.full((n_rows * size - gap, n_columns * size - gap), np.nan)
    for i in range(n_rows):
        for j in range(n_columns):
            out[i * size :, j * size :][:T, :T] = without_future(weights[i, j])
    return out
