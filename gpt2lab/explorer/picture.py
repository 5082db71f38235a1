"""The explorer without a browser: a picture for GitHub, for a notebook just opened, for ``save``.

Every view has its drawing, in the light theme, made of the same answers that the browser gets.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import PowerNorm

from gpt2lab.explorer import charts, scene
from gpt2lab.explorer.sheet import Sheet
from gpt2lab.figures.drawing import clip
from gpt2lab.figures.style import FADED, FONT, SMALL, Picture

HIDDEN = "#e4e7ec"
MOST_LABELS, MOST_BARS = 40, 8
TOP, SIZE = 96, 372  # of the maps
LEGEND_TICKS = {0: "0", 0.01: ".01", 0.1: ".1", 0.25: ".25", 0.5: ".5", 1: "1"}


def draw(explorer: Any) -> Picture:
    """The present view as a picture."""
    sheet = Sheet(explorer.title)
    sheet.text(16, 24, _heading(explorer), size=FONT)
    view = explorer.view
    try:
        if view in charts.CHARTS:
            charts.CHARTS[view](sheet, explorer)
        else:
            _maps(sheet, explorer, explorer.runs[-1], one=view == "head")
    except ValueError as error:  # a model without that part says so
        sheet.text(16, 74, str(error), color=FADED)
    return sheet.done()


def _maps(sheet: Sheet, explorer: Any, run: Any, one: bool) -> None:
    (_matrix if one else _grid)(sheet, explorer, run)
    _legend(sheet, hidden=one and run.triangular)
    if explorer._scene["can"]["next"]:
        _next(sheet, explorer)


def _heading(explorer: Any) -> str:
    heading = f"{explorer.title + ': ' if explorer.title else ''}“{clip(explorer._text_shown, 80)}”"
    return "".join(c if c.isprintable() else "·" for c in heading.replace("\n", "⏎"))


def _grid(sheet: Sheet, explorer: Any, run: Any) -> None:
    """Every head of every layer as one image: a hundred small axes would take seconds."""
    S, heads, layers = run.thumbnails[0].shape[-1], max(run.shape), run.n_layers
    gap = max(1, S // 8)
    mosaic = np.full((layers * (S + gap) - gap, heads * (S + gap) - gap), np.nan)
    for layer, thumbnails in enumerate(run.thumbnails):
        for head, weights in enumerate(thumbnails.numpy()):
            row, column = layer * (S + gap), head * (S + gap)
            mosaic[row : row + S, column : column + S] = _hide(weights, run.triangular)
    left, width = 78, min(580.0, 1.6 * SIZE * mosaic.shape[1] / mosaic.shape[0])
    sheet.image(mosaic, left, TOP, width, SIZE, cmap=_colours("#ffffff"), norm=PowerNorm(0.5, 0, 1))
    sheet.text(16, 62, f"Where every head looks{charts.which_run(explorer)}", size=FONT + 1, bold=True)
    sheet.text(left - 8, TOP - 14, "head", color=FADED, at="rm")
    sheet.text(16, TOP + SIZE / 2, "layer", color=FADED, at="mm", upright=True)
    for head in range(heads):
        x = left + width * (head * (S + gap) + S / 2) / mosaic.shape[1]
        sheet.text(x, TOP - 14, str(head), at="mm")
    for layer in range(layers):
        y = TOP + SIZE * (layer * (S + gap) + S / 2) / mosaic.shape[0]
        sheet.text(left - 10, y, str(layer), at="rm")


def _matrix(sheet: Sheet, explorer: Any, run: Any) -> None:
    run.check("head", explorer.layer, explorer.head)
    weights = run.weights(explorer.layer, explorer.head).detach().float().cpu().numpy()
    role = run.roles[explorer.layer][explorer.head]
    earned = f": {role['role']} {role['score']:.2f}" if role["role"] else ""
    title = f"Layer {explorer.layer}, head {explorer.head}{earned}{charts.which_run(explorer)}"
    sheet.text(16, 62, title, size=FONT + 1, bold=True)
    few = run.T <= MOST_LABELS
    left, top = (150, 162) if few else (78, TOP)
    size = TOP + SIZE - top
    width = size * 1.25 if few else 520
    sheet.image(
        _hide(weights, run.triangular), left, top, width, size, cmap=_colours(HIDDEN), norm=PowerNorm(0.5, 0, 1)
    )
    if not few:
        sheet.text(left + width / 2, top - 14, "key: looked at", color=FADED, at="mm")
        sheet.text(left - 16, top + size / 2, "query: looks", color=FADED, at="mm", upright=True)
        return
    labels = [explorer._label(i) for i in run.tokens[0].tolist()]
    points = min(SMALL, 0.66 * size / run.T)
    for i, label in enumerate(labels):
        chosen = dict(bold=True) if i == explorer._token_index() else {}
        sheet.text(left - 8, top + size * (i + 0.5) / run.T, clip(label, 12), size=points, at="rm", **chosen)
        sheet.text(left + width * (i + 0.5) / run.T, top - 6, clip(label, 10), size=points, at="mb", upright=True)


def _hide(weights: np.ndarray, triangular: bool) -> np.ndarray:
    """NaN where the mask hides a key, so that hidden and zero look different."""
    return np.where(np.tri(len(weights), dtype=bool), weights, np.nan) if triangular else weights


def _colours(hidden: str) -> Any:
    return charts.WEIGHTS.with_extremes(bad=hidden)


def _legend(sheet: Sheet, hidden: bool) -> None:
    left, top, length = 78, TOP + SIZE + 34, 260
    ramp = np.linspace(0, 1, 128)[None] ** 2
    sheet.image(ramp, left, top - 9, length, 11, cmap=_colours(HIDDEN), norm=PowerNorm(0.5, 0, 1))
    for value, name in LEGEND_TICKS.items():
        sheet.text(left + length * value**0.5, top + 13, name, size=10, color=FADED, at="mm")
    sheet.text(left + length + 16, top - 3, "attention weight (root scale)", size=10.5, color=FADED)
    if hidden:
        sheet.box(left + length + 16, top + 8, 12, 11, HIDDEN)
        sheet.text(left + length + 34, top + 13, "hidden by the mask", size=10.5, color=FADED)


def _next(sheet: Sheet, explorer: Any) -> None:
    """What the model expects after the selected token, before and after a change."""
    try:
        meta, _ = scene.answer(explorer, scene.next_question(explorer))
    except ValueError as error:
        for i, part in enumerate(str(error).split(": ")):
            sheet.text(690, TOP + 24 * i, part, color=FADED)
        return
    charts.next_bars(sheet, explorer, meta, left=690, top=TOP, line=SIZE / MOST_BARS, most=MOST_BARS, compact=True)
