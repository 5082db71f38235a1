"""Attention weights in the explorer's pictures: their colours, and the scale under them."""

from __future__ import annotations

import numpy as np

from gpt2lab.explorer.sheet import TOP, Sheet
from gpt2lab.figures.style import FADED
from gpt2lab.figures.weights import HIDDEN, LEGEND_TICKS, colours, root_scale

SIZE = 372  # height of a map


def hide(weights: np.ndarray, triangular: bool) -> np.ndarray:
    """NaN where the mask hides a key, so that hidden and zero look different."""
    return np.where(np.tri(len(weights), dtype=bool), weights, np.nan) if triangular else weights


def legend(sheet: Sheet, hidden: bool) -> None:
    """The scale of weights, and the colour of hidden keys if there are any."""
    left, top, length = 78, TOP + SIZE + 34, 260
    ramp = np.linspace(0, 1, 128)[None] ** 2
    sheet.image(ramp, left, top - 9, length, 11, cmap=colours(), norm=root_scale())
    for value, name in LEGEND_TICKS.items():
        sheet.text(left + length * value**0.5, top + 13, name, size=10, color=FADED, at="mm")
    sheet.text(left + length + 16, top - 3, "attention weight (root scale)", size=10.5, color=FADED)
    if hidden:
        sheet.box(left + length + 16, top + 8, 12, 11, HIDDEN)
        sheet.text(left + length + 34, top + 13, "hidden by the mask", size=10.5, color=FADED)
