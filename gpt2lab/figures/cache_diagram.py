"""A drawing of the KV cache: step by step, one row joins the keys and one the values."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor

from gpt2lab.errors import InputError, validates
from gpt2lab.figures.drawing import short
from gpt2lab.figures.style import BLUE, FADED, INK, ORANGE, SMALL, Picture, house_style, letters

KEPT, NEW = "#dbe6ee", "#f6d9a0"
MOST_TOKENS, MOST_FEATURES = 5, 3
CELL, ROW, GAP = 0.41, 0.44, 0.18  # inches: width and height of a number, space between keys and values
LEFT, BETWEEN = 0.9, 0.28  # for the tokens' names, and between two steps


@validates
def cache_diagram(tokens: Sequence[str], q: Tensor, k: Tensor, v: Tensor) -> Picture:
    """Generation with a cache: for each step the one query, the keys and the values, with their numbers.

    What is computed in a step is orange; what is kept from earlier steps is pale.

    Parameters
    ----------
    tokens : list of str
        One for each row; up to 5.
    q, k, v : (T, d_head)
        d_head is at most 3.

    Raises
    ------
    InputError
        If the shapes do not fit, or there are more tokens or features than can be drawn.
    """
    T = len(tokens)
    if not (1 <= T <= MOST_TOKENS and q.shape == k.shape == v.shape and q.ndim == 2 and len(q) == T):
        shapes = ", ".join(str(tuple(part.shape)) for part in (q, k, v))
        raise InputError(
            f"cache_diagram needs 1 to {MOST_TOKENS} tokens, and a row of q, k and v for each; "
            f"got {T} tokens and the shapes {shapes}"
        )
    d = q.shape[1]
    if not 1 <= d <= MOST_FEATURES:
        raise InputError(f"cache_diagram draws 1 to {MOST_FEATURES} features, got {d}")
    step = 2 * d * CELL + GAP  # width of one step
    width = max(6.4, LEFT + T * step + (T - 1) * BETWEEN + 0.2)  # the legend needs some room too
    height = 2.6 + T * ROW
    picture = Picture(width, height, f"The cache grows by one row per step: {T} steps")
    with house_style():
        axes = picture.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, width), ylim=(0, height))
        axes.set_axis_off()
        top = height - 1.75  # upper edge of the first row of the cache
        picture.write(axes, 0.12, height - 1.18 + 0.025, "query", bold=True)
        for row, token in enumerate(tokens):
            picture.write(axes, 0.12, top - row * ROW - (ROW - 0.05) / 2, token, bold=True)
        for t in range(T):
            x = LEFT + t * (step + BETWEEN)
            picture.write(axes, x, height - 0.3, f"step {t}: “{tokens[t]}”", size=13, bold=True)
            picture.write(axes, x, height - 0.62, f"1 query, {t + 1} key{'s' * (t > 0)}", color=FADED)
            _row(axes, picture, x + (d * CELL + GAP) / 2, height - 1.18 + ROW / 2, q[t], NEW)
            for name, at, part in (("keys", x, k), ("values", x + d * CELL + GAP, v)):
                picture.write(axes, at + d * CELL / 2, top + 0.17, name, color=FADED, at="mm")
                for row in range(t + 1):
                    _row(axes, picture, at, top - row * ROW, part[row], NEW if row == t else KEPT)
        for at, color, text in ((LEFT, NEW, "computed in this step"), (LEFT + 2.9, KEPT, "kept from earlier steps")):
            axes.add_patch(Rectangle((at, 0.3), 0.3, 0.24, facecolor=color, edgecolor=FADED))
            strong = letters(ORANGE if color == NEW else BLUE)
            picture.write(axes, at + 0.42, 0.42, text, color=strong, bold=True)
    return picture


def _row(axes: Axes, picture: Picture, x: float, top: float, numbers: Tensor, color: str) -> None:
    for i, number in enumerate(numbers):
        left = x + i * CELL
        axes.add_patch(Rectangle((left, top - ROW + 0.05), CELL, ROW - 0.05, facecolor=color, edgecolor="white"))
        middle = top - (ROW - 0.05) / 2
        picture.write(axes, left + CELL / 2, middle, short(number), size=SMALL, color=INK, at="mm")
