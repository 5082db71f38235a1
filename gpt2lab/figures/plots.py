"""The few figures that chapters and panels need, in the course's style.

Each function returns a ``Picture``: a matplotlib ``Figure`` that shows itself on the last line of a
cell. For something these do not offer, take ``picture.axes[0]`` and go on from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.ticker import MaxNLocator

from gpt2lab.errors import InputError, validates
from gpt2lab.figures.drawing import Values, as_array, dash_what_covers, draw_heatmap, log_scale, name_curves, short
from gpt2lab.figures.drawing import clip as clip
from gpt2lab.figures.drawing import decimals as decimals
from gpt2lab.figures.style import FADED, PALETTE, SMALL, Picture, house_style


@validates
def heatmap(
    values: Values,
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
    mask: Values | None = None,
    width: float = 7.0,
) -> Picture:
    """A matrix as colours, such as attention weights with the tokens along both sides.

    Parameters
    ----------
    values : (n_rows, n_columns)
        Tensor or array. NaN and infinities are grey, or white beside signed numbers.
    rows, columns : lists of str, optional
        Labels, such as tokens. For attention: rows are queries, columns are keys.
    scale : str
        What the colour bar measures. Where whole numbers stand in all cells, there is no bar.
    signed : bool
        Blue below zero, white at zero, orange above; otherwise white to dark blue from zero (or the
        smallest value, if that is negative).
    limit : float, optional
        Value of the last colour; the largest finite one by default.
    numbers : bool, optional
        Write the values into the cells; by default up to 10 columns.
    mask : bool, (n_rows, n_columns), optional
        True = may attend. The other cells are hidden, as NaN is.

    Raises
    ------
    InputError
        If values are not a matrix, or a list of labels has another length.
    """
    matrix = as_array(values)
    if matrix.ndim != 2 or not matrix.size:
        raise InputError(f"heatmap needs a matrix (rows, columns) that is not empty, got shape {matrix.shape}")
    for name, labels, n in (("rows", rows, matrix.shape[0]), ("columns", columns, matrix.shape[1])):
        if labels is not None and len(labels) != n:
            raise InputError(f"heatmap needs one label for each of the {n} {name}, got {len(labels)}")
    if mask is not None:
        matrix = np.where(as_array(mask).astype(bool), matrix, np.nan)
    height = min(max(width * 0.86 * matrix.shape[0] / matrix.shape[1], 1.2), 9.0) + 1.5
    picture = Picture(width, height, title, "constrained")
    with house_style():
        axes = picture.add_subplot()
        draw_heatmap(axes, matrix, rows, columns, signed=signed, limit=limit, numbers=numbers)
        axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
        finite = matrix[np.isfinite(matrix)]
        if scale or not axes.texts or not np.array_equal(finite, np.round(finite)):
            bar = picture.colorbar(axes.images[0], ax=axes, label=scale, fraction=0.046, pad=0.03, aspect=30)
            bar.outline.set_visible(False)
    return picture


@validates
def lines(
    x: Values,
    curves: Mapping[str, Values],
    *,
    title: str = "",
    xlabel: str = "",
    ylabel: str = "",
    log_x: bool = False,
    log_y: bool = False,
    points: bool = False,
    width: float = 8.0,
    height: float = 4.4,
) -> Picture:
    """Curves by name. One with several runs is drawn as its median with the runs' range around it.

    Parameters
    ----------
    x : (n,)
    curves : dict of (n,) or (n_runs, n)
        The names stand at the ends of the curves, so that no legend has to be matched by colour.
    points : bool
        Mark the values, where there are so few that it matters which x were measured.

    Raises
    ------
    InputError
        If x is not a list of numbers, or a curve is not as long as x.
    """
    x = as_array(x)
    if x.ndim != 1 or not x.size:
        raise InputError(f"lines needs x as a list of numbers that is not empty, got shape {x.shape}")
    picture = Picture(width, height, title, "constrained")
    with house_style():
        axes = picture.add_subplot()
        for (name, values), color in zip(curves.items(), _colors(len(curves)), strict=True):
            runs = np.atleast_2d(as_array(values))
            if runs.ndim != 2 or runs.shape[1] != len(x):
                raise InputError(f"curve {name!r} needs one value for each of {len(x)} x, got {runs.shape}")
            middle = np.median(runs, axis=0)
            axes.plot(x, middle, color=color, label=name, marker="o" if points and len(runs) > 1 else None)
            if len(runs) > 1:
                axes.fill_between(x, runs.min(axis=0), runs.max(axis=0), color=color, alpha=0.22, linewidth=0)
        axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
        if points:
            axes.set_xticks(x)
        elif not log_x and np.array_equal(x, np.round(x)):
            axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))
        for wanted, side in ((log_x, "x"), (log_y, "y")):
            if wanted:
                log_scale(axes, side)
        axes.grid(axis="y")
        if len(curves) > 1:
            name_curves(axes)
            dash_what_covers(axes)
    return picture


def _written(series: Mapping[str, Values]) -> dict[str, list[str]]:
    """The numbers at the ends of bars; shares of one picture have the same decimals: 0.20 beside 0.28."""
    rows = {name: as_array(row).ravel() for name, row in series.items()}
    written = {name: [short(v) for v in row] for name, row in rows.items()}
    every = np.abs(np.concatenate(list(rows.values())))
    if every.max(initial=0) <= 1 and every[every > 0].min(initial=1) >= 0.01:
        places = max(len(text.partition(".")[2]) for row in written.values() for text in row)
        return {name: [f"{v:.{places}f}".replace("-", "−") if v else "0" for v in row] for name, row in rows.items()}
    return written


@validates
def bars(
    labels: Sequence[str],
    values: Values | Mapping[str, Values],
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
    InputError
        If there is not one value per label.
    """
    series = dict(values) if isinstance(values, Mapping) else {"": values}
    if not series or not labels:
        raise InputError("bars needs at least one label and one row of values, got none")
    n, thick = len(labels), 0.8 / len(series)
    written = _written(series) if numbers else {}
    picture = Picture(width, 1.5 + 0.36 * n * max(1, 0.75 * len(series)), title, "constrained")
    with house_style():
        axes = picture.add_subplot()
        for i, ((name, row), color) in enumerate(zip(series.items(), _colors(len(series)), strict=True)):
            row = as_array(row)
            if row.shape != (n,):
                raise InputError(f"bars needs one value for each of the {n} labels, got shape {row.shape}")
            places = np.arange(n) + (i - (len(series) - 1) / 2) * thick
            drawn = axes.barh(places, row, thick * 0.92, color=color, label=name)
            if numbers:
                axes.bar_label(drawn, written[name], padding=4, fontsize=SMALL)
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


def _colors(n: int) -> list[str]:
    return [PALETTE[i % len(PALETTE)] for i in range(n)]
