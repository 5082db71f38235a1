"""A blank sheet to draw the explorer's picture on, in CSS pixels from the top left corner.

Bars are collected and added as one shape, and letters are written by ``Picture.write``: axes with
ticks would take longer than everything else on the sheet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import SupportsFloat

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.colors import Colormap, Normalize

from gpt2lab.figures.style import BLUE, CSS_PER_INCH, FONT, GRID, INK, ORANGE, SMALL, Picture, house_style

WIDTH, HEIGHT = 1056, 538
TOP, LAST = 96, 520  # where a chart may begin and must end
PAIR = (BLUE, ORANGE)  # before and after; attention and feed-forward
Colour = str | tuple[float, float, float, float]


class Sheet:
    """Where the parts of a picture put their marks. Places and sizes are CSS pixels, from NumPy or not.

    Attributes
    ----------
    picture : Picture
    """

    def __init__(self, title: str) -> None:
        self.picture = Picture(WIDTH / CSS_PER_INCH, HEIGHT / CSS_PER_INCH, title)
        with house_style():
            self.axes = self.picture.add_axes((0, 0, 1, 1))
        self.axes.set_axis_off()
        self.axes.set(xlim=(0, WIDTH), ylim=(HEIGHT, 0))
        self.axes.set_autoscale_on(False)
        self._corners: list[list[tuple[float, float]]] = []
        self._colours: list[Colour] = []

    def text(
        self, x: SupportsFloat, y: SupportsFloat, text: str, *, size: float | int = SMALL, color: str = INK,
        bold: bool = False, at: str = "lm", upright: bool = False,
    ) -> None:  # fmt: skip
        """Letters at a place; ``bold``, ``at`` and ``upright`` as in ``Picture.write``."""
        self.picture.write(
            self.axes, float(x), float(y), text, size=size, color=color, bold=bold, at=at, upright=upright
        )

    def title(self, text: str) -> None:
        """What the view shows, above it."""
        self.text(16, 62, text, size=FONT + 1, bold=True)

    def box(
        self, x: SupportsFloat, y: SupportsFloat, width: SupportsFloat, height: SupportsFloat, color: Colour
    ) -> None:
        """A filled rectangle; a negative width or height goes the other way."""
        left, top, right, bottom = float(x), float(y), float(x) + float(width), float(y) + float(height)
        self._corners.append([(left, top), (right, top), (right, bottom), (left, bottom)])
        self._colours.append(color)

    def line(
        self, x: Sequence[SupportsFloat], y: Sequence[SupportsFloat], color: str = GRID, width: float = 1.0,
        dots: bool = False,
    ) -> None:  # fmt: skip
        """A line through places, with a dot at each if asked for; thin ones lie below the bars."""
        order, marker = (3 if width > 1 else 0.5), "o" if dots else None
        xs, ys = [float(at) for at in x], [float(at) for at in y]
        self.axes.plot(xs, ys, color=color, linewidth=width, marker=marker, markersize=5, zorder=order)

    def image(
        self, values: np.ndarray, x: float | int, y: float | int, width: float | int, height: float | int,
        *, cmap: Colormap, norm: Normalize,
    ) -> None:  # fmt: skip
        """A matrix, row 0 on top; ``cmap`` and ``norm`` as matplotlib takes them."""
        place = (x, x + width, y + height, y)
        self.axes.imshow(values, extent=place, aspect="auto", interpolation="nearest", cmap=cmap, norm=norm)
        self.axes.set(xlim=(0, WIDTH), ylim=(HEIGHT, 0))

    def done(self) -> Picture:
        """The picture with all that was drawn."""
        self.axes.add_collection(PolyCollection(self._corners, facecolors=self._colours), autolim=False)
        return self.picture
