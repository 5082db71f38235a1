"""What all panels share: settings that Python and the mouse can change, one picture, one result.

A panel names its settings as traits, says how to measure and how to draw, and is done::

    class Waves(Panel[int]):
        n = Whole(1, low=1, high=9, label="Waves")
        rows = (("n",),)

        def measure(self) -> int:
            return self.n**2

        def draw(self) -> Picture:
            return plots.bars(["n squared"], [self.result])

In a notebook the panel shows controls, picture and result. From Python it is an object::

    panel = Waves()
    panel.n = 3          # redraws; a bad value raises ValueError with one sentence
    panel.result         # 9
    panel.set(n=4)       # several settings at once, one redraw

Bad input in a control never makes a traceback: the sentence appears under the picture
(``panel.message``) and the last good picture stays. Where no kernel runs (on GitHub, in a notebook
just opened), the stored output shows the picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Generic, TypeVar

import ipywidgets
from traitlets import Bunch

from gpt2lab.errors import InputError, first_line
from gpt2lab.figures.style import CSS, Picture, house_style, spoken
from gpt2lab.widgets.memory import give_back_after_each_cell
from gpt2lab.widgets.picture_view import PictureView, in_words, stored
from gpt2lab.widgets.shown import Shown, watch_cells
from gpt2lab.widgets.traits import PanelTrait

R = TypeVar("R")  # what a panel measures
_AHEAD = "A cell below moves this panel. Run that cell by itself to see it here."


class Panel(ipywidgets.VBox, Generic[R]):
    """Base of all panels; see the module docstring.

    Attributes
    ----------
    result : R
        What ``measure`` returned for the present settings: small, with a stable repr.
    message : str
        The last thing a control refused, in one sentence; empty if all is well.
    redraws : int
        How many times the picture was drawn.
    """

    result: R
    rows: tuple[tuple[str, ...], ...] = ()  # names of the settings that get a control, row by row

    def __init__(self, **settings: object) -> None:
        super().__init__()
        give_back_after_each_cell()
        watch_cells()
        self.message = ""
        self.redraws = 0
        self._held = self._stale = False
        self._shown = Shown()
        self._picture = Picture()
        # A margin beside the full width would give a narrow page a scroll bar.
        self._view = PictureView(layout={"width": "100%", "margin": "0"})
        self._line = ipywidgets.HTML()
        self._assign(settings, start=True)
        self._controls = {name: self._make_control(name) for row in self.rows for name in row}
        self.add_class("gpt2lab-panel")
        wrap = {"flex_flow": "row wrap"}
        bars = [ipywidgets.HBox([self._controls[name] for name in row], layout=wrap) for row in self.rows]
        look = ipywidgets.HTML(f"<style>{CSS}</style>", layout={"display": "none"})
        self.children = [look, *bars, self._view, self._line]
        self.observe(self._setting_changed, names=self.setting_names())
        self.redraw()

    # What a panel defines

    def measure(self) -> R:
        """Compute what the panel shows: small, printable, the same on every run."""
        raise NotImplementedError

    def draw(self) -> Picture:
        """Draw ``self.result``. Runs inside the house style."""
        raise NotImplementedError

    def describe(self) -> str:
        """What the picture shows, in words, for those who cannot see it: its title, the settings, the result."""
        settings = {self._trait(name).label or name: value for name, value in self.settings().items()}
        return in_words(self._picture.title, settings, self.result)

    def accept_text(self, text: str) -> None:
        """Raise a ValueError with one sentence if a text cannot be shown."""

    def settle(self) -> None:
        """Bring settings that depend on others back into range. Runs before every redraw."""

    def forget(self) -> None:
        """Drop whatever was kept from earlier measurements."""

    # Driving it

    def set(self, **settings: object) -> None:
        """Change several settings with one redraw. Stops at the first bad one with a ValueError."""
        with self._one_redraw():
            self._assign(settings)

    def settings(self) -> dict[str, object]:
        """The present settings by name."""
        return {name: getattr(self, name) for name in self.setting_names()}

    @classmethod
    def setting_names(cls) -> list[str]:
        """Names of the settings, in the order of the class."""
        known = cls.class_traits(panel=True)
        return [name for base in reversed(cls.__mro__) for name in vars(base) if name in known]

    def redraw(self) -> None:
        """Measure and draw from scratch. Needed only after changing the model itself."""
        self.forget()
        self._refresh()

    def _refresh(self) -> None:
        with self._quietly():
            self.settle()
        if self._shown.too_early():
            self.result, self._shown.waiting = self.measure(), True
            self._say("")
        else:
            self._show()

    def _show(self) -> None:
        """Measure, and bring page and controls up to date."""
        self._shown.waiting = False
        with self._quietly():
            for name, control in self._controls.items():
                self._trait(name).fit(self, control)
                if control.value != getattr(self, name):
                    control.value = getattr(self, name)
        self.result = self.measure()
        with house_style():
            self._picture = self.draw()
        self._view.show(self._picture, self.describe())
        self.redraws += 1
        self._say("")

    @property
    def png(self) -> bytes:
        """The picture of the present settings as the bytes of a PNG file."""
        if not self._shown.waiting:
            return bytes(self._view.png)
        with house_style():
            return self.draw().png()

    def assigned(self) -> None:
        """Called by every assignment to a setting, also of the value that it has: Python may be ahead of the page."""
        if self._shown.waiting and not self._held and not self._shown.too_early():
            self._show()

    def control(self, name: str) -> ipywidgets.Widget:
        """The slider, menu or box of a setting, to put it elsewhere or to restyle it."""
        return self._controls[name]

    # How it works

    def _setting_changed(self, change: Bunch) -> None:
        self._stale = True
        if not self._held:
            with self._one_redraw():
                pass

    @contextmanager
    def _one_redraw(self) -> Iterator[None]:
        """Gather changes, then redraw once if there were any."""
        try:
            with self._quietly():
                yield
        finally:
            if self._stale and not self._held:
                self._stale = False
                self._refresh()

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        held, self._held = self._held, True
        try:
            yield
        finally:
            self._held = held

    def _make_control(self, name: str) -> ipywidgets.Widget:
        trait = self._trait(name)
        control = trait.control(self)
        control.value = getattr(self, name)
        control.style.description_width = "initial"
        control.observe(lambda change: self._control_changed(name, change), names="value")
        return control

    def _control_changed(self, name: str, change: Bunch) -> None:
        """Called when a control is moved. Errors are shown as a message on the panel, not as a traceback."""
        if self._held:
            return  # the panel itself is bringing its controls up to date
        try:
            if self._shown.waiting:  # what is moved is what the page shows
                self._shown.waiting = False
                self.set(**{**self._shown.settings, name: change.new})
            else:
                setattr(self, name, change.new)
            self._say("")
        except ValueError as error:
            self._say(str(error))
        except Exception as error:  # the model is the learner's own: it may raise anything
            self._say(f"The model could not be run: {type(error).__name__}: {first_line(error)}")

    def _say(self, message: str) -> None:
        self.message = message
        self._line.value = spoken(self._spoken())

    def _spoken(self) -> str:
        if self.message:
            return f'<b style="color:var(--jp-warn-color0,#b35900)">⚠ {escape(self.message)}</b>'
        return _AHEAD if self._shown.waiting else ""

    def _trait(self, name: str) -> PanelTrait[object]:
        return type(self).class_traits()[name]

    def _assign(self, settings: dict[str, object], start: bool = False) -> None:
        names = self.setting_names()
        for name in settings:
            if name not in names:
                raise InputError(f"{type(self).__name__} has the settings {', '.join(names)}, got {name!r}")
        # In the order of the class, because the range of a setting may depend on an earlier one.
        for name in names:
            if name in settings:
                setattr(self, name, settings[name])
            elif start:
                setattr(self, name, self._trait(name).start(self))

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value!r}" for name, value in self.settings().items())
        return f"{type(self).__name__}({inside})"

    def _repr_mimebundle_(self, **options: object) -> tuple[dict[str, object], dict[str, dict[str, object]]]:
        if self._shown.waiting:
            self._show()
        self._shown.display(self.settings())
        bundle = super()._repr_mimebundle_(**options) or {}
        labels = [self._trait(name).label for row in self.rows for name in row]
        png, told = stored(self._picture, self.png, [label for label in labels if label])
        return bundle | {"text/plain": repr(self), "image/png": png}, {"image/png": {**told, "alt": self._view.alt}}
