"""The map: a sentence on its way from text to the distribution of the next token, with every shape.

One column per token, one row per step. The chosen column is followed to the bottom: it is the
position whose prediction is shown. Of a long sentence ten columns are drawn, and they follow the
chosen one; the shapes, the attention and the prediction are those of the whole sentence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gpt2lab.figures.drawing import clip
from gpt2lab.figures.style import BLUE, FADED, SIGNED, SKY, SMALL, VERMILION, Picture, letters
from gpt2lab.model import evaluating
from gpt2lab.tokenizer import token_labels
from gpt2lab.widgets.map_pen import Pen
from gpt2lab.widgets.text_panel import TokenPanel
from gpt2lab.widgets.traits import Whole

_TRACK = "#f1f1f1"  # what is lacking to a probability of 1
_FEATURES = 24  # rows of a vector that are drawn; the shapes tell how many there are
_PAGE = (10.0, 5.3)  # inches: with its controls it fits a projector's 768 pixels
_LEFT, _RIGHT = 1.75, 7.55  # inches: the columns stand between them
_STREAM = (1.47, 3.0, 3.58)  # inches from the top: the three rows of vectors
_SURE = 2.9  # inches: the bar of a probability of 1
_MOST = 12  # columns; more are not legible, so that a longer sentence …
_COLUMNS = 10  # … has these, and what is left out stands as one narrow column on its side
_AHEAD = 2  # columns to the right of the chosen one, if there are as many tokens
_FOLD = 0.75  # of a column: the width of what stands for the tokens left out
_ROW_OF_TEXT = 56  # letters


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
        A sentence of any length that the model can read.
    position : int
        The token after which the prediction is shown; the last one at the start.
    result : Journey
    """

    max_tokens = 100_000  # the model's context is the limit
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
        pen = Pen(picture, axes)
        self._text_rows(pen)
        self._vector_rows(pen)
        self._blocks(pen)
        self._distribution(pen)
        left = self._left(self.result.position)  # the light band down the chosen column
        pen.box(left, 0.4, self._width(), 3.48, VERMILION, alpha=0.13, zorder=-1)
        axes.set(xlim=(0, _PAGE[0]), ylim=(_PAGE[1], 0))
        return picture

    @property
    def drawn(self) -> range:
        """The tokens that have a column; they follow the chosen one."""
        n = len(self.result.labels)
        if n <= _MOST:
            return range(n)
        first = min(max(self.result.position + _AHEAD + 1 - _COLUMNS, 0), max(n - _COLUMNS, 0))
        return range(first, min(first + _COLUMNS, n))

    def _left(self, token: int) -> float:
        """Inches: the left edge of a token's column."""
        return _LEFT + (token - self.drawn.start + (self.drawn.start > 0) * _FOLD) * self._width()

    def _centre(self, token: int) -> float:
        return self._left(token) + self._width() / 2

    def _right(self) -> float:
        """Inches: the right end of the columns, the one of the tokens left out included."""
        return self._left(self.drawn.stop) + (self.drawn.stop < len(self.result.labels)) * _FOLD * self._width()

    def _width(self) -> float:
        n, columns = len(self.result.labels), self.drawn
        folds = (columns.start > 0) + (columns.stop < n)
        return min((_RIGHT - _LEFT) / (len(columns) + _FOLD * folds), 1.2)

    def _text_rows(self, pen: Pen) -> None:
        journey, width = self.result, self._width()
        n = len(journey.labels)
        pen.row(0.21, "text", f"{len(journey.text)} characters")
        pen.write(_LEFT, 0.21, self._excerpt(), 14)
        pen.row(0.63, "tokens", f"{n} token{'s' if n > 1 else ''}")
        pen.row(1.02, "ids", f"{journey.shapes['ids']} = (B, T)")
        for left, hidden in ((_LEFT, self.drawn.start), (self._left(self.drawn.stop), n - self.drawn.stop)):
            if hidden:
                x = left + _FOLD * width / 2
                pen.write(x, 0.63, "…", 14, FADED, at="mm")
                pen.write(x, 1.02, f"+{hidden}", 11, FADED, at="mm")
        tokens = self.tokens
        for i in self.drawn:
            label, token = journey.labels[i], tokens[i]
            x, chosen = self._centre(i), i == journey.position
            edge = VERMILION if chosen else SKY
            pen.box(x - width / 2 + 0.03, 0.46, width - 0.06, 0.34, "white", edge=edge)
            label = clip(label, int((width - 0.06) / 0.083))  # smaller letters first, then fewer
            pen.write(x, 0.63, label, min(12.0, max(92 * width / len(label), 10)), at="mm")
            pen.write(x, 1.02, str(token), 12 if n < 9 else 10.5, FADED, at="mm")

    def _excerpt(self) -> str:
        """As much of the text as fits in a row, around the tokens that are drawn."""
        text = self.result.text.replace("\n", "⏎")
        if len(text) <= _ROW_OF_TEXT:
            return text
        # The place of the first drawn token in the text, by the share of tokens before it: good enough to cut.
        before = len(self.encoding.decode(self.tokens[: self.drawn.start]))
        start = min(before, len(text) - _ROW_OF_TEXT + 1)
        return clip("…" * (start > 0) + text[start + (start > 0) :], _ROW_OF_TEXT)

    def _vector_rows(self, pen: Pen) -> None:
        shape, (first, second, third) = self.result.shapes["vectors"], _STREAM
        drawn = f"{min(_FEATURES, shape[-1])} of {shape[-1]} drawn"
        pen.row(first, "vectors", str(shape), "token row + position row", drawn)
        pen.row(second, "after blocks", str(shape), "each block has added to it")
        pen.row(third, "after ln_f", str(shape), "normalised, token by token")
        columns = slice(self.drawn.start, self.drawn.stop)
        for vectors, y in zip(self.vectors, _STREAM, strict=True):
            row, limit = _tiles(vectors.numpy()[columns, :_FEATURES])
            place = (self._left(columns.start), self._left(columns.stop), y + 0.24, y - 0.24)
            pen.axes.imshow(row, SIGNED, vmin=-limit, vmax=limit, extent=place, aspect="auto")

    def _blocks(self, pen: Pen) -> None:
        """Who reads whom: attention joins columns, the feed-forward network stays in each."""
        chosen, n_blocks = self.result.position, len(self.model.blocks)
        shape = str(self.result.shapes["vectors"])
        pen.row(2.0, f"{n_blocks} block{'s' if n_blocks > 1 else ''}", shape, "the shape stays the same")
        pen.box(_LEFT, 1.79, self._right() - _LEFT, 0.89, "#e8f2f8", edge=BLUE, zorder=-2)
        if self.drawn.start:  # the tokens left out before are read as well: one dotted line for all of them
            x = _LEFT + _FOLD * self._width() / 2
            pen.axes.plot([x, self._centre(chosen)], [1.84, 2.26], ":", color=VERMILION, linewidth=1.8)
        for i in self.drawn:
            x = self._centre(i)
            if i <= chosen:
                pen.axes.plot([x, self._centre(chosen)], [1.84, 2.26], color=VERMILION, linewidth=1.8)
            pen.axes.plot([x, x], [2.33, 2.58], color=BLUE, linewidth=1.8)
        tips = [self._centre(i) for i in self.drawn]
        pen.axes.plot(tips, [2.58] * len(tips), "v", color=BLUE, markersize=7)
        pen.write(0.15, 2.25, "attention: across", 10.5, letters(VERMILION))
        pen.write(0.15, 2.46, "feed-forward: down", 10.5, BLUE)

    def _distribution(self, pen: Pen) -> None:
        journey = self.result
        shape, last = journey.shapes["logits"], clip(journey.labels[journey.position], 12)
        count = f"{shape[-1]:,}"
        pen.row(4.1, "logits", str(shape), "(B, T, vocab_size)")
        pen.write(_LEFT, 4.1, f"the vector of “{last}” times all {count} token vectors", 12)
        pen.row(4.62, "softmax", str(shape), "each position sums to 1")
        pen.write(0.15, 4.87, f"next after “{last}”", SMALL, letters(VERMILION), bold=True)
        pen.write(0.15, 5.1, self.weights, SMALL, FADED)
        for i, (label, p) in enumerate(journey.top):
            y = 4.37 + 0.205 * i
            pen.write(3.65, y, clip(label, 14), 11, at="rm")
            pen.box(3.75, y - 0.075, _SURE, 0.15, _TRACK)
            pen.box(3.75, y - 0.075, max(_SURE * p, 0.02), 0.15, VERMILION)
            pen.write(3.83 + _SURE, y, _percent(p), 11)


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
