"""The descent panel: one weight, its loss as a valley, and the steps that lead down or out of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpt2lab.figures.drawing import log_scale, short
from gpt2lab.figures.style import BLUE, FADED, SMALL, VERMILION, Picture, letters
from gpt2lab.widgets.base import Panel
from gpt2lab.widgets.traits import Number, Whole

CUPS, PAID = 2.0, 6.0  # what the one weight has to explain: two cups cost 6
START = 0.5  # the first guess
LOW, HIGH = -2.0, 8.0  # weights that the picture shows
FAINTEST = 1e-6  # loss that the right-hand side still shows


def loss_at(weight: float) -> float:
    """(2·weight − 6)²."""
    return (CUPS * weight - PAID) ** 2


def slope_at(weight: float) -> float:
    """Derivative of ``loss_at``."""
    return 2 * CUPS * (CUPS * weight - PAID)


@dataclass(frozen=True)
class Descent:
    """A run of descent."""

    learning_rate: float
    weights: tuple[float, ...]  # before the first step and after each
    losses: tuple[float, ...]

    @property
    def weight(self) -> float:
        """After the last step."""
        return self.weights[-1]

    @property
    def loss(self) -> float:
        """After the last step."""
        return self.losses[-1]

    def __repr__(self) -> str:
        steps = len(self.weights) - 1
        count = f"after {steps} step{'s' * (steps != 1)} at rate {short(self.learning_rate)}"
        return f"{count}: weight {short(self.weight)}, loss {short(self.loss)}"


class DescentPanel(Panel[Descent]):
    """Steps of descent on loss = (2·w − 6)², from w = 0.5.

    Attributes
    ----------
    learning_rate : float, 0.01 to 0.3
        Each step subtracts it times the slope; 0.125 is exact in one step, above 0.25 the loss grows.
    steps : int, 0 to 20
    result : Descent
    """

    learning_rate = Number(0.02, low=0.01, high=0.3, step=0.005, label="Learning rate")
    steps = Whole(10, low=0, high=20, label="Steps")
    rows = (("learning_rate", "steps"),)

    def measure(self) -> Descent:
        weights = [START]
        for _ in range(self.steps):
            weights.append(weights[-1] - self.learning_rate * slope_at(weights[-1]))
        return Descent(self.learning_rate, tuple(weights), tuple(map(loss_at, weights)))

    def draw(self) -> Picture:
        picture = Picture(9.4, 4.3, "Descent on one weight")
        left, right = picture.subplots(1, 2, width_ratios=(1.3, 1))
        x = np.linspace(LOW, HIGH, 201)
        left.plot(x, (CUPS * x - PAID) ** 2, color=FADED, linewidth=1.6)
        run = self.result
        left.plot(run.weights, run.losses, "o-", color=BLUE, markersize=6, linewidth=1.2)
        left.plot(run.weights[:1], run.losses[:1], "o", color=VERMILION, markersize=11, zorder=4)
        left.set(xlim=(LOW, HIGH), ylim=(-4, loss_at(LOW)), xlabel="weight", title="Where it goes")
        left.set(ylabel="loss")
        at, ink = (START, loss_at(START)), letters(VERMILION)
        left.annotate("start", at, (-14, -6), textcoords="offset points", ha="right", color=ink)
        if not LOW <= run.weight <= HIGH:
            left.set_title("Where it goes: out of the picture", color=letters(VERMILION))
        right.plot(range(len(run.losses)), np.maximum(run.losses, FAINTEST), "o-", color=BLUE, markersize=5)
        log_scale(right, "y")
        right.set(xlim=(-0.5, max(self.steps, 1) + 0.5), xlabel="step", title="Loss: each line is ×100")
        right.set_ylim(FAINTEST * 0.5, max(100.0, 3 * max(run.losses)))
        right.grid(axis="y")
        picture.text(0.012, 0.015, repr(run), fontsize=SMALL, color=FADED)
        picture.subplots_adjust(left=0.075, right=0.985, top=0.89, bottom=0.235, wspace=0.22)
        return picture
