"""The lab panel: pick a part, and see what training is like without it, with the spread over the seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gpt2lab.errors import InputError, validates
from gpt2lab.figures.drawing import clip
from gpt2lab.figures.style import BLUE, FADED, ORANGE, SMALL, Picture, letters
from gpt2lab.studies.lab import Curves, load_lab
from gpt2lab.studies.lab.rows import GROUPS
from gpt2lab.studies.lab.table import Table, group_table
from gpt2lab.widgets.base import Panel
from gpt2lab.widgets.traits import Choice

SCORES = {"token_accuracy": "letters right", "accuracy": "sequences all right", "loss": "held-out loss, nats"}


@dataclass(frozen=True)
class Comparison:
    """Two rows of the lab at the end of training: median (lowest to highest seed)."""

    score: str
    rows: tuple[tuple[str, tuple[float, ...]], ...]  # title, each seed's last value; the first is compared with
    steps: int

    def __repr__(self) -> str:
        seeds = seeds_of([len(values) for _, values in self.rows])
        lines = [f"{self.score} after {self.steps} steps: median (lowest to highest of {seeds})"]
        wide = max(34, *(len(title) for title, _ in self.rows))
        for title, values in self.rows:
            good = [v for v in values if np.isfinite(v)]
            numbers = f"{np.median(good):.2f} ({min(good):.2f} to {max(good):.2f})" if good else "all diverged"
            if good and len(good) < len(values):
                numbers += f", {len(values) - len(good)} diverged"
            lines.append(f"  {title:{wide}} {numbers}")
        return "\n".join(lines)


def seeds_of(counts: list[int]) -> str:
    """How many seeds several rows have: "5 seeds", or "5 to 10 seeds"."""
    low, high = min(counts), max(counts)
    return f"{low} to {high} seeds" if low < high else f"{low} seed{'s' * (low != 1)}"


def ends(curves: Curves, score: str) -> tuple[str, np.ndarray]:
    """Title and each seed's last value. A model without a mask reads its answers: generation counts."""
    generated = f"generated_{score}"
    if generated in curves.scores:
        return f"{curves.row.title}, writing", curves.final(generated)
    return curves.row.title, curves.final(score)


def _kind(curves: Curves) -> tuple[str, object, float | None]:
    """Rows that differ in this as well are compared only for want of better ones."""
    return curves.row.task, curves.row.shape.get("n_layers"), curves.row.rate


class LabPanel(Panel[Comparison]):
    """Curves of the ablation lab: one row against another of its group that is as deep and has the same task.

    The lines are medians over the seeds, the bands reach from the lowest seed to the highest. On the
    right every seed's last value is a dot. Each row was trained at the learning rate that suits it. Shows
    whatever rows the shipped table has.

    Attributes
    ----------
    group : str
        "parts", "depth", "rate", "heads", "order", "mask", "scaling" or "init", as far as they are shipped.
    part : str
        What is different: the second half of the row's name, such as "no-residual".
    score : str
        "token_accuracy", "accuracy" or "loss", on held-out cases.
    result : Comparison
    row, baseline : Curves
    """

    group = Choice(lambda panel: panel.groups(), label="Question")
    part = Choice(lambda panel: panel.parts(), label="Row")
    score = Choice(tuple(SCORES), names=SCORES, label="Show")
    rows = (("group", "part", "score"),)

    @validates
    def __init__(self, lab: Mapping[str, Curves] | None = None, **settings: object) -> None:
        self.lab = load_lab() if lab is None else lab
        if not self.groups():
            raise InputError(
                "LabPanel needs a table with two rows of one group at least, got none; run: gpt2lab train-lab"
            )
        super().__init__(**settings)

    def groups(self) -> tuple[str, ...]:
        """The groups in which there is something to compare."""
        found = [curves.row.group for curves in self.lab.values()]
        return tuple(group for group in GROUPS if found.count(group) > 1)

    def parts(self) -> tuple[str, ...]:
        """What can be picked in this group: every row but the first."""
        return tuple(name.split("/", 1)[1] for name in self._names()[1:])

    def _names(self) -> list[str]:
        return [name for name, curves in self.lab.items() if curves.row.group == self.group]

    @property
    def baseline(self) -> Curves:
        """The first row of the group with the same task, depth and given rate; else the first of all."""
        names = self._names()
        before = names[: names.index(self.row.row.name)]
        alike = [name for name in before if _kind(self.lab[name]) == _kind(self.row)]
        return self.lab[(alike or names)[0]]

    @property
    def row(self) -> Curves:
        return self.lab[f"{self.group}/{self.part}"]

    def settle(self) -> None:
        if self.part not in self.parts():
            self.part = self.parts()[0]

    def measure(self) -> Comparison:
        return self._compare([self.baseline, self.row], self.score)

    def table(self) -> Table:
        """All rows of the group side by side, with their rates and their steps."""
        return group_table(self.lab, self.group)

    def _compare(self, chosen: list[Curves], score: str) -> Comparison:
        rows = tuple((title, tuple(map(float, values))) for title, values in (ends(c, score) for c in chosen))
        return Comparison(score, rows, int(self.row.eval_steps[-1]))

    def draw(self) -> Picture:
        picture = Picture(9.6, 4.8, "The ablation lab")
        axes, last = picture.add_axes((0.075, 0.15, 0.6, 0.62)), picture.add_axes((0.75, 0.15, 0.235, 0.62))
        top = 1.0
        for place, (curves, color) in enumerate([(self.baseline, ORANGE), (self.row, BLUE)]):
            (low, high), middle = curves.range(self.score), curves.median(self.score)
            known = np.isfinite(middle)
            x = curves.eval_steps[known]
            axes.fill_between(x, low[known], high[known], color=color, alpha=0.22, linewidth=0)
            axes.plot(x, middle[known], color=color)
            top = max(top, float(high[known].max(initial=0.0)))
            title, final = ends(curves, self.score)
            final = final[np.isfinite(final)]
            beside = place + np.linspace(-0.16, 0.16, len(final)) if len(final) > 1 else np.full(len(final), place)
            last.plot(beside, final, "o", color=color, markersize=8, alpha=0.85)
            name = clip(f"{title}, rate {curves.rate:g}", 46)
            picture.text(0.075 + 0.47 * place, 0.86, "■", color=color, fontsize=14, va="center")
            picture.text(0.098 + 0.47 * place, 0.86, name, color=letters(color), fontweight="bold", va="center")
        limits = (-0.03, 1.05) if self.score != "loss" else (0, 1.05 * top)
        for one in (axes, last):
            one.set_ylim(*limits)
            one.grid(axis="y")
        axes.set_xlim(0, int(self.row.eval_steps[-1]))
        axes.set(xlabel="step", ylabel=SCORES[self.score])
        last.set_xlim(-0.6, 1.6)
        last.set_xticks([0, 1], labels=["compare", "row"])
        last.set_yticklabels([])
        last.set_title("each seed's end", fontsize=SMALL)
        picture.text(0.012, 0.95, GROUPS[self.group], fontsize=14, fontweight="bold", va="center")
        seeds = seeds_of([len(curves.final()) for curves in (self.baseline, self.row)])
        tasks = " and ".join(dict.fromkeys(curves.row.task for curves in (self.baseline, self.row)))
        note = f"{seeds}, task {tasks}, trained on {self.row.facts['device']}"
        picture.text(0.985, 0.012, note, fontsize=SMALL, color=FADED, ha="right")
        return picture
