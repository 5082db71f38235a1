"""A drawing of the matrix product: one row of the left table meets one column of the right one."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor

from gpt2lab.errors import InputError, validates
from gpt2lab.figures.drawing import short
from gpt2lab.figures.style import BLUE, FADED, INK, SMALL, VERMILION, Picture, house_style, letters

PLAIN, ROW, COLUMN, BOTH = "#eef1f4", "#f6d9a0", "#bfe0f2", "#ffffff"
CELL, HIGH, GAP = 0.86, 0.46, 0.2  # inches
SIDE = 0.95  # for the names of the rows
MOST = 4


@validates
def product_diagram(
    left: Tensor,
    right: Tensor,
    row: int,
    column: int,
    *,
    rows: Sequence[str],
    inner: Sequence[str],
    columns: Sequence[str],
) -> Picture:
    """``left @ right``, the right table above the result and the left one beside it, with one number written out.

    Parameters
    ----------
    left : (n, m)
    right : (m, k)
        n, m and k are at most 4.
    row, column : int
        The number of the result that is written out.
    rows, inner, columns : lists of str
        Names for the n rows of ``left``, for the m things that are summed over, and for the k columns of ``right``.

    Raises
    ------
    InputError
        If the shapes do not fit, a list has another length, or there is no such row or column.
    """
    fits = left.ndim == right.ndim == 2 and left.shape[1] == right.shape[0]
    if not fits or max(*left.shape, *right.shape) > MOST:
        raise InputError(
            f"product_diagram needs (n, m) and (m, k), at most {MOST} each, "
            f"got {tuple(left.shape)} and {tuple(right.shape)}"
        )
    (n, m), k = left.shape, right.shape[1]
    for name, labels, wanted in (("rows", rows, n), ("inner", inner, m), ("columns", columns, k)):
        if len(labels) != wanted:
            raise InputError(f"product_diagram needs {wanted} names for {name}, got {len(labels)}")
    if not (0 <= row < n and 0 <= column < k):
        raise InputError(f"product_diagram has no number at ({row}, {column}) of a result of shape {(n, k)}")
    result = left @ right
    width = max(SIDE + (m + k) * CELL + GAP + 0.3, 6.6)
    height = 1.0 + (m + n) * HIGH + 2 * GAP + 0.6
    picture = Picture(width, height, "A matrix product: rows on the left meet columns above")
    x_left, x_right = SIDE, SIDE + m * CELL + GAP
    y_right = height - 0.6  # upper edges
    y_left = y_right - m * HIGH - 2 * GAP
    with house_style():
        axes = picture.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, width), ylim=(0, height))
        axes.set_axis_off()
        for j, name in enumerate(columns):
            axes.text(x_right + (j + 0.5) * CELL, y_right + 0.2, name, ha="center", va="center", fontsize=SMALL)
        for i, name in enumerate(inner):
            axes.text(x_right - 0.1, y_right - (i + 0.5) * HIGH, name, ha="right", va="center", color=FADED)
        for i, name in enumerate(rows):
            axes.text(x_left - 0.1, y_left - (i + 0.5) * HIGH, name, ha="right", va="center")
        for i in range(m):
            for j in range(k):
                _number(axes, x_right + j * CELL, y_right - i * HIGH, right[i, j], COLUMN if j == column else PLAIN)
        for i in range(n):
            for j in range(m):
                _number(axes, x_left + j * CELL, y_left - i * HIGH, left[i, j], ROW if i == row else PLAIN)
            for j in range(k):
                chosen = (i, j) == (row, column)
                _number(axes, x_right + j * CELL, y_left - i * HIGH, result[i, j], BOTH if chosen else PLAIN, chosen)
        terms = zip(left[row].tolist(), right[:, column].tolist(), strict=True)
        sum_of = " + ".join(f"{short(a)}·{short(b)}" for a, b in terms)
        said = f"{rows[row]} in {columns[column]}:  {sum_of} = {short(result[row, column])}"
        axes.text(x_left, 0.32, said, va="center", fontweight="bold", color=letters(BLUE))
    return picture


def _number(axes: Axes, x: float, top: float, number: Tensor, color: str, chosen: bool = False) -> None:
    edge, line = (VERMILION, 2.6) if chosen else ("white", 1.5)
    axes.add_patch(
        Rectangle((x, top - HIGH), CELL, HIGH, facecolor=color, edgecolor=edge, linewidth=line, zorder=2 + chosen)
    )
    axes.text(
        x + CELL / 2, top - HIGH / 2, short(number), ha="center", va="center", color=INK, zorder=4,
        fontweight="bold" if chosen else "normal",
    )  # fmt: skip
