"""A table of small numbers as dots: one dot for each thing that was counted."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from gpt2lab.errors import InputError, validates
from gpt2lab.figures.drawing import clip
from gpt2lab.figures.style import BLUE, FONT, GRID, SMALL, Picture, house_style

WIDTH, HEAD, LEFT, ROW = 9.4, 1.5, 2.75, 0.4  # inches
ACROSS = 5  # dots in a line of a cell; more stand below
LETTERS, COLUMN_LETTERS = 26, 13  # of a row's name, and of one line of a column's


@validates
def dot_table(counts: Mapping[str, Mapping[str, int]], title: str = "") -> Picture:
    """One row for each name, one column for each name in it, and in each cell as many dots as the number says.

    Parameters
    ----------
    counts : mapping of mappings
        ``counts[row][column]``, whole numbers from 0 to 15; every row has the same columns.

    Raises
    ------
    InputError
        If a row has other columns, or a number cannot be drawn.
    """
    rows = list(counts)
    columns = list(counts[rows[0]]) if rows else []
    if not columns or any(list(row) != columns for row in counts.values()):
        raise InputError("dot_table needs at least one row and one column, and the same columns in every row")
    most = 3 * ACROSS
    if bad := [n for row in counts.values() for n in row.values() if not isinstance(n, int) or not 0 <= n <= most]:
        raise InputError(f"dot_table draws whole numbers from 0 to {most}, got {bad[0]!r}")
    height = HEAD + ROW * len(rows) + 0.1
    picture, wide = Picture(WIDTH, height, title), (WIDTH - LEFT - 0.15) / len(columns)
    with house_style():
        axes = picture.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, WIDTH), ylim=(height, 0))
        axes.set_axis_off()
        picture.write(axes, 0.12, 0.22, title, size=FONT + 1, bold=True)
        for j, name in enumerate(columns):
            lines = textwrap.wrap(name, COLUMN_LETTERS)
            for k, line in enumerate(lines):
                x = LEFT + wide * (j + 0.5) + 0.18 * (k - (len(lines) - 1) / 2)
                picture.write(axes, x, HEAD - 0.08, line, size=SMALL, at="mb", upright=True)
            axes.axvline(LEFT + wide * j, 1 - HEAD / height, 0.1 / height, color=GRID, linewidth=1)
        for i, (name, row) in enumerate(counts.items()):
            y = HEAD + ROW * (i + 0.5)
            axes.plot([0.12, WIDTH - 0.12], [y - ROW / 2] * 2, color=GRID, linewidth=1)
            picture.write(axes, 0.12, y, clip(name, LETTERS), size=FONT)
            picture.write(axes, LEFT - 0.12, y, str(sum(row.values())), size=FONT, bold=True, at="rm")
            dots = [place for j, n in enumerate(row.values()) for place in _dots(LEFT + wide * j, y, wide, n)]
            axes.scatter([x for x, _ in dots], [up for _, up in dots], s=26, color=BLUE, linewidth=0)
    return picture


def _dots(left: float, middle: float, wide: float, n: int) -> list[tuple[float, float]]:
    """The places of n dots in a cell, line by line."""
    lines = -(-n // ACROSS)
    step = (wide - 0.08) / ACROSS
    return [
        (left + 0.04 + step * (k % ACROSS + 0.5), middle + 0.12 * (k // ACROSS - (lines - 1) / 2)) for k in range(n)
    ]
