"""Who sees whom: the visible pairs of tokens in several architectures, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.patches import Rectangle
from torch import Tensor

from gpt2lab.errors import InputError, validates
from gpt2lab.figures.drawing import as_array, label_sides
from gpt2lab.figures.style import BLUE, FADED, ORANGE, SMALL, Picture, house_style
from gpt2lab.figures.weights import HIDDEN

MOST_TOKENS = 12
WIDTH = 9.4  # inches


@validates
def who_sees_whom(maps: Mapping[str, Tensor], tokens: Sequence[str], n_source: int) -> Picture:
    """Square maps of one sequence, a source and then a target, with a line between the two.

    Parameters
    ----------
    maps : dict of (T, T) bool
        By name. True: the vector in this row depends on the token in this column.
    tokens : list of str
        T, up to 12; the first ``n_source`` are the source.

    Raises
    ------
    InputError
        If there is no map, one is not (T, T), or the source is not a part of the tokens.
    """
    T = len(tokens)
    seen = {name: as_array(one) for name, one in maps.items()}
    if not seen or any(one.shape != (T, T) for one in seen.values()) or T > MOST_TOKENS:
        got = {name: one.shape for name, one in seen.items()}
        raise InputError(f"who_sees_whom needs maps ({T}, {T}) for {T} tokens, at most {MOST_TOKENS}, got {got}")
    if not 0 < n_source < T:
        raise InputError(f"n_source must lie between 1 and {T - 1}, got {n_source}")
    letters = 0.1 * max(map(len, tokens)) + 0.15  # inches
    one = (WIDTH - letters) / len(seen)
    side = min(one - 0.2, 3.4)
    height = side + letters + 1.0
    picture = Picture(WIDTH, height, "Who sees whom")
    with house_style():
        for i, (name, matrix) in enumerate(seen.items()):
            left = (letters + i * one) / WIDTH
            axes = picture.add_axes((left, (letters + 0.45) / height, side / WIDTH, side / height))
            axes.set(xlim=(-0.5, T - 0.5), ylim=(T - 0.5, -0.5))
            for (row, column), sees in np.ndenumerate(matrix.astype(bool)):
                corner, color = (column - 0.44, row - 0.44), BLUE if sees else HIDDEN
                axes.add_patch(Rectangle(corner, 0.88, 0.88, facecolor=color, edgecolor="none"))
            for line in (axes.axvline, axes.axhline):
                line(n_source - 0.5, color=ORANGE, linewidth=2.4)
            label_sides(axes, tokens if i == 0 else None, tokens)
            axes.tick_params(axis="x", rotation=90)
            if i:
                axes.set_yticks([])
            axes.spines[:].set_visible(False)
            axes.set_title(name)
    picture.write(None, letters / WIDTH, 0.2 / height, "■", color=BLUE, size=SMALL + 3)
    note = "this row's vector depends on this column's token · orange: source | target"
    picture.write(None, (letters + 0.25) / WIDTH, 0.2 / height, note, color=FADED)
    return picture
