"""What figures and panels are drawn from: a matrix with its labels, names at curves, short numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter
from torch import Tensor

from gpt2lab.errors import InputError, validates
from gpt2lab.figures.style import AMOUNT, FONT, HIDDEN, INK, SIGNED, SMALL, Number, letters

COVERED_PX = 3.0  # pixels of the drawing, less than a curve is wide
LEAST = 9.0  # points: the smallest letters
Values: TypeAlias = Tensor | np.ndarray | Number | Sequence[object]  # numbers; a list may hold lists or tensors


def draw_heatmap(
    axes: Axes,
    matrix: np.ndarray,
    rows: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    *,
    signed: bool = False,
    limit: float | None = None,
    numbers: bool | None = None,
) -> None:
    """Fill axes with a matrix and its labels; see ``heatmap``."""
    finite = matrix[np.isfinite(matrix)]
    largest = (np.abs(finite) if signed else finite).max(initial=0.0)
    top = float(limit if limit is not None else largest) or 1.0
    low = -top if signed else float(finite.min(initial=0.0))
    shown = np.where(np.isfinite(matrix), matrix, np.nan)
    image = axes.imshow(
        shown, cmap=SIGNED if signed else AMOUNT.with_extremes(bad=HIDDEN), vmin=low, vmax=top, aspect="auto"
    )
    n_rows, n_columns = matrix.shape
    label_sides(axes, rows, columns)
    axes.spines[:].set_visible(False)
    if numbers if numbers is not None else n_columns <= 10:
        whole = np.array_equal(finite, np.round(finite))  # a mask of 0 and 1 needs no decimals
        for i in range(n_rows):
            for j in range(n_columns):
                if np.isfinite(matrix[i, j]):
                    red, green, blue, _ = image.cmap(image.norm(matrix[i, j]))
                    dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.55
                    number = f"{matrix[i, j]:.0f}" if whole else decimals(matrix[i, j], top)
                    axes.text(
                        j, i, number.replace("-", "−"), ha="center", va="center",
                        color="white" if dark else INK, fontsize=min(SMALL, 96 / n_columns),
                    )  # fmt: skip


def label_sides(axes: Axes, rows: Sequence[str] | None, columns: Sequence[str] | None) -> None:
    """Tokens along the sides of an image; beyond 40 every second or third, to stay readable."""
    for axis, labels in ((axes.yaxis, rows), (axes.xaxis, columns)):
        if labels is None:
            continue
        every = 1 + (len(labels) - 1) // 40
        axis.set_ticks(range(0, len(labels), every), labels=[clip(label) for label in labels[::every]])
    upright = columns is not None and max(map(len, columns), default=0) * len(columns) > 45
    size = SMALL if max(len(rows or ()), len(columns or ())) <= 24 else LEAST
    if rows:  # no letter reaches into the next row
        size = min(size, max(LEAST, 0.8 * 72 * axes.bbox.height / axes.figure.figure.dpi / min(len(rows), 40)))
    axes.tick_params(length=0, labelsize=size)
    axes.tick_params(axis="x", rotation=90 if upright else 0)


def log_scale(axes: Axes, side: str) -> None:
    """Make the "x" or "y" axis logarithmic, labelled 0.01, 1, 100 or 10⁻⁸ (without math text)."""
    axes.set(**{f"{side}scale": "log"})
    axis = getattr(axes, f"{side}axis")
    axis.set_major_formatter(FuncFormatter(lambda value, _: _power(value)))
    axis.set_minor_formatter(NullFormatter())


def _power(value: float) -> str:
    exponent = round(float(np.log10(value))) if value > 0 else 0
    if -3 < exponent < 4:
        return f"{value:g}"
    return "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def name_curves(axes: Axes) -> None:
    """Write each curve's name at its right end, in its colour: pushed apart where ends meet, below the title."""
    figure = axes.figure.figure  # the whole figure, also for axes in a part of it
    figure.draw_without_rendering()
    ends: list[tuple[float, Line2D]] = []
    for line in axes.get_lines():
        x, y = (np.asarray(values, dtype=float) for values in line.get_data())
        good = np.isfinite(axes.transData.transform(np.column_stack([x, y]))).all(axis=1)
        if good.any() and not str(line.get_label()).startswith("_"):
            ends.append((float(axes.transData.transform((x[good][-1], y[good][-1]))[1]), line))
    ends.sort(key=lambda end: end[0])
    gap = FONT * 1.3 / 72 * figure.dpi
    bottom, top = axes.bbox.y0, axes.bbox.y1 - gap / 2
    places: list[float] = []
    for height, _ in ends:
        places.append(max(height, places[-1] + gap if places else bottom))
    if places and (over := places[-1] - top) > 0:  # slide down from the top where needed
        places[-1] -= over
        for i in range(len(places) - 2, -1, -1):
            places[i] = min(places[i], places[i + 1] - gap)
    for place, (_, line) in zip(places, ends, strict=True):
        axes.annotate(
            str(line.get_label()), (1.02, (place - bottom) / axes.bbox.height), xycoords="axes fraction",
            color=letters(line.get_color()), va="center", fontweight="bold", annotation_clip=False,
        )  # fmt: skip


def dash_what_covers(axes: Axes) -> None:
    """Where a curve runs along an earlier one for most of its way, dash it: both colours are seen."""
    seen: list[np.ndarray] = []
    for line in axes.get_lines():
        place = axes.transData.transform(np.column_stack([np.asarray(part, float) for part in line.get_data()]))
        covers = any(
            len(other) == len(place) and (np.abs(other - place).max(axis=1) < COVERED_PX).mean() > 0.5 for other in seen
        )
        if covers:
            line.set_dashes((2.5, 2.0))
        seen.append(place)


def short(value: Number | Tensor, digits: int = 3) -> str:
    """A number in a few significant digits: 0.123, 12.3, 1.2e-05."""
    value = float(value)
    if value == 0:
        return "0"
    text = f"{value:.{digits}g}"
    if "e" in text and 1 <= abs(value) < 1e6:
        text = f"{value:.0f}"
    return text.replace("-", "−") if "e" not in text else text


def decimals(value: Number, largest: Number) -> str:
    """A number of a table whose largest is given: as many decimals in every cell."""
    places = 2 - min(2, math.floor(math.log10(largest))) if largest >= 1 else 1 - math.floor(math.log10(largest))
    return f"{value:.{places}f}".replace("-", "−")


def clip(label: str, n: int = 12) -> str:
    """A label cut to n characters."""
    return label if len(label) <= n else label[: n - 1] + "…"


@validates
def as_array(values: Values) -> np.ndarray:
    """Tensors (with or without gradients), arrays and lists of either as a float array.

    Raises
    ------
    InputError
        If something in it is not a number, or the parts of a list have different shapes.
    """
    if isinstance(values, (list, tuple)):
        values = [value.tolist() if isinstance(value, Tensor) else value for value in values]
    try:
        plain = values.detach().to("cpu", torch.float32).numpy() if isinstance(values, Tensor) else values
        return np.asarray(plain, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"a figure needs numbers as a tensor, an array or a list of one shape, got {_received(values)}"
        ) from error


def _received(values: object) -> str:
    text = repr(values)
    return text if len(text) <= 60 else f"{text[:60]}…"
