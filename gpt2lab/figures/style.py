"""The look of every figure and panel, in one place: colours, letters, sizes.

Colours are Okabe and Ito's, told apart by people with any colour vision; heat maps go from white to dark
blue (amounts) or from blue through white to orange (signed numbers). Figures sit on a white card,
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
from importlib import resources
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from matplotlib import get_data_path, rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.typing import ColorType
from PIL import Image, ImageDraw, ImageFont

Number: TypeAlias = float | int | np.floating | np.integer  # a place or a size, from Python or from an array

BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"
PALETTE = (BLUE, ORANGE, GREEN, PURPLE, VERMILION, SKY)  # curves take them in this order
INK, FADED, GRID, CARD = "#1a1a1a", "#5c5c5c", "#d9d9d9", "#ffffff"

# The same colours as explorer/js/colour.mjs, light theme: 0 is nearly white, large is dark.
AMOUNT = LinearSegmentedColormap.from_list("amount", ["#fbfcfe", "#cfe3f3", "#7fb8dd", "#2f7fbc", "#0b4a86", "#06264d"])
HIDDEN = "#e4e7ec"  # where there is no amount: hidden and zero look different
_blue_to_orange = ["#00568a", "#8ec1e0", "#ffffff", "#f3c26b", "#a85b00"]
SIGNED = LinearSegmentedColormap.from_list("blue_white_orange", _blue_to_orange)
# A direction has no largest value: the colours go once around and are equally light, to be seen on white and on black.
_around = ["#c26383", "#c36b42", "#a38207", "#649745", "#009e89", "#0095be", "#6981d1", "#a26dba", "#c26383"]
ANGLE = LinearSegmentedColormap.from_list("angle", _around)

CSS_PER_INCH = 96  # one inch of a figure is shown this wide, so 12 pt are 16 px on the page
PIXELS_PER_INCH = 144  # and drawn this sharp, for projectors and fine screens
FONT, SMALL = 13, 11.5  # points
NOTE = 0.36  # inches: the height of a line below a picture

RC: dict[Any, object] = {  # Any: matplotlib types its keys as the literal names that its own version knows
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

# The style sheet that every panel brings along.
CSS = resources.files("gpt2lab.figures").joinpath("panels.css").read_text(encoding="utf-8")


def letters(color: ColorType) -> tuple[float, float, float]:
    """A colour of the palette, darkened until thin letters in it are legible on white."""
    red, green, blue = to_rgb(color)
    return 0.68 * red, 0.68 * green, 0.68 * blue


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the course's style, then leave matplotlib's settings as they were."""
    with rc_context(RC), warnings.catch_warnings():
        # A token from another script is drawn as a box: worth no warning in the learner's notebook.
        warnings.filterwarnings("ignore", message=r"Glyph \d+")
        warnings.filterwarnings("ignore", message=r"Matplotlib currently does not support")
        yield


@functools.cache
def _font(points: float, bold: bool) -> ImageFont.FreeTypeFont:
    file = Path(get_data_path(), "fonts", "ttf", "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")
    return ImageFont.truetype(str(file), points * PIXELS_PER_INCH / 72, layout_engine=ImageFont.Layout.BASIC)


def spoken(html: str) -> str:
    """A line of a panel that may change; a screen reader speaks it when it does."""
    return f'<div aria-live="polite" class="gpt2lab-line">{html}</div>'


def as_base64(png: bytes) -> str:
    """A picture as MIME bundles hold it: Jupyter does not encode bytes in them."""
    return base64.b64encode(png).decode("ascii")


_ACROSS = {"l": "left", "m": "center", "r": "right"}
_UPWARDS = {"t": "top", "m": "center", "b": "bottom"}


class _Label(NamedTuple):
    """One call of ``Picture.write``."""

    axes: Axes | None
    x: float
    y: float
    text: str
    size: float
    color: ColorType
    bold: bool
    at: str
    upright: bool


class Picture(Figure):
    """A matplotlib figure that shows itself in a notebook without pyplot and has a stable repr."""

    def __init__(
        self, width: Number = 8.0, height: Number = 4.0, title: str = "", layout: Literal["constrained"] | None = None
    ) -> None:
        """An empty figure.

        Parameters
        ----------
        width, height : float
            Inches of ``CSS_PER_INCH`` pixels on the page.
        layout : "constrained" or None
            Whether matplotlib moves the axes until no label is cut off.
        """
        with house_style():
            super().__init__(figsize=(float(width), float(height)), dpi=PIXELS_PER_INCH, layout=layout)
        if isinstance(engine := self.get_layout_engine(), ConstrainedLayoutEngine):
            engine.set(w_pad=0.12, h_pad=0.12)  # inches around the edges
        self.title = title
        self._written: list[_Label] = []
        self._drawn_letters: list[float] = []  # points, of the texts that were drawn last

    def write(
        self, axes: Axes | None, x: Number, y: Number, text: str, *, size: Number = SMALL, color: ColorType = INK,
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
        self._written.append(_Label(axes, float(x), float(y), text, float(size), color, bold, at, upright))

    def png(self) -> bytes:
        """The figure as the bytes of a PNG file."""
        image = self._pixels()
        pen = ImageDraw.Draw(image)
        for axes, x, y, text, size, color, bold, at, upright in self._written:
            place = (axes.transData if axes is not None else self.transFigure).transform((x, y))
            left, top = float(place[0]), image.height - float(place[1])
            font, fill = _font(size, bold), tuple(round(255 * part) for part in to_rgb(color))
            if not upright:
                pen.text((left, top), text, fill, font, anchor=at.replace("t", "a").replace("b", "d"))
                continue
            ascent, descent = font.getmetrics()
            turned = Image.new("L", (math.ceil(font.getlength(text)), ascent + descent))
            ImageDraw.Draw(turned).text((0, 0), text, 255, font)
            turned = turned.transpose(Image.Transpose.ROTATE_90)
            left -= turned.width * {"l": 0, "m": 0.5, "r": 1}[at[0]]
            top -= turned.height * {"t": 0, "m": 0.5, "b": 1}[at[1]]
            image.paste(fill, (round(left), round(top)), turned)
        buffer = io.BytesIO()
        image.save(buffer, "png", compress_level=1)  # the best compression takes as long as the drawing
        return buffer.getvalue()

    def noted(self, png: bytes, note: str) -> bytes:
        """A drawn picture with a line below it, ``NOTE`` inches high."""
        with Image.open(io.BytesIO(png)) as drawn:
            image = Image.new("RGB", (drawn.width, drawn.height + round(NOTE * PIXELS_PER_INCH)), CARD)
            image.paste(drawn, (0, 0))
            pen, margin = ImageDraw.Draw(image), round(0.12 * PIXELS_PER_INCH)
            pen.rectangle((0, drawn.height, image.width, drawn.height + 1), GRID)
            font = _font(SMALL, True)
            while font.getlength(note) > image.width - 2 * margin and " " in note:
                note = note.rstrip(" …").rpartition(" ")[0] + " …"
            pen.text((margin, (drawn.height + image.height) / 2), note, INK, font, anchor="lm")
        buffer = io.BytesIO()
        image.save(buffer, "png", compress_level=1)
        return buffer.getvalue()

    def _pixels(self) -> Image.Image:
        """Everything but the labels of ``write``, drawn on a canvas of its own."""
        canvas = FigureCanvasAgg(self)
        renderer, self._drawn_letters = canvas.get_renderer(), []
        draw_text = renderer.draw_text

        def note_size(
            gc: object, x: float, y: float, s: str, prop: FontProperties, *more: object, **how: object
        ) -> None:
            if s.strip():
                self._drawn_letters.append(prop.get_size_in_points())
            draw_text(gc, x, y, s, prop, *more, **how)

        renderer.draw_text = note_size
        with house_style():
            canvas.draw()
        image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
        # Every text of the figure keeps the renderer, and a figure that is no longer shown lives on until
        # Python looks for circles: without this, each redraw of a panel would hold 3 MB of pixels for long.
        RendererAgg.__init__(renderer, 1, 1, PIXELS_PER_INCH)
        del renderer.draw_text
        return image

    def svg(self) -> bytes:
        """The figure as the bytes of an SVG file, with the labels as letters."""
        labels: list[Artist] = []
        for axes, x, y, text, size, color, bold, at, upright in self._written:
            with house_style():
                label = axes.text(x, y, text) if axes is not None else self.text(x, y, text)
                label.set(fontsize=size, color=color, fontweight="bold" if bold else "normal")
                label.set(rotation=90 if upright else 0, ha=_ACROSS[at[0]], va=_UPWARDS[at[1]])
            labels.append(label)
        buffer = io.BytesIO()
        with house_style(), rc_context({"svg.fonttype": "none"}):
            self.savefig(buffer, format="svg")
        for drawn in labels:
            drawn.remove()
        return buffer.getvalue()

    def smallest_letters(self) -> float:
        """Points of the smallest label, once the picture was drawn; ``SMALL`` if there is none."""
        written = [label.size for label in self._written if label.text.strip()]
        return min([*self._drawn_letters, *written], default=SMALL)

    def display_size(self) -> dict[str, int]:
        """Width and height on the page, in CSS pixels."""
        width, height = self.get_size_inches()
        return {"width": round(width * CSS_PER_INCH), "height": round(height * CSS_PER_INCH)}

    def __repr__(self) -> str:
        return f"Picture: {self.title}" if self.title else "Picture"

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, str], dict[str, dict[str, int]]]:
        """What Jupyter shows, and its size on the page; ``include`` and ``exclude`` are Jupyter's, and not used."""
        bundle = {"text/plain": repr(self), "image/png": as_base64(self.png())}
        return bundle, {"image/png": self.display_size()}
