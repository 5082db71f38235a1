"""The activation panel: GELU in two forms, ReLU, and what each makes of one number."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gpt2lab.feedforward import gelu
from gpt2lab.figures.plots import name_curves, short
from gpt2lab.figures.style import BLUE, FADED, GREEN, INK, ORANGE, VERMILION, Picture
from gpt2lab.widgets.base import Panel
from gpt2lab.widgets.traits import Choice, Number

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "GELU (tanh, GPT-2)": gelu,
    "GELU (exact)": F.gelu,
    "ReLU": F.relu,
}
COLORS = {"GELU (tanh, GPT-2)": BLUE, "GELU (exact)": GREEN, "ReLU": ORANGE}
VIEWS = ("the functions", "their slopes", "difference to GPT-2's")
HEIGHTS = dict(zip(VIEWS, ("after it", "slope", "minus GPT-2's"), strict=True))  # on the vertical axis


class ActivationPanel(Panel[dict[str, float]]):
    """Three activations side by side.

    Attributes
    ----------
    x : float, -4 to 4
        The number before the activation.
    view : str
        "the functions", "their slopes" or "difference to GPT-2's".
    result : dict
        What is drawn at x, by activation, to 4 digits.
    """

    x = Number(-0.75, -4.0, 4.0, step=0.05, label="x")
    view = Choice(VIEWS, label="Show")
    rows = (("x", "view"),)

    def curves(self, x: Tensor) -> dict[str, Tensor]:
        """The chosen view of each activation at x: (n,) each."""
        if self.view == "their slopes":
            return {name: _slope(function, x) for name, function in ACTIVATIONS.items()}
        values = {name: function(x) for name, function in ACTIVATIONS.items()}
        if self.view == "the functions":
            return values
        ours = values.pop("GELU (tanh, GPT-2)")
        return {name: value - ours for name, value in values.items()}

    def measure(self) -> dict[str, float]:
        at = self.curves(torch.tensor([self.x], dtype=torch.float64))
        return {name: float(f"{value.item():.3g}") for name, value in at.items()}

    def draw(self) -> Picture:
        x = torch.linspace(-4, 4, 401)
        picture = Picture(9.4, 4.6, f"Activations: {self.view}")
        axes = picture.add_axes((0.11, 0.15, 0.72 if self.view.startswith("diff") else 0.86, 0.73))
        for name, values in self.curves(x).items():
            axes.plot(x, values, color=COLORS[name], label=name, linewidth=4 if "tanh" in name else 2.4,
                      linestyle="--" if "exact" in name else "-")  # fmt: skip
            axes.plot([self.x], [self.result[name]], "o", color=COLORS[name], markersize=9, zorder=5)
        axes.axvline(self.x, color=VERMILION, linewidth=1.5, linestyle=":")
        axes.axhline(0, color=FADED, linewidth=1)
        axes.grid(axis="y")
        axes.set(title=picture.title, xlabel="before the activation, x", ylabel=HEIGHTS[self.view])
        read = "\n".join(f"{name}: {short(value)}" for name, value in self.result.items())
        axes.text(0.02, 0.97, f"x = {short(self.x)}\n{read}", transform=axes.transAxes, va="top",
                  color=INK, bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85})  # fmt: skip
        if self.view == "difference to GPT-2's":
            axes.set_ylim(top=0.25)  # room for the reading above the curves
            name_curves(axes)
        else:
            axes.legend(loc="lower right", bbox_to_anchor=(1, 0.16))  # above the line of zero
        return picture


def _slope(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(function(x).sum(), x)
    return torch.as_tensor(np.asarray(slope))
