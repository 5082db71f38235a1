"""The explorer without a browser: a picture for GitHub, for a notebook just opened, for ``save``."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, PowerNorm

from gpt2lab.explorer.answers import next_tokens
from gpt2lab.widgets.style import BLUE, FADED, GRID, INK, ORANGE, SMALL, Picture, house_style

# The same colours as js/colour.mjs, light theme.
WEIGHTS = LinearSegmentedColormap.from_list(
    "weights", ["#fbfcfe", "#cfe3f3", "#7fb8dd", "#2f7fbc", "#0b4a86", "#06264d"]
)
HIDDEN = "#e9ebef"
MOST_LABELS = 40
LEFT, BAR, RIGHT = (
    (0.085, 0.15, 0.48, 0.7),
    (0.582, 0.15, 0.014, 0.7),
    (0.77, 0.15, 0.215, 0.7),
)  # of the picture
LABELLED = (0.1, 0.29, 0.465, 0.58)  # instead of LEFT where slanted labels need the room below


def draw(explorer: Any) -> Picture:
    """All heads, or one head as a matrix, and what the model expects next."""
    one = explorer.view in ("head", "scores")
    run = explorer.runs[-1]
    picture = Picture(11.0, 5.6, explorer.title)
    with house_style():
        # Placed by hand: a layout engine takes longer than the drawing.
        left, right = picture.add_axes(LEFT), picture.add_axes(RIGHT)
        (_matrix if one else _grid)(left, explorer, run)
        _next(right, explorer)
        picture.suptitle(_title(explorer), x=0.012, y=0.985, ha="left", fontsize=13, color=INK)
    return picture


def _title(explorer: Any) -> str:
    text = explorer.text.replace("\n", "⏎")
    text = "".join(c if c.isprintable() else "·" for c in text)
    shown = text if len(text) <= 80 else text[:79] + "…"
    return f"{explorer.title + ': ' if explorer.title else ''}“{shown}”"


def _grid(axes: Any, explorer: Any, run: Any) -> None:
    """Every head of every layer as one image: a hundred small axes would take seconds."""
    S, heads, layers = run.thumbnails[0].shape[-1], max(run.shape), run.n_layers
    gap = max(1, S // 8)
    mosaic = np.full((layers * (S + gap) - gap, heads * (S + gap) - gap), np.nan)
    for layer, thumbnails in enumerate(run.thumbnails):
        for head, weights in enumerate(thumbnails.numpy()):
            row, column = layer * (S + gap), head * (S + gap)
            mosaic[row : row + S, column : column + S] = _hide(weights, run.triangular)
    image = axes.imshow(mosaic, cmap=_colours("#ffffff"), norm=PowerNorm(0.5, 0, 1), aspect="auto")
    axes.set_xticks(
        [h * (S + gap) + (S - 1) / 2 for h in range(heads)], labels=[str(h) for h in range(heads)]
    )
    axes.set_yticks(
        [i * (S + gap) + (S - 1) / 2 for i in range(layers)], labels=[str(i) for i in range(layers)]
    )
    axes.set(xlabel="head", ylabel="layer")
    axes.set_title("Where every head looks")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    _bar(axes, image)


def _matrix(axes: Any, explorer: Any, run: Any) -> None:
    weights = run.weights(explorer.layer, explorer.head).detach().float().cpu().numpy()
    image = axes.imshow(_hide(weights, run.triangular), cmap=_colours(HIDDEN), norm=PowerNorm(0.5, 0, 1))
    if run.T <= MOST_LABELS:
        labels = [explorer._label(i)[:10] for i in run.tokens[0].tolist()]
        size = SMALL if run.T <= 20 else 8
        axes.set_xticks(
            range(run.T), labels=labels, rotation=60, ha="right", rotation_mode="anchor", fontsize=size
        )
        axes.set_yticks(range(run.T), labels=labels, fontsize=size)
        axes.set_position(LABELLED)
    axes.set(xlabel="key: looked at", ylabel="query: looks")
    axes.set_title(f"Layer {explorer.layer}, head {explorer.head}")
    _bar(axes, image)


def _hide(weights: np.ndarray, triangular: bool) -> np.ndarray:
    """NaN where the mask hides a key, so that hidden and zero look different."""
    return np.where(np.tri(len(weights), dtype=bool), weights, np.nan) if triangular else weights


def _colours(hidden: str) -> Any:
    return WEIGHTS.with_extremes(bad=hidden)


def _bar(axes: Any, image: Any) -> None:
    bar = axes.figure.colorbar(image, cax=axes.figure.add_axes(BAR), ticks=[0, 0.01, 0.1, 0.25, 0.5, 1])
    bar.set_label("attention weight (root scale)")
    bar.ax.set_yticklabels(["0", ".01", ".1", ".25", ".5", "1"])
    bar.outline.set_visible(False)


def _next(axes: Any, explorer: Any) -> None:
    runs = explorer.runs
    axes.spines[:].set_visible(False)
    if not runs[-1].has_logits:
        axes.set_axis_off()
        return
    token = explorer._token_index()
    rows = next_tokens(runs, token, (1.0, None, None), explorer._label)["rows"][:8]
    thick = 0.7 / len(runs)
    for i, color in zip(range(len(runs)), (BLUE, ORANGE), strict=False):
        axes.barh(
            [y + i * thick for y in range(len(rows))], [r["p"][i] for r in rows], thick * 0.9, color=color
        )
    axes.set_yticks(
        [y + thick * (len(runs) - 1) / 2 for y in range(len(rows))], labels=[r["label"][:14] for r in rows]
    )
    axes.tick_params(length=0)
    axes.invert_yaxis()
    axes.grid(axis="x", color=GRID)
    label = explorer._label(int(runs[0].tokens[0, token]))
    axes.set_title(f"Next after “{label[:14]}”")
    axes.set_xlabel(
        "probability" + (f": {explorer._names[0]}, {explorer._names[1]}" if len(runs) > 1 else ""),
        color=FADED,
    )
