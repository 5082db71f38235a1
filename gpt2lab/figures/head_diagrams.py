"""Two drawings of attention: one query's way through one head with its numbers, and a layer of several heads."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch, Rectangle
from torch import Tensor

from gpt2lab.attention import attention, attention_scores
from gpt2lab.errors import InputError, validates
from gpt2lab.figures.style import (
    BLUE,
    FADED,
    GREEN,
    INK,
    ORANGE,
    PALETTE,
    PURPLE,
    SMALL,
    VERMILION,
    Picture,
    house_style,
    letters,
)
from gpt2lab.masking import apply_mask, causal_mask

ARROW = {"arrowstyle": "-|>", "color": FADED, "linewidth": 1.6}


@validates
def one_head_diagram(
    tokens: Sequence[str], x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, query: int = -1
) -> Picture:
    """Token → query, keys, values → scores → weights → blend, each with its numbers.

    Parameters
    ----------
    tokens : list of str
        One per row of ``x``; up to 5.
    x : (T, d_model)
    w_q, w_k, w_v : (d_model, d_head)
    query : int
        The token that asks. It may look at itself and at earlier ones.

    Raises
    ------
    InputError
        If the shapes do not fit, or there are more than 5 tokens.
    """
    if x.ndim != 2 or len(tokens) != len(x) or not 1 <= len(x) <= 5:
        raise InputError(
            "one_head_diagram needs 1 to 5 tokens and a row of x for each, "
            f"got {len(tokens)} tokens and x of shape {tuple(x.shape)}"
        )
    if not w_q.shape == w_k.shape == (x.shape[1], w_v.shape[1]):
        shapes = ", ".join(str(tuple(w.shape)) for w in (w_q, w_k, w_v))
        raise InputError(f"w_q, w_k and w_v must be (d_model, d_head) with d_model = {x.shape[1]}, got {shapes}")
    asks = range(len(x))[query]
    visible = slice(0, asks + 1)
    q, k, v = (x @ w_q)[asks], (x @ w_k)[visible], (x @ w_v)[visible]  # (d_head,), 2 × (n, d_head)
    scores = attention_scores(q[None], k)[0]  # (n,)
    blend, weights = (part[0] for part in attention(q[None], k, v))  # (d_head,), (n,)
    n = len(k)
    height = 1.75 + 0.82 * n
    picture = Picture(9.6, height, "One head, one query")
    with house_style():
        axes = picture.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, 9.6), ylim=(0, height))
        axes.set_axis_off()
        columns = {"token x": 0.95, "key": 3.0, "score": 4.65, "weight": 6.1, "value": 8.1}
        notes = {
            "token x": "",
            "key": "x W_K",
            "score": f"q·k / √{w_q.shape[1]}",
            "weight": "softmax",
            "value": "x W_V",
        }
        colors = {"token x": INK, "key": VERMILION, "score": INK, "weight": BLUE, "value": GREEN}
        for name, at in columns.items():
            axes.text(at, height - 0.28, name, ha="center", va="center", fontweight="bold", color=letters(colors[name]))
            axes.text(at, height - 0.58, notes[name], ha="center", va="center", color=FADED, fontsize=SMALL)
        top = height - 1.15
        for i in range(n):
            y = top - 0.82 * i
            _card(axes, columns["token x"], y, 1.7, f"{tokens[i]}  {_row(x[i])}", INK, bold=i == asks)
            _card(axes, columns["key"], y, 1.15, _row(k[i]), VERMILION)
            axes.text(columns["score"], y, _number(scores[i]), ha="center", va="center")
            axes.add_patch(Rectangle((5.55, y - 0.2), 0.95 * float(weights[i]), 0.4, facecolor=BLUE, alpha=0.85))
            axes.text(6.6, y, f"{float(weights[i]):.2f}", va="center", color=BLUE, fontweight="bold")
            _card(axes, columns["value"], y, 1.25, _row(v[i]), GREEN)
            axes.text(7.27, y, "×", ha="center", va="center", fontsize=15)
            for left, right in ((1.85, 2.38), (3.62, 4.2), (4.95, 5.5)):
                axes.annotate("", (right, y), (left, y), arrowprops=ARROW)
        y = top - 0.82 * n - 0.02
        _card(axes, 3.0, y, 1.75, f"query  {_row(q)}", ORANGE, bold=True)
        axes.text(0.95, y, f"“{tokens[asks]}” asks:\nx W_Q", ha="center", va="center", fontsize=SMALL)
        axes.annotate("", (2.08, y), (1.6, y), arrowprops=ARROW)
        axes.annotate("", (4.65, y + 0.55), (3.93, y), arrowprops={**ARROW, "connectionstyle": "arc3,rad=0.3"})
        _card(axes, 8.1, y, 2.3, f"blend  {_row(blend)}", BLUE, bold=True)
        axes.annotate("", (8.1, y + 0.28), (8.1, y + 0.57), arrowprops=ARROW)
        axes.text(6.85, y, "Σ =", ha="right", va="center")
    return picture


@validates
def heads_diagram(n_heads: int = 3, d_head: int = 4, T: int = 5) -> Picture:
    """Split → attend → merge → W_O, with shapes; each head in its own colour.

    Raises
    ------
    InputError
        If the numbers are not between 1 and 6 heads, 1 and 6 features, 2 and 8 tokens.
    """
    if not (1 <= n_heads <= 6 and 1 <= d_head <= 6 and 2 <= T <= 8):
        raise InputError(
            "heads_diagram draws 1 to 6 heads of 1 to 6 features on 2 to 8 tokens, "
            f"got {n_heads} heads of {d_head} features on {T} tokens"
        )
    d_model = n_heads * d_head
    slice_width = 1.6 / n_heads  # inches of one head's features
    picture = Picture(9.6, 4.6, "Split, attend, merge, mix")
    with house_style():
        axes = picture.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, 9.6), ylim=(0, 4.6))
        axes.set_axis_off()
        high, middle = 1.75, 2.25
        for left in (0.35, 5.85):
            for h in range(n_heads):
                color = PALETTE[h % len(PALETTE)]
                _grid(axes, left + h * slice_width, middle - high / 2, slice_width, high, T, d_head, color)
        step = 3.3 / n_heads  # inches for one head
        scores = 4 * torch.rand(n_heads, T, T, generator=torch.Generator().manual_seed(3))
        weights = apply_mask(scores, causal_mask(T)).softmax(-1)  # any maps: only their shape is meant
        for h in range(n_heads):
            y = 3.95 - step * (h + 1)
            side = min(step - 0.26, 1.15)
            color = PALETTE[h % len(PALETTE)]
            _map(axes, 3.2, y, side, weights[h], color)
            _grid(axes, 4.75, y, slice_width, side, T, d_head, color)
            axes.annotate("", (4.68, y + side / 2), (3.27 + side, y + side / 2), arrowprops=ARROW)
            axes.annotate("", (3.12, y + side / 2), (2.1, middle), arrowprops=ARROW)
            axes.annotate("", (5.77, middle), (4.85 + slice_width, y + side / 2), arrowprops=ARROW)
            if n_heads <= 4:
                axes.text(3.2, y + side + 0.02, f"head {h}", va="bottom", fontsize=10.5, color=letters(color))
        _card(axes, 7.95, middle, 0.5, "W_O", INK, bold=True)
        axes.annotate("", (7.7, middle), (7.45, middle), arrowprops=ARROW)
        axes.annotate("", (8.5, middle), (8.22, middle), arrowprops=ARROW)
        _grid(axes, 8.55, middle - high / 2, 0.85, high, T, d_model, PURPLE)
        names = {1.15: "q, k, v", 3.75: "one map per head", 5.1: "", 6.65: "side by side", 8.97: "mixed"}
        shapes = {1.15: f"({T}, {d_model})", 3.75: f"{n_heads} × ({T}, {T})", 5.15: f"{n_heads} × ({T}, {d_head})",
                  6.65: f"({T}, {d_model})", 8.97: f"({T}, {d_model})"}  # fmt: skip
        for at, name in names.items():
            axes.text(at, 4.33, name, ha="center", va="center", fontweight="bold")
        for at, shape in shapes.items():
            axes.text(at, 0.2, shape, ha="center", va="center", color=FADED, fontsize=SMALL)
        for at, name in {2.55: "split", 5.65: "merge"}.items():
            axes.text(at, 3.6, name, ha="center", va="center", color=FADED, fontsize=SMALL)
        axes.text(0.28, middle, "tokens", rotation=90, ha="right", va="center", color=FADED, fontsize=SMALL)
        axes.text(1.15, middle + high / 2 + 0.1, "features", ha="center", va="bottom", color=FADED, fontsize=SMALL)
    return picture


def _grid(axes: Axes, x: float, y: float, width: float, height: float, rows: int, columns: int, color: str) -> None:
    """A block of numbers: tokens down, features across."""
    for i in range(rows):
        for j in range(columns):
            place = (x + j * width / columns, y + i * height / rows)
            axes.add_patch(Rectangle(place, width / columns, height / rows, facecolor=color, edgecolor="white", lw=1))


def _map(axes: Axes, x: float, y: float, side: float, weights: Tensor, color: str) -> None:
    """A small attention map: the stronger the colour, the larger the weight."""
    T = len(weights)
    for i in range(T):
        for j in range(T):
            place = (x + j * side / T, y + side - (i + 1) * side / T)
            alpha = min(1.0, 0.12 + 1.5 * float(weights[i, j])) if j <= i else 0.0
            axes.add_patch(
                Rectangle(place, side / T, side / T, facecolor=color, alpha=alpha, edgecolor="white", lw=0.5)
            )
    axes.add_patch(Rectangle((x, y), side, side, fill=False, edgecolor=FADED, lw=1))


def _card(axes: Axes, x: float, y: float, width: float, text: str, color: str, bold: bool = False) -> None:
    style = "round,pad=0,rounding_size=0.08"
    corner, thick = (x - width / 2, y - 0.25), 2.6 if bold else 1.6
    axes.add_patch(
        FancyBboxPatch(corner, width, 0.5, boxstyle=style, facecolor="white", edgecolor=color, linewidth=thick)
    )
    axes.text(x, y, text, ha="center", va="center", fontsize=SMALL, fontweight="bold" if bold else "normal")


def _row(numbers: Tensor) -> str:
    return "(" + ", ".join(_number(value) for value in numbers) + ")"


def _number(value: Tensor) -> str:
    text = f"{float(value):.2f}".rstrip("0").rstrip(".")
    return ("0" if text == "-0" else text).replace("-", "−")
