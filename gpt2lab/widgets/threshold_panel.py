"""The threshold panel: scores of two kinds of cases, and what each threshold makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from matplotlib.axes import Axes
from torch import Tensor

from gpt2lab.errors import InputError, validates
from gpt2lab.figures.drawing import clip
from gpt2lab.figures.style import BLUE, CARD, FADED, INK, SMALL, VERMILION, Picture, letters
from gpt2lab.tasks.metrics import roc_auc, roc_curve
from gpt2lab.widgets.base import Panel
from gpt2lab.widgets.traits import Whole

COLORS = BLUE, VERMILION  # of positive and negative cases


@dataclass(frozen=True)
class Calls:
    """The cases called positive and the others, right and wrong."""

    tp: int
    fp: int
    fn: int
    tn: int

    @property
    def precision(self) -> float | None:
        """None where nothing is called positive."""
        return self.tp / (self.tp + self.fp) if self.tp + self.fp else None

    @property
    def recall(self) -> float:
        return self.tp / (self.tp + self.fn)

    @property
    def f1(self) -> float:
        return 2 * self.tp / (2 * self.tp + self.fp + self.fn)

    @property
    def accuracy(self) -> float:
        return (self.tp + self.tn) / (self.tp + self.fp + self.fn + self.tn)

    def __repr__(self) -> str:
        precision = "undefined" if self.precision is None else f"{self.precision:.2f}"
        return (
            f"{self.tp} hits, {self.fp} false alarms, {self.fn} missed: precision {precision}, "
            f"recall {self.recall:.2f}, F1 {self.f1:.2f}, accuracy {self.accuracy:.2f}"
        )


class ThresholdPanel(Panel[Calls]):
    """Call the cases with the highest scores positive: how many?

    Parameters
    ----------
    positive, negative : (n,), (m,)
        Scores of the cases that are positive, and of those that are not. Without them: random numbers, the
        positive ones higher by one standard deviation.
    names : two strings
        What the two kinds of cases are called.

    Attributes
    ----------
    called : int
        How many cases are called positive, from none to all; cases with equal scores go together.
    result : Calls
    """

    called = Whole(10, low=0, high=lambda panel: len(panel.scores), label="Called")
    rows = (("called",),)

    @validates
    def __init__(
        self,
        positive: Tensor | Sequence[float] | None = None,
        negative: Tensor | Sequence[float] | None = None,
        names: tuple[str, str] = ("positive", "negative"),
        **settings: object,
    ) -> None:
        if (positive is None) != (negative is None):
            raise InputError("ThresholdPanel needs the scores of both kinds of cases, or none")
        if positive is None or negative is None:
            generator = torch.Generator().manual_seed(0)
            positive = torch.randn(20, generator=generator) + 1
            negative = torch.randn(40, generator=generator)
        if isinstance(names, str) or len(names) != 2:
            raise InputError(f"names must be two strings, got {names!r}")
        groups = [torch.as_tensor(scores, dtype=torch.float64).detach().flatten() for scores in (positive, negative)]
        self.scores = torch.cat(groups)
        self.truth = torch.cat([torch.ones(len(groups[0])), torch.zeros(len(groups[1]))])
        self.names = names
        self.curve = roc_curve(self.truth, self.scores)  # refuses what has no order
        super().__init__(**settings)

    @property
    def threshold(self) -> float:
        """The lowest score that is called positive; infinite if none is."""
        return float(self.scores.sort(descending=True).values[self.called - 1]) if self.called else float("inf")

    def measure(self) -> Calls:
        hit, positive = self.scores >= self.threshold, self.truth == 1
        return Calls(
            tp=int((hit & positive).sum()),
            fp=int((hit & ~positive).sum()),
            fn=int((~hit & positive).sum()),
            tn=int((~hit & ~positive).sum()),
        )

    def draw(self) -> Picture:
        picture = Picture(9.6, 4.3, "Scores and a threshold")
        strip = picture.add_axes((0.05, 0.2, 0.5, 0.58))
        curve = picture.add_axes((0.66, 0.2, 0.32, 0.58))
        self._draw_strip(strip)
        x, y, _ = self.curve
        curve.plot([0, 1], [0, 1], color=FADED, linestyle=":", linewidth=1.5)
        curve.plot(x, y, color=INK)
        calls = self.result
        at = calls.fp / (calls.fp + calls.tn), calls.recall
        curve.plot(*at, "o", color=VERMILION, markersize=12, zorder=3, clip_on=False)
        curve.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="false positive rate", ylabel="recall")
        curve.set(xticks=(0, 0.5, 1), yticks=(0, 0.5, 1), title=f"ROC, area {roc_auc(self.truth, self.scores):.2f}")
        curve.grid()
        picture.text(0.012, 0.93, repr(calls).split(": ")[0].capitalize(), fontsize=14, fontweight="bold")
        picture.text(0.012, 0.87, repr(calls).split(": ")[1], fontsize=SMALL, color=FADED)
        return picture

    def _draw_strip(self, axes: Axes) -> None:
        low, high = float(self.scores.min()), float(self.scores.max())
        margin = 0.06 * (high - low)
        for row, (name, color) in enumerate(zip(self.names, COLORS, strict=True)):
            mine = self.scores[self.truth == 1 - row]
            height = 1 - row + 0.07 * (torch.arange(len(mine)) % 5 - 2)  # apart, so that equal ones can be told
            axes.scatter(mine, height, s=60, color=color, alpha=0.75, linewidth=0, marker="os"[row])
            label = axes.text(low - margin, 1.38 - row, clip(name, 40), color=letters(color), fontsize=SMALL)
            label.set(fontweight="bold", bbox={"facecolor": CARD, "edgecolor": "none", "pad": 2})  # over the line
        if self.called:
            axes.axvspan(self.threshold - margin / 8, high + margin, color="#e8f1f8", zorder=0)
            axes.axvline(self.threshold - margin / 8, color=INK, linewidth=1.5)
        axes.set(
            xlim=(low - margin, high + margin), ylim=(-0.4, 1.7), yticks=(), xlabel="score; shaded: called positive"
        )
        axes.spines["left"].set_visible(False)
