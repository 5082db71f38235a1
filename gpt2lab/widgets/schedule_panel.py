"""The schedule panel: five ways to let the learning rate follow the step number."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gpt2lab.figures.drawing import short
from gpt2lab.figures.style import BLUE, FADED, SMALL, Picture
from gpt2lab.training.optimizer import learning_rate_at
from gpt2lab.widgets.base import Panel
from gpt2lab.widgets.traits import Choice, Whole

OTHERS = "#919191"  # the kinds that are not chosen: seen on white, and turned over on black
KINDS = ("constant", "step", "exponential", "warm-up + cosine", "inverse square root (2017)")
DROPS, FACTOR = 4, 0.5  # "step" halves the rate at every fourth of the run
END = 0.05  # "exponential" ends at this fraction


def rate_at(kind: str, step: int, steps: int, warmup: int) -> float:
    """Learning rate of one step as a fraction of the highest, for one of ``KINDS``.

    Sources: Radford et al. 2018, section 4.1 (warm-up, cosine to zero); Vaswani et al. 2017, equation 3
    (inverse square root, here divided by its highest value).
    """
    if kind == "constant":
        return 1.0
    if kind == "step":
        return FACTOR ** (step * DROPS // steps)
    if kind == "exponential":
        return END ** (step / steps)
    if kind == "warm-up + cosine":
        return learning_rate_at(step, steps, 1.0, warmup, floor=0.0)
    rise = max(warmup, 1)
    return min((step + 1) / rise, math.sqrt(rise / (step + 1)))


@dataclass(frozen=True)
class Schedule:
    """A schedule in five numbers."""

    kind: str
    steps: int
    rates: tuple[float, ...]  # at 0, a quarter, half, three quarters, the last step; fractions of the peak

    def __repr__(self) -> str:
        places = ("start", "1/4", "1/2", "3/4", "end")
        shown = ", ".join(f"{place} {short(round(rate, 3))}" for place, rate in zip(places, self.rates, strict=True))
        return f"{self.kind}: {shown} of the highest rate"


class SchedulePanel(Panel[Schedule]):
    """Learning rate by step, one kind in front of the others.

    Attributes
    ----------
    kind : str
        "constant", "step" (halved at each quarter), "exponential" (to 5 %), "warm-up + cosine" (to
        zero) or "inverse square root (2017)".
    steps : int, 100 to 10,000
        Length of the run.
    warmup : int
        Steps of the straight rise, at most half the run; used by the last two kinds.
    result : Schedule
    """

    kind = Choice(KINDS, "warm-up + cosine", label="Schedule")
    steps = Whole(2000, low=100, high=10_000, label="Steps")
    warmup = Whole(200, low=0, high=lambda panel: panel.steps // 2, label="Warm-up")
    rows = (("kind",), ("steps", "warmup"))

    def settle(self) -> None:
        self.warmup = min(self.warmup, self.steps // 2)

    def at(self, step: int) -> float:
        """Fraction of the highest rate at a step, counted from 0."""
        return rate_at(self.kind, step, self.steps, self.warmup)

    def measure(self) -> Schedule:
        places = [0, self.steps // 4, self.steps // 2, self.steps * 3 // 4, self.steps - 1]
        return Schedule(self.kind, self.steps, tuple(self.at(step) for step in places))

    def draw(self) -> Picture:
        picture = Picture(9.6, 4.6, "Learning-rate schedules")
        axes = picture.add_axes((0.085, 0.16, 0.89, 0.66))
        x = np.unique(np.linspace(0, self.steps - 1, 300).astype(int))
        for kind in KINDS:
            y = [rate_at(kind, int(step), self.steps, self.warmup) for step in x]
            axes.plot(x, y, color=BLUE if kind == self.kind else OTHERS, zorder=3 if kind == self.kind else 1)
        axes.set_xlim(0, self.steps)
        axes.set_ylim(0, 1.06)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1], labels=["0", "0.25", "0.5", "0.75", "1"])
        axes.set(xlabel="step", ylabel="fraction of the highest rate")
        axes.grid(axis="y")
        picture.text(0.012, 0.93, self.kind[0].upper() + self.kind[1:], fontsize=14, fontweight="bold")
        numbers = repr(self.result).split(": ", 1)[1]
        picture.text(0.012, 0.87, f"{numbers}; the other kinds in grey", fontsize=SMALL, color=FADED)
        return picture
