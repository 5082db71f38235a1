"""The traits of panels: each knows its range, refuses the rest with one sentence, and knows its control.

A limit may be a function of the panel, because it can depend on the model or on the text::

    layer = Whole(0, high=lambda panel: panel.n_layers - 1, label="Layer")
"""

from __future__ import annotations

import math
import numbers
from typing import Any

import ipywidgets
from traitlets import TraitType


class PanelTrait(TraitType):
    """A setting of a panel. ``label`` is what its control is called on screen."""

    def __init__(self, default: Any, *, label: str = "", help: str = "") -> None:
        super().__init__(default_value=default, help=help)
        self.label = label
        self.metadata["panel"] = True  # so that a panel finds its settings: self.traits(panel=True)

    def validate(self, obj: Any, value: Any) -> Any:
        return self.accept(obj, value)

    def accept(self, panel: Any, value: Any) -> Any:
        """The value in its final type, or a ValueError that names what was expected and what came."""
        raise NotImplementedError

    def start(self, panel: Any) -> Any:
        """The value a new panel begins with."""
        return self.default_value

    def control(self, panel: Any) -> ipywidgets.Widget:
        """A control for this setting, without its connection to the panel."""
        raise NotImplementedError

    def fit(self, panel: Any, control: Any) -> None:
        """Bring the control up to date with limits that have moved."""

    def refuse(self, expected: str, value: Any) -> ValueError:
        return ValueError(f"{self.name} must be {expected}, got {value!r}")


def _limit(limit: Any, panel: Any) -> Any:
    return limit(panel) if callable(limit) else limit


class Whole(PanelTrait):
    """A whole number from ``low`` to ``high``: a slider in steps of one."""

    def __init__(self, default: int, low: Any = 0, high: Any = 100, **about: Any) -> None:
        super().__init__(default, **about)
        self.low, self.high = low, high

    def accept(self, panel: Any, value: Any) -> int:
        low, high = _limit(self.low, panel), _limit(self.high, panel)
        if isinstance(value, bool) or not isinstance(value, numbers.Integral) or not low <= value <= high:
            raise self.refuse(f"a whole number from {low} to {high}", value)
        return int(value)

    def start(self, panel: Any) -> int:
        # The usual value may be too large for this model or this text.
        return min(max(self.default_value, _limit(self.low, panel)), _limit(self.high, panel))

    def control(self, panel: Any) -> ipywidgets.Widget:
        return ipywidgets.IntSlider(
            min=_limit(self.low, panel),
            max=_limit(self.high, panel),
            description=self.label,
            tooltip=self.help,
        )

    def fit(self, panel: Any, control: Any) -> None:
        low, high = _limit(self.low, panel), _limit(self.high, panel)
        if (control.min, control.max) != (low, high):
            with control.hold_trait_notifications():
                control.min, control.max = low, high
                control.value = min(max(control.value, low), high)


class Number(PanelTrait):
    """A number from ``low`` to ``high``: a slider, in equal factors if ``log``."""

    def __init__(
        self, default: float, low: float, high: float, *, log: bool = False, step: Any = None, **about: Any
    ) -> None:
        super().__init__(default, **about)
        self.low, self.high, self.log = low, high, log
        self.step = step if step is not None else 0.05 if log else (high - low) / 100

    def accept(self, panel: Any, value: Any) -> float:
        good = isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)
        # A slider of equal factors ends at 10**log10(high), which may miss high by a rounding error.
        slack = 1e-9
        if not good or not self.low - slack * abs(self.low) <= value <= self.high + slack * abs(self.high):
            raise self.refuse(f"a number from {self.low:g} to {self.high:g}", value)
        return min(max(float(value), self.low), self.high)

    def control(self, panel: Any) -> ipywidgets.Widget:
        if self.log:
            return ipywidgets.FloatLogSlider(
                min=math.log10(self.low), max=math.log10(self.high), value=self.default_value,
                step=self.step, readout_format=".2g" if self.low > 1e-4 else ".0e",
                description=self.label, tooltip=self.help,
            )  # fmt: skip
        return ipywidgets.FloatSlider(
            min=self.low, max=self.high, step=self.step, description=self.label, tooltip=self.help
        )


class Choice(PanelTrait):
    """One of a few words: a list to drop down. ``options`` may be a function of the panel."""

    def __init__(self, options: Any, default: Any = None, **about: Any) -> None:
        known = () if callable(options) else options
        super().__init__(known[0] if default is None and known else default, **about)
        self.options = options

    def accept(self, panel: Any, value: Any) -> Any:
        options = _limit(self.options, panel)
        if value not in options:
            raise self.refuse("one of " + ", ".join(map(repr, options)), value)
        return value

    def start(self, panel: Any) -> Any:
        options = _limit(self.options, panel)
        return self.default_value if self.default_value in options else options[0]

    def control(self, panel: Any) -> ipywidgets.Widget:
        options = _limit(self.options, panel)
        return ipywidgets.Dropdown(options=options, description=self.label, tooltip=self.help)

    def fit(self, panel: Any, control: Any) -> None:
        options = tuple(_limit(self.options, panel))
        if tuple(control.options) != options:
            control.options = options


class Switch(PanelTrait):
    """On or off: a checkbox."""

    def accept(self, panel: Any, value: Any) -> bool:
        if not isinstance(value, bool):
            raise self.refuse("True or False", value)
        return value

    def control(self, panel: Any) -> ipywidgets.Widget:
        look = {"width": "auto", "margin": "2px 14px 2px 4px"}
        return ipywidgets.Checkbox(description=self.label, indent=False, tooltip=self.help, layout=look)


class Words(PanelTrait):
    """A line of text. The panel's ``accept_text`` says whether it can be shown."""

    def accept(self, panel: Any, value: Any) -> str:
        if not isinstance(value, str):
            raise self.refuse("a string", value)
        panel.accept_text(value)
        return value

    def control(self, panel: Any) -> ipywidgets.Widget:
        return ipywidgets.Text(description=self.label, tooltip=self.help, layout={"width": "100%"})
