"""The few figures that chapters and panels need, in the course's style.

Each function returns a ``Picture``: a matplotlib ``Figure`` that shows itself on the last line of a
cell. For something these do not offer, take ``picture.axes[0]`` and go on from there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from gpt2lab.widgets.style import (
    AMOUNT,
    FADED,
    FONT,
    INK,
    PALETTE,
    SIGNED,
    SMALL,
    Picture,
    house_style,
    letters,
)


def heatmap(
    values: Any,
    rows: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    *,
    title: str = "",
    xlabel: str = "",
    ylabel: str = "",
    scale: str = "",
    signed: bool = False,
    limit: float | None = None,
    numbers: bool | None = None,
    mask: Any = None,
    width: float = 7.0,
) -> Picture:
    """A matrix as colours, such as attention weights with the tokens along both sides.

    Parameters
    ----------
    values : (n_rows, n_columns)
        Tensor or array. NaN and infinities stay white: nothing to see there.
    rows, columns : lists of str, optional
        Labels, such as tokens. For attention: rows are queries, columns are keys.
    scale : str
        What the colour bar measures.
    signed : bool
        Blue below zero, white at zero, orange above; otherwise dark to bright from zero (or the
        smallest value, if that is negative).
    limit : float, optional
        Value of the last colour; the largest finite one by default.
    numbers : bool, optional
        Write the values into the cells; by default up to 10 columns.
    mask : bool, (n_rows, n_columns), optional
        True = may attend. The other cells stay white.

    Raises
    ------
    ValueError
        If values are not a matrix, or a list of labels has another length.
    """
    matrix = as_array(values)
    if matrix.ndim != 2:
        raise ValueError(
            f"heatmap needs a matrix (rows, columns), got shape {matrix.shape}"
        )
    for name, labels, n in (("rows", rows, matrix.shape[0]), ("columns", columns, matrix.shape[1])):
        if labels is not None and len(labels) != n:
            raise ValueError(f"heatmap needs one label for each of the {n} {name}, got {len(labels)}")
    if mask is not None:
        matrix = np.where(as_array(mask).astype(bool), matrix, np.nan)
    height = min(max(width * 0.86 * matrix.shape[0] / matrix.shape[1], 1.2), 9.0) + 1.5
    picture = Picture(width, height, title, "constrained")
    with house_style():
        axes = picture.add_subplot()
        draw_heatmap(axes, matrix, rows, columns, signed=signed, limit=limit, numbers=numbers)
        axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
        bar = picture.colorbar(axes.images[0], ax=axes, label=scale, fraction=0.046, pad=0.03, aspect=30)
        bar.outline.set_visible(False)
    return picture


def lines(
    x: Any,
    curves: Mapping[str, Any],
    *,
    title: str = "",
    xlabel: str = "",
    ylabel: str = "",
    log_x: bool = False,
    log_y: bool = False,
    width: float = 8.0,
    height: float = 4.4,
) -> Picture:
    """Curves by name. One with several runs is drawn as its median with the runs' range around it.

    Parameters
    ----------
    x : (n,)
    curves : dict of (n,) or (n_runs, n)
        The names stand at the ends of the curves, so that no legend has to be matched by colour.

    Raises
    ------
    ValueError
        If a curve is not as long as x.
    """
    x = as_array(x)
    picture = Picture(width, height, title, "constrained")
    with house_style():
        axes = picture.add_subplot()
        for (name, values), color in zip(curves.items(), _colors(len(curves)), strict=True):
            runs = np.atleast_2d(as_array(values))
            if runs.ndim != 2 or runs.shape[1] != len(x):
                raise ValueError(
                    f"curve {name!r} needs one value for each of {len(x)} x, got {runs.shape}"
                )
            middle = np.median(runs, axis=0)
            axes.plot(x, middle, color=color, label=name)
            if len(runs) > 1:
                axes.fill_between(x, runs.min(axis=0), runs.max(axis=0), color=color, alpha=0.22, linewidth=0)
        axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
        if not log_x and np.array_equal(x, np.round(x)):
            axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
        for wanted, side in ((log_x, "x"), (log_y, "y")):
            if wanted:
                log_scale(axes, side)
        axes.grid(axis="y")
        if len(curves) > 1:
            name_curves(axes)
    return picture


def bars(
    labels: Sequence[str],
    values: Any,
    *,
    title: str = "",
    xlabel: str = "",
    numbers: bool = True,
    log: bool = False,
    width: float = 7.5,
) -> Picture:
    """Horizontal bars, so that labels stay readable; the value is written at the end of each.

    Parameters
    ----------
    labels : list of str
    values : (n,) or dict of (n,)
        A dict draws one bar per name for each label, side by side.

    Raises
    ------
    ValueError
        If there is not one value per label.
    """
    series = dict(values) if isinstance(values, Mapping) else {"": values}
    n, thick = len(labels), 0.8 / len(series)
    picture = Picture(width, 1.5 + 0.36 * n * max(1, 0.75 * len(series)), title, "constrained")
    with house_style():
        axes = picture.add_subplot()
        for i, ((name, row), color) in enumerate(zip(series.items(), _colors(len(series)), strict=True)):
            row = as_array(row)
            if row.shape != (n,):
                raise ValueError(f"bars needs one value for each of the {n} labels, got shape {row.shape}")
            places = np.arange(n) + (i - (len(series) - 1) / 2) * thick
            drawn = axes.barh(places, row, thick * 0.92, color=color, label=name)
            if numbers:
                axes.bar_label(drawn, [short(v) for v in row], padding=4, fontsize=SMALL)
        axes.set_yticks(range(n), labels=list(labels))
        axes.tick_params(axis="y", length=0)
        axes.set(title=title, xlabel=xlabel)
        if log:
            log_scale(axes, "x")
        axes.axvline(0, color=FADED, linewidth=1) if not log else None
        axes.invert_yaxis()
        axes.margins(x=0.14)
        if len(series) > 1:
            axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(series))
            axes.set_title(title, pad=32)
    return picture


# What panels share with the figures above


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
    image = axes.imshow(shown, cmap=SIGNED if signed else AMOUNT, vmin=low, vmax=top, aspect="auto")
    n_rows, n_columns = matrix.shape
    label_sides(axes, rows, columns)
    axes.spines[:].set_visible(False)
    if numbers if numbers is not None else n_columns <= 10:
        for i in range(n_rows):
            for j in range(n_columns):
                if np.isfinite(matrix[i, j]):
                    red, green, blue, _ = image.cmap(image.norm(matrix[i, j]))
                    dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.55
                    axes.text(
                        j, i, decimals(matrix[i, j], top), ha="center", va="center",
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
    axes.tick_params(length=0, labelsize=SMALL if max(len(rows or ()), len(columns or ())) <= 24 else 9)
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
    """Write each curve's name at its right end, in its colour, pushed apart where ends meet."""
    figure = axes.figure
    figure.draw_without_rendering()
    ends = []
    for line in axes.get_lines():
        x, y = (np.asarray(values, dtype=float) for values in line.get_data())
        good = np.isfinite(axes.transData.transform(np.column_stack([x, y]))).all(axis=1)
        if good.any() and not line.get_label().startswith("_"):
            ends.append([axes.transData.transform((x[good][-1], y[good][-1]))[1], line])
    ends.sort(key=lambda end: end[0])
    gap = FONT * 1.3 / 72 * figure.dpi
    bottom = axes.bbox.y0
    places: list[float] = []
    for height, _ in ends:
        places.append(max(height, places[-1] + gap if places else bottom))
    if places and (over := places[-1] - axes.bbox.y1) > 0:  # slide down from the top where needed
        places[-1] -= over
        for i in range(len(places) - 2, -1, -1):
            places[i] = min(places[i], places[i + 1] - gap)
    for place, (_, line) in zip(places, ends, strict=True):
        axes.annotate(
            line.get_label(), (1.02, (place - bottom) / axes.bbox.height), xycoords="axes fraction",
            color=letters(line.get_color()), va="center", fontweight="bold", annotation_clip=False,
        )  # fmt: skip


def short(value: float, digits: int = 3) -> str:
    """A number in a few significant digits: 0.123, 12.3, 1.2e-05."""
    value = float(value)
    if value == 0:
        return "0"
    text = f"{value:.{digits}g}"
    if "e" in text and 1 <= abs(value) < 1e6:
        text = f"{value:.0f}"
    return text.replace("-", "−") if "e" not in text else text


def decimals(value: float, largest: float) -> str:
    """A number of a table whose largest is given: as many decimals in every cell."""
    places = (
        2 - min(2, math.floor(math.log10(largest))) if largest >= 1 else 1 - math.floor(math.log10(largest))
    )
    return f"{value:.{places}f}".replace("-", "−")


def clip(label: str, n: int = 12) -> str:
    """A label cut to n characters."""
    return label if len(label) <= n else label[: n - 1] + "…"


def as_array(values: Any) -> np.ndarray:
    """Tensors (with or without gradients), arrays and lists as a float array."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().float().numpy()
    elif isinstance(values, (list, tuple)):
        values = [as_array(v) if hasattr(v, "detach") else v for v in values]
    return np.asarray(values, dtype=float)


def _colors(n: int) -> list[str]:
    return [PALETTE[i % len(PALETTE)] for i in range(n)]
