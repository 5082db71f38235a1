"""What the map is drawn with: letters and boxes at a place in inches, and the rows with a name and a shape."""

from __future__ import annotations

from typing import TypedDict, Unpack

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.typing import ColorType

from gpt2lab.figures.style import BLUE, FADED, INK, Picture

SHAPES = 7.75  # inches: the shapes stand there


class _Look(TypedDict, total=False):
    """Further matplotlib properties of a box."""

    alpha: float
    zorder: float


class Pen:
    """Writes and draws in inches from the top left corner of axes that fill a picture."""

    def __init__(self, picture: Picture, axes: Axes) -> None:
        self.picture, self.axes = picture, axes

    def write(
        self,
        x: float,
        y: float,
        text: str,
        size: int | float,
        color: ColorType = INK,
        *,
        bold: bool = False,
        at: str = "lm",
    ) -> None:
        self.picture.write(self.axes, x, y, text, size=float(size), color=color, bold=bold, at=at)

    def row(self, y: float, step: str, shape: str, says: str = "", note: str = "") -> None:
        """The name of a step on the left, its shape on the right, and below them what there is to say."""
        self.write(0.15, y - (0.11 if note else 0), step, 12.5, bold=True)
        self.write(0.15, y + 0.12, note, 10.5, FADED)
        self.write(SHAPES, y - (0.11 if says else 0), shape, 12, BLUE, bold=True)
        self.write(SHAPES, y + 0.12, says, 10.5, FADED)

    def box(
        self, x: float, y: float, width: float, height: float, face: str, *, edge: str = "none", **style: Unpack[_Look]
    ) -> None:
        box = Rectangle((x, y), width, height, facecolor=face, edgecolor=edge, linewidth=1.8, **style)
        self.axes.add_patch(box)
