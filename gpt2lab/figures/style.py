"""The look of every figure and panel, in one place: colours, letters, sizes.

Colours are Okabe and Ito's, told apart by people with any colour vision; heat maps use viridis
(amounts) and a blue-to-orange scale through white (signed numbers). Figures sit on a white card,
which is legible on a light and on a dark page alike. Nothing here touches matplotlib's global state.

Source of the palette: Okabe and Ito 2008, "Color Universal Design".
"""

from __future__ import annotations

import base64
import functools
import io
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import get_data_path, rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"
PALETTE = (BLUE, ORANGE, GREEN, PURPLE, VERMILION, SKY)  # curves take them in this order
INK, FADED, GRID, CARD = "#1a1a1a", "#5c5c5c", "#d9d9d9", "#ffffff"

AMOUNT = "viridis"  # 0 is dark, large is bright
_blue_to_orange = ["#00568a", "#8ec1e0", "#ffffff", "#f3c26b", "#a85b00"]
SIGNED = LinearSegmentedColormap.from_list("blue_white_orange", _blue_to_orange)

CSS_PER_INCH = 96  # one inch of a figure is shown this wide, so 12 pt are 16 px on the page
PIXELS_PER_INCH = 144  # and drawn this sharp, for projectors and fine screens
FONT, SMALL = 13, 11.5  # points

RC = {
    "figure.facecolor": CARD, "axes.facecolor": CARD, "savefig.facecolor": CARD,
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters on every machine
    "font.size": FONT, "axes.titlesize": FONT + 1, "axes.labelsize": FONT,
    "xtick.labelsize": SMALL, "ytick.labelsize": SMALL, "legend.fontsize": SMALL,
    "axes.titlelocation": "left", "axes.titleweight": "bold", "axes.titlepad": 10,
    "text.color": INK, "axes.labelcolor": INK, "axes.titlecolor": INK,
    "xtick.color": INK, "ytick.color": INK, "axes.edgecolor": FADED,
    "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True,
    "grid.color": GRID, "grid.linewidth": 0.8, "lines.linewidth": 2.4, "legend.frameon": False,
    "image.interpolation": "nearest",
    "text.parse_math": False,  # a token may be a dollar sign
}  # fmt: skip

# Larger letters for the controls of a panel, and a ring around the one the keyboard is on.
CSS = """
.gpt2lab-panel { --jp-widgets-font-size: 15px; --jp-widgets-inline-height: 32px;
  --jp-widgets-inline-label-width: 110px; max-width: 960px; }
.gpt2lab-panel :focus-visible { outline: 3px solid #56B4E9; outline-offset: 1px; }
.gpt2lab-panel .widget-inline-hbox { margin-right: 12px; }
.gpt2lab-panel img { border-radius: 6px; }
"""


def letters(color: str) -> tuple[float, ...]:
    """A colour of the palette, darkened until thin letters in it are legible on white."""
    return tuple(0.68 * part for part in to_rgb(color))


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the course's style, then leave matplotlib's settings as they were."""
    with rc_context(RC), warnings.catch_warnings():
        # A token from another script is drawn as a box: worth no warning in the learner's notebook.
        warnings.filterwarnings("ignore", message=r"Glyph \d+")
        warnings.filterwarnings("ignore", message=r"Matplotlib currently does not support")
        yield


@functools.cache
def _font(points: Any, bold: bool) -> ImageFont.FreeTypeFont:
    file = Path(get_data_path(), "fonts", "ttf", "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")
    return ImageFont.truetype(str(file), points * PIXELS_PER_INCH / 72, layout_engine=ImageFont.Layout.BASIC)


def spoken(html: str) -> str:
    """A line of a panel that may change; a screen reader speaks it when it does."""
    return f'<div aria-live="polite" style="font-size:15px;line-height:1.5">{html}</div>'


def as_base64(png: bytes) -> str:
    """A picture as MIME bundles hold it: Jupyter does not encode bytes in them."""
    return base64.b64encode(png).decode("ascii")


class Picture(Figure):
    """A matplotlib figure that shows itself in a notebook without pyplot and has a stable repr."""

    def __init__(self, width: Any = 8.0, height: Any = 4.0, title: str = "", layout: Any = None) -> None:
        """``width`` and ``height`` are inches of ``CSS_PER_INCH`` pixels on the page."""
        with house_style():
            super().__init__(figsize=(width, height), dpi=PIXELS_PER_INCH, layout=layout)
        FigureCanvasAgg(self)
        if layout == "constrained":
            self.get_layout_engine().set(w_pad=0.12, h_pad=0.12)  # inches around the edges
        self.title = title
        self._written: list[tuple] = []

    def write(
        self, axes: Any, x: Any, y: Any, text: str, *, size: Any = SMALL, color: Any = INK,
        bold: bool = False, at: str = "lm", upright: bool = False,
    ) -> None:  # fmt: skip
        """Many small labels, fast: a tenth of the time of ``axes.text``, which a slider can feel.

        Parameters
        ----------
        axes : Axes or None
            ``x`` and ``y`` count in the data of these axes, or in parts of the whole figure.
        at : str
            Which part of the text stands there: l, m or r, then t, m or b.
        upright : bool
            Turned by 90°, read from below; ``at`` still speaks of the turned text.
        """
        self._written.append((axes, x, y, text, size, color, bold, at, upright))

    def png(self) -> bytes:
        """The figure as the bytes of a PNG file."""
        with house_style():
            self.canvas.draw()
        image = Image.fromarray(np.asarray(self.canvas.buffer_rgba())).convert("RGB")
        pen = ImageDraw.Draw(image)
        for axes, x, y, text, size, color, bold, at, upright in self._written:
            place = (axes.transData if axes is not None else self.transFigure).transform((x, y))
            left, top = float(place[0]), image.height - float(place[1])
            font, fill = _font(size, bold), tuple(round(255 * part) for part in to_rgb(color))
            if not upright:
                pen.text((left, top), text, fill, font, anchor=at.replace("t", "a").replace("b", "d"))
                continue
            ascent, descent = font.getmetrics()
            letters = Image.new("L", (math.ceil(font.getlength(text)), ascent + descent))
            ImageDraw.Draw(letters).text((0, 0), text, 255, font)
            letters = letters.transpose(Image.Transpose.ROTATE_90)
            left -= letters.width * {"l": 0, "m": 0.5, "r": 1}[at[0]]
            top -= letters.height * {"t": 0, "m": 0.5, "b": 1}[at[1]]
            image.paste(fill, (round(left), round(top)), letters)
        buffer = io.BytesIO()
        image.save(buffer, "png", compress_level=1)  # the best compression takes as long as the drawing
        return buffer.getvalue()

    def svg(self) -> bytes:
        """The figure as the bytes of an SVG file, with the labels as letters."""
        labels = []
        for axes, x, y, text, size, color, bold, at, upright in self._written:
            style = dict(
                fontsize=size, color=color, fontweight="bold" if bold else "normal", rotation=90 if upright else 0,
                ha={"l": "left", "m": "center", "r": "right"}[at[0]],
                va={"t": "top", "m": "center", "b": "bottom"}[at[1]],
            )  # fmt: skip
            with house_style():
                labels.append(axes.text(x, y, text, **style) if axes is not None else self.text(x, y, text, **style))
        buffer = io.BytesIO()
        with house_style(), rc_context({"svg.fonttype": "none"}):
            self.savefig(buffer, format="svg")
        for label in labels:
            label.remove()
        return buffer.getvalue()

    def display_size(self) -> dict[str, int]:
        """Width and height on the page, in CSS pixels."""
        width, height = self.get_size_inches()
        return {"width": round(width * CSS_PER_INCH), "height": round(height * CSS_PER_INCH)}

    def __repr__(self) -> str:
        return f"Picture: {self.title}" if self.title else "Picture"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        bundle = {"text/plain": repr(self), "image/png": as_base64(self.png())}
        return bundle, {"image/png": self.display_size()}
