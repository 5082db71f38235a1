"""The traits of panels: each knows its range, refuses the rest with one sentence, and knows its control.

A limit may be a function of the panel, because it can depend on the model or on the text::

    layer = Whole(0, high=lambda panel: panel.n_layers - 1, label="Layer")
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar, runtime_checkable

import ipywidgets
import numpy as np
from traitlets import HasTraits, TraitType

from gpt2lab.errors import InputError, as_real, is_whole, shown

V = TypeVar("V")  # what a setting holds
T = TypeVar("T")
Limit: TypeAlias = T | Callable[[Any], T]  # Any: the function takes the panel's own class, which is defined later


@runtime_checkable
class Owner(Protocol):
    """What a trait asks of its panel."""

    def accept_text(self, text: str) -> None:
        """Raise a ValueError with one sentence if the text cannot be shown."""

    def assigned(self) -> None:
        """Hear that a setting was assigned, also the value that it has."""


class PanelTrait(TraitType[V, V]):
    """A setting of a panel. ``label`` is what its control is called on screen."""

    def __init__(self, default: V, *, label: str = "", help: str = "") -> None:
        super().__init__(default_value=default, help=help)
        self.label = label
        self.metadata["panel"] = True  # so that a panel finds its settings: self.traits(panel=True)

    def validate(self, obj: Owner, value: object) -> V:
        return self.accept(obj, value)

    def set(self, obj: HasTraits, value: V) -> None:
        super().set(obj, value)
        assert isinstance(obj, Owner)
        obj.assigned()

    def accept(self, panel: Owner, value: object) -> V:
        """The value in its final type, or an InputError that names what was expected and what came."""
        raise NotImplementedError

    def start(self, panel: Owner) -> V:
        """The value a new panel begins with."""
        return self.default_value

    def control(self, panel: Owner) -> ipywidgets.Widget:
        """A control for this setting, without its connection to the panel."""
        raise NotImplementedError

    def fit(self, panel: Owner, control: ipywidgets.Widget) -> None:
        """Bring the control up to date with limits that have moved."""

    def refuse(self, expected: str, value: object) -> InputError:
        got = " ".join(shown(value, 60).split())  # on one line
        return InputError(f"{self.name} must be {expected}, got {got}")


def _limit(limit: Limit[T], panel: Owner) -> T:
    return limit(panel) if callable(limit) else limit


class Whole(PanelTrait[int]):
    """A whole number from ``low`` to ``high``: a slider in steps of one."""

    def __init__(
        self, default: int, low: Limit[int] = 0, high: Limit[int] = 100, *, label: str = "", help: str = ""
    ) -> None:
        super().__init__(default, label=label, help=help)
        self.low, self.high = low, high

    def accept(self, panel: Owner, value: object) -> int:
        low, high = _limit(self.low, panel), _limit(self.high, panel)
        if not is_whole(value) or not low <= int(value) <= high:
            raise self.refuse(f"a whole number from {low} to {high}", value)
        return int(value)

    def start(self, panel: Owner) -> int:
        # The usual value may be too large for this model or this text.
        return min(max(self.default_value, _limit(self.low, panel)), _limit(self.high, panel))

    def control(self, panel: Owner) -> ipywidgets.Widget:
        return ipywidgets.IntSlider(
            min=_limit(self.low, panel),
            max=_limit(self.high, panel),
            description=self.label,
            tooltip=self.help,
        )

    def fit(self, panel: Owner, control: ipywidgets.Widget) -> None:
        low, high = _limit(self.low, panel), _limit(self.high, panel)
        if (control.min, control.max) != (low, high):
            with control.hold_trait_notifications():
                control.min, control.max = low, high
                control.value = min(max(control.value, low), high)


class Number(PanelTrait[float]):
    """A number from ``low`` to ``high``: a slider, in equal factors if ``log``."""

    def __init__(
        self, default: float, low: float, high: float, *,
        log: bool = False, step: float | None = None, label: str = "", help: str = "",
    ) -> None:  # fmt: skip
        super().__init__(default, label=label, help=help)
        self.low, self.high, self.log = low, high, log
        self.step = step if step is not None else 0.05 if log else (high - low) / 100

    def accept(self, panel: Owner, value: object) -> float:
        number = as_real(value)
        # A slider of equal factors ends at 10**log10(high), which may miss high by a rounding error.
        slack = 1e-9
        if not self.low - slack * abs(self.low) <= number <= self.high + slack * abs(self.high):
            raise self.refuse(f"a number from {self.low:g} to {self.high:g}", value)
        return min(max(number, self.low), self.high)

    def control(self, panel: Owner) -> ipywidgets.Widget:
        if self.log:
            return ipywidgets.FloatLogSlider(
                min=math.log10(self.low), max=math.log10(self.high), value=self.default_value,
                step=self.step, readout_format=".2g" if self.low > 1e-4 else ".0e",
                description=self.label, tooltip=self.help,
            )  # fmt: skip
        return ipywidgets.FloatSlider(
            min=self.low, max=self.high, step=self.step, description=self.label, tooltip=self.help
        )


class Choice(PanelTrait[str]):
    """One of a few words: a list to drop down. ``options`` may be a function of the panel.

    ``names`` says how the list calls an option that has a shorter or a longer name in Python.
    """

    def __init__(
        self, options: Limit[Sequence[str]], default: str | None = None, *,
        names: Mapping[str, str] | None = None, label: str = "", help: str = "",
    ) -> None:  # fmt: skip
        known = () if callable(options) else options
        super().__init__(default if default is not None else known[0] if known else "", label=label, help=help)
        self.options, self.names = options, names or {}

    def accept(self, panel: Owner, value: object) -> str:
        options = _limit(self.options, panel)
        if not isinstance(value, str) or value not in options:
            raise self.refuse("one of " + ", ".join(map(repr, options)), value)
        return str(value)  # also of NumPy's strings

    def start(self, panel: Owner) -> str:
        options = _limit(self.options, panel)
        return self.default_value if self.default_value in options else options[0]

    def control(self, panel: Owner) -> ipywidgets.Widget:
        return ipywidgets.Dropdown(options=self._listed(panel), description=self.label, tooltip=self.help)

    def fit(self, panel: Owner, control: ipywidgets.Widget) -> None:
        if tuple(control.options) != (options := self._listed(panel)):
            control.options = options

    def _listed(self, panel: Owner) -> tuple[str | tuple[str, str], ...]:
        """What the list offers; where it calls options otherwise, each name with what it means."""
        options = tuple(_limit(self.options, panel))
        return tuple((self.names.get(option, option), option) for option in options) if self.names else options


class Switch(PanelTrait[bool]):
    """On or off: a checkbox."""

    def accept(self, panel: Owner, value: object) -> bool:
        if not isinstance(value, (bool, np.bool_)):
            raise self.refuse("True or False", value)
        return bool(value)

    def control(self, panel: Owner) -> ipywidgets.Widget:
        look = {"width": "auto", "margin": "2px 14px 2px 4px"}
        return ipywidgets.Checkbox(description=self.label, indent=False, tooltip=self.help, layout=look)


class Words(PanelTrait[str]):
    """A line of text. The panel's ``accept_text`` says whether it can be shown."""

    def accept(self, panel: Owner, value: object) -> str:
        if not isinstance(value, str):
            raise self.refuse("a string", value)
        for place, character in enumerate(value):
            if "\ud800" <= character <= "\udfff":  # a lone surrogate, which no message to a browser can carry
                half = f"half of one at place {place}, {character!r}: drop it"
                raise InputError(f"{self.name} must be made of whole characters, got {half}")
        text = str(value)  # also of NumPy's strings
        panel.accept_text(text)
        return text

    def control(self, panel: Owner) -> ipywidgets.Widget:
        return ipywidgets.Text(description=self.label, tooltip=self.help, layout={"width": "100%"})
