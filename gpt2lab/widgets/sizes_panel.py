"""The sizes panel: where the parameters of the four GPT-2 models sit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpt2lab.config import GPT2Config
from gpt2lab.figures.style import BLUE, FADED, GREEN, INK, ORANGE, PURPLE, SKY, SMALL, Picture
from gpt2lab.widgets.base import Panel
from gpt2lab.widgets.traits import Choice, Switch

SIZES = {
    "GPT-2 small": GPT2Config.gpt2(),
    "GPT-2 medium": GPT2Config.gpt2_medium(),
    "GPT-2 large": GPT2Config.gpt2_large(),
    "GPT-2 XL": GPT2Config.gpt2_xl(),
}
DARK = {"positions", "attention", "norms"}  # colours too light for white letters
COLORS = {"tokens": BLUE, "positions": SKY, "attention": ORANGE, "feed-forward": GREEN, "norms": PURPLE}


def parameters_by_part(config: GPT2Config) -> dict[str, int]:
    """Learned numbers by part of the model; the tied output layer adds none."""
    d, d_ff, n = config.d_model, config.d_ff, config.n_layers
    return {
        "tokens": config.vocab_size * d,
        "positions": config.context_length * d,
        "attention": n * (d * 3 * d + 3 * d + d * d + d),
        "feed-forward": n * (d * d_ff + d_ff + d_ff * d + d),
        "norms": (2 * n + 1) * 2 * d,
    }


@dataclass(frozen=True)
class Sizes:
    """One model's parameters by part."""

    name: str
    parts: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.parts.values())

    def __repr__(self) -> str:
        lines = [f"{self.name}: {self.total:,} parameters"]
        lines += [f"  {part:12} {n:>13,}  {n / self.total:5.1%}" for part, n in self.parts.items()]
        return "\n".join(lines)


class SizesPanel(Panel[Sizes]):
    """The four sizes as bars, one of them in numbers.

    Attributes
    ----------
    size : str
        "GPT-2 small", "GPT-2 medium", "GPT-2 large" or "GPT-2 XL".
    shares : bool
        Show each part as a share of its model instead of as a count.
    result : Sizes
    largest : str
        The part with the most parameters.
    """

    size = Choice(tuple(SIZES), label="Size")
    shares = Switch(False, label="as shares")
    rows = (("size", "shares"),)

    @property
    def largest(self) -> str:
        return max(self.result.parts, key=lambda part: self.result.parts[part])

    def measure(self) -> Sizes:
        return Sizes(self.size, parameters_by_part(SIZES[self.size]))

    def draw(self) -> Picture:
        picture = Picture(9.6, 4.6, "Parameters of the four sizes")
        axes = picture.add_axes((0.16, 0.21, 0.81, 0.69))
        left = np.zeros(len(SIZES))
        for part, color in COLORS.items():
            counts = np.array([parameters_by_part(config)[part] for config in SIZES.values()], dtype=float)
            totals = np.array([sum(parameters_by_part(config).values()) for config in SIZES.values()])
            width = counts / totals * 100 if self.shares else counts / 1e6
            axes.barh(range(len(SIZES)), width, left=left, color=color, label=part, height=0.62)
            for row, (start, wide) in enumerate(zip(left, width, strict=True)):
                if wide > (0.05 * 100 if self.shares else 0.085 * 1650):
                    text = f"{wide:.0f} %" if self.shares else f"{wide:.0f} M"
                    ink = INK if part in DARK else "white"
                    axes.text(start + wide / 2, row, text, ha="center", va="center", color=ink, fontweight="bold")
            left = left + width
        if not self.shares:
            for row, end in enumerate(left):
                axes.text(end + 12, row, f"{end:,.0f} M", va="center", color=INK)
        axes.set_yticks(range(len(SIZES)), labels=list(SIZES))
        axes.get_yticklabels()[list(SIZES).index(self.size)].set(fontweight="bold")
        axes.tick_params(axis="y", length=0)
        axes.invert_yaxis()
        axes.set_xlim(0, 100 if self.shares else 1800)
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.set_xlabel("percent of the model" if self.shares else "million parameters", color=FADED)
        axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=5, columnspacing=1.2, handlelength=1.2)
        total = self.result.total
        parts = ", ".join(f"{part} {n / total:.1%}" for part, n in self.result.parts.items())
        picture.text(0.012, 0.03, f"{self.size}: {parts}", fontsize=SMALL, color=FADED)
        return picture
