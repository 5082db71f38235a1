"""The place of a panel's picture on the page: as wide as there is room, and described for those who cannot see it.

The style sheet of the panels (``figures/panels.css``) decides how wide. It knows the picture's own size
and its smallest letters: on a projector they reach 18 px, and on a narrow page the picture is scrolled before
they fall below 12 px.
"""

from __future__ import annotations

from importlib import resources

import anywidget
import traitlets

from gpt2lab.figures.style import CSS_PER_INCH, Picture

POINTS_PER_INCH = 72


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
