"""The place of a panel's picture on the page: as wide as there is room, and described for those who cannot see it.

The style sheet of the panels (``figures/panels.css``) decides how wide. It knows the picture's own size
and its smallest letters: on a projector they reach 18 px, and on a narrow page the picture is scrolled before
they fall below 12 px.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources

import anywidget
import traitlets

from gpt2lab.figures.style import CSS_PER_INCH, NOTE, Picture, as_base64

POINTS_PER_INCH = 72


def in_words(title: str, settings: Mapping[str, object], result: object) -> str:
    """What a panel shows, in one line: its title, its settings by their labels, its result."""
    said = {True: "on", False: "off"}
    inside = ", ".join(
        f"{label}: {said[value] if isinstance(value, bool) else value}" for label, value in settings.items()
    )
    return "; ".join(filter(None, [title, inside, " ".join(repr(result).split())]))


def stored(picture: Picture, png: bytes, labels: Sequence[str]) -> tuple[str, dict[str, object]]:
    """The picture as a notebook stores it, and its size: where no kernel runs, it says how to get what moves it."""
    note = "▶ Run this cell in Jupyter (Shift+Enter)" + (" to change: " if labels else "") + ", ".join(labels)
    size = picture.display_size()
    size["height"] += round(NOTE * CSS_PER_INCH)
    return as_base64(picture.noted(png, note)), {**size, "needs_background": "light"}


class PictureView(anywidget.AnyWidget):
    """A picture on the page.

    Attributes
    ----------
    png : bytes
    size : (width, height)
        In CSS pixels, as it was drawn.
    letters : float
        Height of its smallest letters, in CSS pixels.
    alt : str
        What it shows, in words.
    """

    _esm = resources.files("gpt2lab.widgets").joinpath("js", "picture.mjs").read_text(encoding="utf-8")

    png = traitlets.Bytes().tag(sync=True)
    size: traitlets.List[int] = traitlets.List().tag(sync=True)
    letters = traitlets.Float(15.0).tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)

    def show(self, picture: Picture, alt: str) -> None:
        """Take another picture; the browser is told once."""
        png, size = picture.png(), picture.display_size()
        points = picture.smallest_letters()  # after drawing: matplotlib makes the labels of axes then
        with self.hold_sync():
            self.size = [size["width"], size["height"]]
            self.letters = points * CSS_PER_INCH / POINTS_PER_INCH
            self.alt = alt
            self.png = png
