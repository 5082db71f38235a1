"""A blank sheet to draw the explorer's picture on, in CSS pixels from the top left corner.

Bars are collected and added as one shape, and letters are written by ``Picture.write``: axes with
ticks would take longer than everything else on the sheet.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.collections import PolyCollection

from gpt2lab.figures.style import CSS_PER_INCH, GRID, INK, SMALL, Picture, house_style

WIDTH, HEIGHT = 1056, 538


class Sheet:
    """Where the parts of a picture put their marks.

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
        self._colours: list[Any] = []

    def text(self, x: Any, y: Any, text: str, *, size: Any = SMALL, color: Any = INK, **style: Any) -> None:
        """Letters at a place; ``bold``, ``at`` and ``upright`` as in ``Picture.write``."""
        self.picture.write(self.axes, x, y, text, size=size, color=color, **style)

    def box(self, x: Any, y: Any, width: Any, height: Any, color: Any) -> None:
        """A filled rectangle; a negative width or height goes the other way."""
        self._corners.append([(x, y), (x + width, y), (x + width, y + height), (x, y + height)])
        self._colours.append(color)

    def line(self, x: Any, y: Any, color: Any = GRID, width: Any = 1.0, dots: bool = False) -> None:
        """A line through places, with a dot at each if asked for; thin ones lie below the bars."""
        order, marker = (3 if width > 1 else 0.5), "o" if dots else None
        self.axes.plot(x, y, color=color, linewidth=width, marker=marker, markersize=5, zorder=order)

    def image(self, values: np.ndarray, x: Any, y: Any, width: Any, height: Any, **colours: Any) -> None:
        """A matrix, row 0 on top; ``cmap`` and ``norm`` as matplotlib takes them."""
        place = (x, x + width, y + height, y)
        self.axes.imshow(values, extent=place, aspect="auto", interpolation="nearest", **colours)
        self.axes.set(xlim=(0, WIDTH), ylim=(HEIGHT, 0))

    def done(self) -> Picture:
        """The picture with all that was drawn."""
        self.axes.add_collection(PolyCollection(self._corners, facecolors=self._colours), autolim=False)
        return self.picture
