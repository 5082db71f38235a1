"""The map: a sentence on its way from text to the distribution of the next token, with every shape.

One column per token, one row per step. The chosen column is followed to the bottom: it is the
position whose prediction is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict, Unpack

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor

from gpt2lab.figures.drawing import clip
from gpt2lab.figures.style import BLUE, FADED, INK, SIGNED, SKY, SMALL, VERMILION, Picture
from gpt2lab.model import evaluating
from gpt2lab.tokenizer import token_labels
from gpt2lab.widgets.text_panel import TokenPanel
from gpt2lab.widgets.traits import Whole

_FEATURES = 24  # rows of a vector that are drawn; the shapes tell how many there are
_PAGE = (10.0, 8.4)  # inches
_LEFT, _RIGHT, _SHAPES = 1.75, 7.55, 7.75  # inches: the columns stand between the first two


@dataclass(frozen=True)
class Journey:
    """What the panel shows, step by step. Its repr is the table of shapes."""

    text: str
    labels: tuple[str, ...]
    shapes: dict[str, tuple[int, ...]]  # step -> shape
    position: int
    top: tuple[tuple[str, float], ...]  # the five most probable next tokens

    def __repr__(self) -> str:
        lines = [f"{'text':<14}{len(self.text)} characters", f"{'tokens':<14}{' | '.join(self.labels)}"]
        lines += [f"{step:<14}{shape}" for step, shape in self.shapes.items()]
        return "\n".join(lines)


class MapPanel(TokenPanel[Journey]):
    """Follow a sentence through a GPT-2.

    Attributes
    ----------
    text : str
        1 to 12 tokens.
    position : int
        The token after which the prediction is shown; the last one at the start.
    result : Journey
    """

    max_tokens = 12
    chosen = "position"

    position = Whole(0, high=lambda panel: panel.last_token, label="Predict after token")
    rows = (("text",), ("position",))

    _walked: tuple[str, tuple[Tensor, Tensor, Tensor]] | None = None  # with its text

    def forget(self) -> None:
        super().forget()
        self._walked = None

    @property
    def vectors(self) -> tuple[Tensor, Tensor, Tensor]:
        """The stream before the first block, after the last, and after ln_f: 3 × (T, d_model)."""
        if self._walked is None or self._walked[0] != self.text:
            self._walked = (self.text, self._walk())
        return self._walked[1]

    @torch.no_grad()
    def _walk(self) -> tuple[Tensor, Tensor, Tensor]:
        with evaluating(self.model):
            embedded = self.model.embed(torch.tensor([self.tokens]))  # (1, T, d_model)
            x = embedded
            for block in self.model.blocks:
                x = block(x)
            hidden = self.model.ln_f(x)
        return embedded[0], x[0], hidden[0]

    @torch.no_grad()
    def measure(self) -> Journey:
        config, T = self.model.config, len(self.tokens)
        logits = self.model.unembed(self.vectors[-1][self.position])  # (vocab_size,)
        best = logits.softmax(dim=-1).topk(min(5, len(logits)))
        stream = (1, T, config.d_model)
        return Journey(
            text=self.text,
            labels=tuple(self.labels),
            shapes={
                "ids": (1, T),
                "vectors": stream,
                "after blocks": stream,
                "after ln_f": stream,
                "logits": (1, T, config.vocab_size),
                "probabilities": (1, T, config.vocab_size),
            },
            position=self.position,
            top=tuple(zip(token_labels(self.encoding, best.indices), best.values.tolist(), strict=True)),
        )

    def draw(self) -> Picture:
        picture = Picture(*_PAGE, "The map: from text to the next token")
        axes = picture.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, _PAGE[0]), ylim=(_PAGE[1], 0))
        axes.axis("off")
        pen = _Pen(picture, axes)
        self._text_rows(pen)
        self._vector_rows(pen)
        self._blocks(pen)
        self._distribution(pen)
        left = _LEFT + self.result.position * self._width()  # the light band down the chosen column
        pen.box(left, 0.62, self._width(), 5.52, VERMILION, alpha=0.13, zorder=-1)
        axes.set(xlim=(0, _PAGE[0]), ylim=(_PAGE[1], 0))
        return picture

    def _centre(self, column: int) -> float:
        return _LEFT + (column + 0.5) * self._width()

    def _width(self) -> float:
        return min((_RIGHT - _LEFT) / len(self.result.labels), 1.2)

    def _text_rows(self, pen: _Pen) -> None:
        journey, width = self.result, self._width()
        n = len(journey.labels)
        pen.row(0.35, "text", f"{len(journey.text)} characters")
        pen.write(_LEFT, 0.35, clip(journey.text.replace("\n", "⏎"), 56), 14)
        pen.row(0.98, "tokens", f"{n} token{'s' if n > 1 else ''}")
        pen.row(1.5, "ids", f"{journey.shapes['ids']} = (B, T)")
        for i, (label, token) in enumerate(zip(journey.labels, self.tokens, strict=True)):
            x, chosen = self._centre(i), i == journey.position
            edge = VERMILION if chosen else SKY
            pen.box(x - width / 2 + 0.06, 0.79, width - 0.12, 0.38, "white", edge=edge)
            label = clip(label, int(width / 0.08))  # smaller letters first, then fewer
            pen.write(x, 0.98, label, min(12.0, 92 * width / len(label)), at="mm")
            pen.write(x, 1.5, str(token), 12 if n < 9 else 9.5, FADED, at="mm")

    def _vector_rows(self, pen: _Pen) -> None:
        shape = self.result.shapes["vectors"]
        pen.row(2.2, "vectors", str(shape), "token row + position row")
        pen.row(4.55, "after blocks", str(shape), "each block has added to it")
        pen.row(5.6, "after ln_f", str(shape), "normalised, token by token")
        pen.write(0.15, 2.48, f"{min(_FEATURES, shape[-1])} of {shape[-1]} drawn", 10.5, FADED)
        right = _LEFT + self._width() * shape[1]
        for vectors, y in zip(self.vectors, (2.2, 4.55, 5.6), strict=True):
            row, limit = _tiles(vectors.numpy()[:, :_FEATURES])
            place = (_LEFT, right, y + 0.37, y - 0.37)
            pen.axes.imshow(row, SIGNED, vmin=-limit, vmax=limit, extent=place, aspect="auto")

    def _blocks(self, pen: _Pen) -> None:
        """Who reads whom: attention joins columns, the feed-forward network stays in each."""
        n, chosen, n_blocks = len(self.result.labels), self.result.position, len(self.model.blocks)
        shape = str(self.result.shapes["vectors"])
        pen.row(3.02, f"{n_blocks} block{'s' if n_blocks > 1 else ''}", shape, "the shape stays the same")
        pen.box(_LEFT, 2.72, n * self._width(), 1.28, "#e8f2f8", edge=BLUE, zorder=-2)
        for i in range(n):
            x = self._centre(i)
            if i <= chosen:
                pen.axes.plot([x, self._centre(chosen)], [2.78, 3.34], color=VERMILION, linewidth=1.8)
            pen.axes.plot([x, x], [3.48, 3.86], color=BLUE, linewidth=1.8)
        tips = [self._centre(i) for i in range(n)]
        pen.axes.plot(tips, [3.86] * n, "v", color=BLUE, markersize=7)
        pen.write(0.15, 3.27, "attention:", 10.5, VERMILION)
        pen.write(0.15, 3.45, "read from the left", 10.5, VERMILION)
        pen.write(0.15, 3.67, "feed-forward:", 10.5, BLUE)
        pen.write(0.15, 3.85, "each by itself", 10.5, BLUE)

    def _distribution(self, pen: _Pen) -> None:
        journey = self.result
        shape, last = journey.shapes["logits"], clip(journey.labels[journey.position], 14)
        pen.row(6.45, "logits", str(shape), "(B, T, vocab_size)")
        count = f"{shape[-1]:,}"
        pen.write(_LEFT, 6.45, f"the vector of “{last}” times all {count} token vectors", 12)
        pen.row(7.12, "softmax", str(shape), "each position sums to 1")
        pen.write(0.15, 7.45, f"next after “{last}”", SMALL, VERMILION, bold=True)
        pen.write(0.15, 7.76, self.weights, SMALL, FADED)
        longest = max(p for _, p in journey.top)
        for i, (label, p) in enumerate(journey.top):
            y = 6.94 + 0.29 * i
            pen.write(3.65, y, clip(label, 14), 12, at="rm")
            pen.box(3.75, y - 0.1, max(2.9 * p / longest, 0.02), 0.2, VERMILION)
            pen.write(3.83 + 2.9 * p / longest, y, _percent(p), 12)


class _Look(TypedDict, total=False):
    """Further matplotlib properties of a box."""

    alpha: float
    zorder: float


class _Pen:
    """Writes and draws in inches from the top left corner."""

    def __init__(self, picture: Picture, axes: Axes) -> None:
        self.picture, self.axes = picture, axes

    def write(
        self, x: float, y: float, text: str, size: int | float, color: str = INK, *, bold: bool = False, at: str = "lm"
    ) -> None:
        self.picture.write(self.axes, x, y, text, size=float(size), color=color, bold=bold, at=at)

    def row(self, y: float, step: str, shape: str, says: str = "") -> None:
        """The name of a step on the left, its shape on the right."""
        self.write(0.15, y, step, 12.5, bold=True)
        self.write(_SHAPES, y - (0.14 if says else 0), shape, 12, BLUE, bold=True)
        self.write(_SHAPES, y + 0.15, says, 10.5, FADED)

    def box(
        self, x: float, y: float, width: float, height: float, face: str, *, edge: str = "none", **style: Unpack[_Look]
    ) -> None:
        box = Rectangle((x, y), width, height, facecolor=face, edgecolor=edge, linewidth=1.8, **style)
        self.axes.add_patch(box)


def _tiles(vectors: np.ndarray) -> tuple[np.ndarray, float]:
    """Each token's features as a small mosaic, side by side in one image; and the end of the colour scale."""
    tall = 4 if vectors.shape[1] % 4 == 0 else 1
    tiles = vectors.reshape(len(vectors), tall, -1)  # (T, tall, wide)
    wide, gap = 2 * tiles.shape[-1], 2
    row = np.full((2 * tall, len(tiles) * (wide + gap)), np.nan)
    for i, tile in enumerate(tiles):
        left = i * (wide + gap) + gap // 2
        row[:, left : left + wide] = tile.repeat(2, 0).repeat(2, 1)
    return row, 2.5 * float(vectors.std()) or 1.0


def _percent(p: float) -> str:
    return f"{100 * p:.0f} %" if p >= 0.1 else f"{100 * p:.2g} %"
