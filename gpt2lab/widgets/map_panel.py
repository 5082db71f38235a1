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

_TRACK = "#f1f1f1"  # what is lacking to a probability of 1
_FEATURES = 24  # rows of a vector that are drawn; the shapes tell how many there are
_PAGE = (10.0, 5.3)  # inches: with its controls it fits a projector's 768 pixels
_LEFT, _RIGHT, _SHAPES = 1.75, 7.55, 7.75  # inches: the columns stand between the first two
_STREAM = (1.47, 3.0, 3.58)  # inches from the top: the three rows of vectors
_SURE = 2.9  # inches: the bar of a probability of 1


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
        pen.box(left, 0.4, self._width(), 3.48, VERMILION, alpha=0.13, zorder=-1)
        axes.set(xlim=(0, _PAGE[0]), ylim=(_PAGE[1], 0))
        return picture

    def _centre(self, column: int) -> float:
        return _LEFT + (column + 0.5) * self._width()

    def _width(self) -> float:
        return min((_RIGHT - _LEFT) / len(self.result.labels), 1.2)

    def _text_rows(self, pen: _Pen) -> None:
        journey, width = self.result, self._width()
        n = len(journey.labels)
        pen.row(0.21, "text", f"{len(journey.text)} characters")
        pen.write(_LEFT, 0.21, clip(journey.text.replace("\n", "⏎"), 56), 14)
        pen.row(0.63, "tokens", f"{n} token{'s' if n > 1 else ''}")
        pen.row(1.02, "ids", f"{journey.shapes['ids']} = (B, T)")
        for i, (label, token) in enumerate(zip(journey.labels, self.tokens, strict=True)):
            x, chosen = self._centre(i), i == journey.position
            edge = VERMILION if chosen else SKY
            pen.box(x - width / 2 + 0.06, 0.46, width - 0.12, 0.34, "white", edge=edge)
            label = clip(label, int(width / 0.08))  # smaller letters first, then fewer
            pen.write(x, 0.63, label, min(12.0, 92 * width / len(label)), at="mm")
            pen.write(x, 1.02, str(token), 12 if n < 9 else 9.5, FADED, at="mm")

    def _vector_rows(self, pen: _Pen) -> None:
        shape, (first, second, third) = self.result.shapes["vectors"], _STREAM
        drawn = f"{min(_FEATURES, shape[-1])} of {shape[-1]} drawn"
        pen.row(first, "vectors", str(shape), "token row + position row", drawn)
        pen.row(second, "after blocks", str(shape), "each block has added to it")
        pen.row(third, "after ln_f", str(shape), "normalised, token by token")
        right = _LEFT + self._width() * shape[1]
        for vectors, y in zip(self.vectors, _STREAM, strict=True):
            row, limit = _tiles(vectors.numpy()[:, :_FEATURES])
            place = (_LEFT, right, y + 0.24, y - 0.24)
            pen.axes.imshow(row, SIGNED, vmin=-limit, vmax=limit, extent=place, aspect="auto")

    def _blocks(self, pen: _Pen) -> None:
        """Who reads whom: attention joins columns, the feed-forward network stays in each."""
        n, chosen, n_blocks = len(self.result.labels), self.result.position, len(self.model.blocks)
        shape = str(self.result.shapes["vectors"])
        pen.row(2.0, f"{n_blocks} block{'s' if n_blocks > 1 else ''}", shape, "the shape stays the same")
        pen.box(_LEFT, 1.79, n * self._width(), 0.89, "#e8f2f8", edge=BLUE, zorder=-2)
        for i in range(n):
            x = self._centre(i)
            if i <= chosen:
                pen.axes.plot([x, self._centre(chosen)], [1.84, 2.26], color=VERMILION, linewidth=1.8)
            pen.axes.plot([x, x], [2.33, 2.58], color=BLUE, linewidth=1.8)
        tips = [self._centre(i) for i in range(n)]
        pen.axes.plot(tips, [2.58] * n, "v", color=BLUE, markersize=7)
        pen.write(0.15, 2.25, "attention: across", 10.5, VERMILION)
        pen.write(0.15, 2.46, "feed-forward: down", 10.5, BLUE)

    def _distribution(self, pen: _Pen) -> None:
        journey = self.result
        shape, last = journey.shapes["logits"], clip(journey.labels[journey.position], 12)
        count = f"{shape[-1]:,}"
        pen.row(4.1, "logits", str(shape), "(B, T, vocab_size)")
        pen.write(_LEFT, 4.1, f"the vector of “{last}” times all {count} token vectors", 12)
        pen.row(4.62, "softmax", str(shape), "each position sums to 1")
        pen.write(0.15, 4.87, f"next after “{last}”", SMALL, VERMILION, bold=True)
        pen.write(0.15, 5.1, self.weights, SMALL, FADED)
        for i, (label, p) in enumerate(journey.top):
            y = 4.37 + 0.205 * i
            pen.write(3.65, y, clip(label, 14), 11, at="rm")
            pen.box(3.75, y - 0.075, _SURE, 0.15, _TRACK)
            pen.box(3.75, y - 0.075, max(_SURE * p, 0.02), 0.15, VERMILION)
            pen.write(3.83 + _SURE, y, _percent(p), 11)


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

    def row(self, y: float, step: str, shape: str, says: str = "", note: str = "") -> None:
        """The name of a step on the left, its shape on the right, and below them what there is to say."""
        self.write(0.15, y - (0.11 if note else 0), step, 12.5, bold=True)
        self.write(0.15, y + 0.12, note, 10.5, FADED)
        self.write(_SHAPES, y - (0.11 if says else 0), shape, 12, BLUE, bold=True)
        self.write(_SHAPES, y + 0.12, says, 10.5, FADED)

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
