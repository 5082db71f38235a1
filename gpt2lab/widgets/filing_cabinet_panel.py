"""The filing cabinet: a note, labels, contents, and what comes out, which is a blend of folders.

The numbers are chosen by hand, so that each can be named. In a trained head a key has 64 numbers, and
none of them has a name.
"""

from __future__ import annotations

import torch
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch, Polygon, Rectangle
from torch import Tensor

from gpt2lab.attention import attention
from gpt2lab.figures.style import BLUE, FADED, INK, ORANGE, SMALL, VERMILION, Picture
from gpt2lab.widgets.base import Panel
from gpt2lab.widgets.traits import Choice, Number

WORDS = ("The", "robot", "helped", "a", "human", "when", "it")
LABELS = ("thing", "person", "deed")  # what a key says about its word
KEYS = torch.tensor([[0, 0, 0], [1, 0.3, 0], [0, 0, 1], [0, 0, 0], [0.2, 1, 0], [0, 0, 0.1], [0.5, 0.3, 0]])
CONTENTS = ("machine", "alive", "doing")  # what a value hands over
VALUES = torch.tensor([[0, 0, 0], [1, 0, 0.1], [0.1, 0.2, 1], [0, 0, 0], [0, 1, 0.1], [0, 0, 0], [0.1, 0.1, 0]])
QUERIES = {
    "a thing": torch.tensor([1.0, 0, 0]),
    "a person": torch.tensor([0, 1.0, 0]),
    "a deed": torch.tensor([0, 0, 1.0]),
    "nothing": torch.tensor([0.0, 0, 0]),
}
PAPER, NOTE = "#f6e7c4", "#fff3a0"


class FilingCabinetPanel(Panel[dict[str, dict[str, float]]]):
    """The word "it" looks something up in the seven folders of its sentence.

    Attributes
    ----------
    looks_for : "a thing", "a person", "a deed" or "nothing"
        The query of "it".
    sharpness : float, 0 to 20
        Factor on the query: 0 opens all folders equally wide, 20 nearly one alone.
    lookup : "soft" or "hard"
        Soft is attention. Hard takes the folder with the best label and no other.
    result : dict
        ``weights`` by word and ``blend`` by content, two decimals.
    """

    looks_for = Choice(tuple(QUERIES), label="“it” looks for")
    sharpness = Number(4.0, 0.0, 20.0, step=0.5, label="Sharpness")
    lookup = Choice(("soft", "hard"), label="Look-up")
    rows = (("looks_for", "sharpness", "lookup"),)

    def weights(self) -> Tensor:
        """How far each folder is opened: (7,), sum 1."""
        q = self.sharpness * QUERIES[self.looks_for][None]  # (1, 3)
        weights = attention(q, KEYS, VALUES, scale=1.0)[1][0]  # (7,)
        if self.lookup == "hard":
            weights = torch.nn.functional.one_hot(weights.argmax(), len(WORDS)).float()
        return weights

    def measure(self) -> dict[str, dict[str, float]]:
        weights = self.weights()
        return {
            "weights": {word: round(float(w), 2) for word, w in zip(WORDS, weights, strict=True)},
            "blend": {name: round(float(v), 2) for name, v in zip(CONTENTS, weights @ VALUES, strict=True)},
        }

    def draw(self) -> Picture:
        picture = Picture(9.6, 4.6, "The filing cabinet")
        axes = picture.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, 9.6), ylim=(0, 4.6))
        axes.set_axis_off()
        weights = self.weights()
        self._note(axes)
        for i, word in enumerate(WORDS):
            self._folder(axes, 1.75 + 0.9 * i, word, float(weights[i]), KEYS[i], VALUES[i])
        self._blend(axes, weights @ VALUES)
        axes.text(0.2, 0.17, "all numbers made by hand", fontsize=SMALL, color=FADED)
        return picture

    def _note(self, axes: Axes) -> None:
        axes.text(0.2, 4.28, "Query", fontweight="bold")
        corners = [(0.2, 2.72), (1.42, 2.66), (1.48, 3.98), (0.26, 4.04)]
        axes.add_patch(Polygon(corners, facecolor=NOTE, edgecolor=FADED))
        axes.text(0.84, 3.36, f"“it”\nlooks for\n{self.looks_for}", ha="center", va="center")
        axes.text(0.2, 2.18, "Label\n(key)", fontweight="bold", va="center")
        axes.text(0.2, 1.2, "Content\n(value)", fontweight="bold", va="center")

    def _folder(self, axes: Axes, x: float, word: str, weight: float, key: Tensor, value: Tensor) -> None:
        """A folder 0.78 wide: its weight as a bar, its label, its content."""
        middle, base, room = x + 0.39, 2.62, 1.3
        axes.add_patch(Rectangle((x + 0.14, base), 0.5, room * weight, facecolor=BLUE))
        above = base + room * weight + 0.07
        axes.text(middle, above, f"{weight:.0%}", ha="center", color=BLUE, fontweight="bold")
        _card(axes, x, 0.55, 0.78, 1.3, PAPER)
        _card(axes, x + 0.02, 1.83, 0.74, 0.7, "white")
        axes.text(middle, 2.34, word, ha="center", va="center", fontsize=12, fontweight="bold")
        best = int(key.argmax())
        label = LABELS[best] if float(key[best]) >= 0.4 else "–"
        axes.text(middle, 2.03, label, ha="center", va="center", fontsize=SMALL, color=FADED)
        for i, (name, amount) in enumerate(zip(CONTENTS, value, strict=True)):
            y = 1.6 - 0.4 * i
            axes.text(x + 0.08, y, name, fontsize=10.5, va="center", color=FADED)
            axes.add_patch(Rectangle((x + 0.1, y - 0.21), 0.58 * _seen(amount), 0.11, facecolor=VERMILION))

    def _blend(self, axes: Axes, blend: Tensor) -> None:
        x, width = 8.17, 1.25
        axes.text(x, 4.28, "Result", fontweight="bold")
        soft = "a blend of\nall folders:\nΣ weight ×\ncontent"
        note = soft if self.lookup == "soft" else "one folder,\nand no other"
        axes.text(x, 2.75, note, fontsize=SMALL, color=FADED, va="bottom")
        _card(axes, x, 0.55, width, 1.98, "white", edge=INK, thick=2.0)
        for i, (name, amount) in enumerate(zip(CONTENTS, blend, strict=True)):
            y = 2.13 - 0.62 * i
            axes.text(x + 0.1, y + 0.12, f"{name} {float(amount):.2f}", fontsize=10.5, va="center")
            bar = Rectangle((x + 0.1, y - 0.2), (width - 0.2) * _seen(amount), 0.17, facecolor=ORANGE)
            axes.add_patch(bar)


def _card(
    axes: Axes,
    x: float,
    y: float,
    width: float,
    height: float,
    color: str,
    edge: str = FADED,
    thick: float | None = None,
) -> None:  # fmt: skip
    style = "round,pad=0,rounding_size=0.06"
    card = FancyBboxPatch((x, y), width, height, boxstyle=style, facecolor=color, edgecolor=edge, linewidth=thick)
    axes.add_patch(card)


def _seen(amount: Tensor) -> float:
    """At least a sliver, because a bar of length 0 is invisible."""
    return max(float(amount), 0.012)
