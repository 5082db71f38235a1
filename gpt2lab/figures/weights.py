"""Attention weights in pictures: one colour map and one scale, the explorer's, wherever a map is drawn.

The root of a weight picks its colour, so that 0.05 can still be seen. What the mask hides is grey: hidden
and zero look different.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, Normalize, PowerNorm
from torch import Tensor

from gpt2lab.errors import InputError, validates
from gpt2lab.figures.drawing import as_array, label_sides
from gpt2lab.figures.style import AMOUNT, CARD, FADED, HIDDEN, INK, SMALL, Picture, house_style

WEIGHTS = AMOUNT
MOST_NUMBERS = 6  # keys of a map whose weights are written into it
LEGEND_TICKS = {0: "0", 0.01: ".01", 0.1: ".1", 0.25: ".25", 0.5: ".5", 1: "1"}


def colours(hidden: str = HIDDEN) -> Colormap:
    """Colours of weights, and of what is NaN."""
    return WEIGHTS.with_extremes(bad=hidden)


def root_scale() -> Normalize:
    """As in the browser: the root of a weight picks its colour."""
    return PowerNorm(0.5, 0, 1)


def without_future(weights: np.ndarray) -> np.ndarray:
    """NaN above the diagonal of (T, T) if no query looks ahead: behind a causal mask there is nothing to see."""
    return weights if np.triu(weights, 1).any() else np.where(np.tri(len(weights), dtype=bool), weights, np.nan)


def draw_weights(axes: Axes, weights: np.ndarray, hidden: str = HIDDEN) -> None:
    """Fill axes with a matrix of weights between 0 and 1; NaN is hidden."""
    axes.imshow(weights, cmap=colours(hidden), norm=root_scale(), aspect="auto")
    axes.spines[:].set_visible(False)


def draw_scale(picture: Picture, left: float, bottom: float, width: float, height: float) -> None:
    """The scale of the colours as a bar; the place in parts of the picture, ticks below the bar."""
    with house_style():
        axes = picture.add_axes((left, bottom, width, height))
        axes.imshow(np.linspace(0, 1, 128)[None] ** 2, cmap=colours(), norm=root_scale(), aspect="auto",
                    extent=(0, 1, 0, 1))  # fmt: skip
        axes.set_yticks([])
        inches = width * picture.get_size_inches()[0]
        ticks = {value: name for value, name in LEGEND_TICKS.items() if value != 0.01 or inches > 2.3}  # not "0.01"
        axes.set_xticks([value**0.5 for value in ticks], labels=list(ticks.values()))
        axes.tick_params(axis="x", length=0, labelsize=SMALL, pad=2)
        axes.spines[:].set_visible(False)


@validates
def attention_maps(
    maps: dict[str, Tensor], rows: Sequence[str] | None = None, columns: Sequence[str] | None = None, *,
    title: str = "", note: str = "rows: queries · columns: keys", width: float = 9.0, numbers: bool | None = None,
) -> Picture:  # fmt: skip
    """Attention maps side by side, with their scale. Rows are queries, columns are keys.

    Parameters
    ----------
    maps : dict of (T_query, T_key)
        By name, which stands above the map.
    rows, columns : lists of str, optional
        Tokens along the sides of each map.
    note : str
        What rows and columns are, beside the scale.
    numbers : bool, optional
        Write the weights into the cells. Default: where there are at most 6 columns.

    Raises
    ------
    InputError
        If there is no map, or one is not a matrix of weights between 0 and 1.
    """
    arrays = {name: as_array(weights) for name, weights in maps.items()}
    if not arrays or any(
        array.ndim != 2 or not ((array >= 0) & (array <= 1 + 1e-5)).all() for array in arrays.values()
    ):
        got = {name: tuple(array.shape) for name, array in arrays.items()}
        raise InputError(f"attention_maps needs matrices of weights between 0 and 1, by name; got {got}")
    one = width / len(arrays)
    letters_left = 0.1 * max(map(len, rows or [""])) + 0.35  # inches
    shape = next(iter(arrays.values())).shape
    longest = 0.1 * max(map(len, columns or [""]))
    upright = longest > (one - letters_left - 0.15) / shape[1]  # inches: wider than a column
    letters_below = 0.35 + longest * upright
    side = min((one - letters_left - 0.15) * shape[0] / shape[1], 6.0)
    height = side + letters_below + 1.2
    picture = Picture(width, height, title or "Attention maps")
    with house_style():
        for i, (name, array) in enumerate(arrays.items()):
            left = (i * one + letters_left) / width
            axes = picture.add_axes((left, (0.75 + letters_below) / height, (one - letters_left - 0.15) / width,
                                     side / height))  # fmt: skip
            shown = without_future(array) if array.shape[0] == array.shape[1] else array
            draw_weights(axes, shown)
            if array.shape[1] <= MOST_NUMBERS if numbers is None else numbers:
                _write_numbers(picture, axes, shown)
            label_sides(axes, rows, columns)
            axes.tick_params(axis="x", rotation=90 if upright else 0)
            if rows is None:
                axes.set(xticks=[], yticks=[])
            axes.set_title(name)
    draw_scale(picture, 0.35, 0.4 / height, 0.3, 0.16 / height)
    picture.write(None, 0.335, 0.48 / height, "weight", color=FADED, at="rm")
    picture.write(None, 0.665, 0.48 / height, note, color=FADED, at="lm")
    return picture


def _write_numbers(picture: Picture, axes: Axes, weights: np.ndarray) -> None:
    """The weights, in the cells of a map; without the zero before the point where there is little room."""
    wide = weights.shape[1] <= MOST_NUMBERS
    for (i, j), weight in np.ndenumerate(weights):
        if np.isfinite(weight):
            text = f"{weight:.2f}" if wide else f"{weight:.2f}".lstrip("0")
            picture.write(axes, j, i, text, at="mm", color=CARD if weight > 0.3 else INK, size=SMALL if wide else 9.5)
