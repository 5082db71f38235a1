"""The attention panel: one query's way from q·k to its weights, beside the whole head as a picture.

Left, one head: rows are queries, columns are keys. Right, the chosen row as a calculation, step by
step: q·k, divided by √d_head, masked, softmax.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor

from gpt2lab.figures.drawing import clip, decimals, draw_heatmap
from gpt2lab.figures.style import BLUE, FADED, FONT, INK, SIGNED, SMALL, VERMILION, Picture, letters
from gpt2lab.figures.weights import draw_scale, draw_weights, without_future
from gpt2lab.interventions import without_causal_mask
from gpt2lab.trace import GPT2Trace
from gpt2lab.widgets.text_panel import TokenPanel
from gpt2lab.widgets.traits import Choice, Number, Switch, Whole

STAGES = ("raw scores", "scaled scores", "masked scores", "weights")


@dataclass(frozen=True)
class AttentionRow:
    """One query's row of one head, after each step. Every tuple has one entry per key.

    ``weights`` sums to 1 and is 0 where ``masked`` is -inf.
    """

    query: str
    keys: tuple[str, ...]
    raw: tuple[float, ...]  # q·k
    scaled: tuple[float, ...]  # divided by √d_head (and by the temperature)
    masked: tuple[float, ...]  # -inf where the key may not be seen
    weights: tuple[float, ...]  # softmax

    def __repr__(self) -> str:
        wide = max(map(len, (*self.keys, "key")))
        lines = [f"query {self.query}", f"{'key':<{wide}}     q·k  scaled  masked  weight"]
        for key, raw, scaled, masked, weight in zip(
            self.keys, self.raw, self.scaled, self.masked, self.weights, strict=True
        ):
            lines.append(f"{key:<{wide}}  {raw:6.2f}  {scaled:6.2f}  {masked:6.2f}  {weight:6.3f}")
        return "\n".join(lines)


class AttentionPanel(TokenPanel[AttentionRow]):
    """One head of one layer on a text. For the model and the text see ``TextPanel``.

    Attributes
    ----------
    layer, head : int
    token : int
        Position of the query, from 0. Starts at the last token.
    stage : str
        What the matrix shows: "raw scores", "scaled scores", "masked scores" or "weights".
    divide : bool
        Divide the scores by √d_head.
    temperature : float, 0.1 to 10
        Divide them further. GPT-2 has 1; towards 0 the largest score takes everything.
    causal : bool
        Hide the future. Off, the whole model runs without its mask.
    result : AttentionRow
    matrix : (T, T) tensor
        The matrix of the chosen stage.
    """

    layer = Whole(0, high=lambda panel: panel.last_layer, label="Layer")
    head = Whole(0, high=lambda panel: panel.last_head, label="Head")
    token = Whole(0, high=lambda panel: panel.last_token, label="Query")
    stage = Choice(STAGES, "weights", label="Matrix shows")
    divide = Switch(True, label="divide by √d_head")
    temperature = Number(1.0, 0.1, 10.0, log=True, label="Temperature")
    causal = Switch(True, label="causal mask")
    rows = (("text",), ("layer", "head", "token"), ("stage", "temperature", "divide", "causal"))

    def trace_key(self) -> object:
        return self.text, self.causal

    def run_model(self, tokens: Tensor) -> GPT2Trace:
        with nullcontext() if self.causal else without_causal_mask(self.model):
            return self.model.trace(tokens)

    def steps(self) -> dict[str, Tensor]:
        """The matrices (T, T) of the chosen head after each step, by name of the stage."""
        attn = self.blocks[self.layer].attn
        raw = attn.raw_scores[0, self.head]  # (T_query, T_key)
        scaled = (attn.scores[0, self.head] if self.divide else raw) / self.temperature
        masked = scaled if attn.mask is None else scaled.masked_fill(~attn.mask, -torch.inf)
        return dict(zip(STAGES, (raw, scaled, masked, masked.softmax(dim=-1)), strict=True))

    @property
    def matrix(self) -> Tensor:
        return self.steps()[self.stage]

    def measure(self) -> AttentionRow:
        rows = [tuple(matrix[self.token].tolist()) for matrix in self.steps().values()]
        labels = self.labels
        return AttentionRow(labels[self.token], tuple(labels), *rows)

    def draw(self) -> Picture:
        labels = [clip(label, 10) for label in self.labels]
        height = max(4.4, 0.21 * len(labels) + 2.1)  # 15 tokens fit on a small screen
        picture = Picture(9.6, height, f"Attention, layer {self.layer}, head {self.head}")
        bottom, top = 1.35 / height, 1 - 0.75 / height  # inches as parts of the picture
        self._draw_matrix(picture, picture.add_axes((0.125, bottom, 0.33, top - bottom)), labels)
        self._draw_row(picture, picture.add_axes((0.575, bottom, 0.41, top - bottom)), labels)
        if self.stage == "weights":
            draw_scale(picture, 0.125, 0.28 / height, 0.27, 0.13 / height)
            picture.write(None, 0.115, 0.34 / height, "weight", color=FADED, at="rm")
        note = "rows: queries · columns: keys" + (f" · {self.weights}" if self.weights else "")
        picture.write(None, 0.985, 0.15 / height, note, color=FADED, at="rb")
        return picture

    def _draw_matrix(self, picture: Picture, axes: Axes, labels: list[str]) -> None:
        T, matrix, signed = len(labels), self.matrix.numpy(), self.stage != "weights"
        if signed:
            draw_heatmap(axes, matrix, signed=True, numbers=False)
        else:
            draw_weights(axes, without_future(matrix))
        axes.set_axis_off()
        axes.set_title(f"Layer {self.layer}, head {self.head}: {self.stage}")
        size = SMALL if T <= 16 else 10
        for i, label in enumerate(labels):
            chosen = i == self.token
            color = letters(VERMILION) if chosen else INK
            picture.write(axes, -0.75, i, label, at="rm", size=size, color=color, bold=chosen)
            picture.write(axes, i, T - 0.3, label, at="mt", size=size, upright=True)
        frame = Rectangle((-0.5, self.token - 0.5), T, 1, fill=False, ec=VERMILION, lw=2.5, clip_on=False)
        axes.add_patch(frame)

    def _draw_row(self, picture: Picture, axes: Axes, labels: list[str]) -> None:
        """The chosen query's row as a table of its steps, with a bar for each weight."""
        T, row = len(labels), self.result
        scores = np.array([row.raw, row.scaled, row.masked]).T  # (T, 3)
        seen = np.isfinite(scores)
        largest = np.abs(np.where(seen, scores, 0)).max(axis=0).clip(min=0.01)
        # Each column has its own colours: the raw scores are √d_head times as large.
        axes.imshow(np.where(seen, scores, np.nan) / largest, cmap=SIGNED, vmin=-1.6, vmax=1.6, aspect="auto")
        axes.barh(range(T), np.array(row.weights) * 1.5, 0.7, left=3.45, color=BLUE)
        axes.set(xlim=(-0.5, 4.95), ylim=(T - 0.5, -0.5))
        axes.set_axis_off()
        picture.write(axes, 2.2, -1.75, f"{clip(row.query, 14)} asks: the weight of each key", size=FONT + 1,
                      color=letters(VERMILION), bold=True, at="mb")  # fmt: skip
        for x, head in enumerate(("q·k", self._divisor(), "mask" if self.causal else "mask off")):
            picture.write(axes, x, -0.65, head, color=FADED, at="mb")
        picture.write(axes, 3.45, -0.65, "softmax", color=FADED, at="lb")
        for i, label in enumerate(labels):
            ink = INK if seen[i, 2] else FADED
            picture.write(axes, -0.65, i, label, color=ink, at="rm")
            for x in range(3):
                text = decimals(scores[i, x], largest[x]) if seen[i, x] else "−∞"
                picture.write(axes, x, i, text, color=ink, at="mm")
            picture.write(axes, 3.32, i, f"{row.weights[i]:.2f}" if seen[i, 2] else "0", color=ink, at="rm")

    def _divisor(self) -> str:
        """What the raw scores were divided by, as the head of a column."""
        config = self.model.config
        root, heat = f"√{config.d_model // config.n_heads}" * self.divide, f"{self.temperature:.2g}"
        parts = [part for part in (root, "" if self.temperature == 1 else heat) if part]
        return "÷ " + " · ".join(parts) if parts else "÷ 1"
