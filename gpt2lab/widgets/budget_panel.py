"""The budget panel: what a context length costs in arithmetic and in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpt2lab.config import GPT2Config
from gpt2lab.figures.plots import log_scale, short
from gpt2lab.figures.style import BLUE, FADED, GREEN, ORANGE, SMALL, VERMILION, Picture
from gpt2lab.widgets.base import Panel
from gpt2lab.widgets.sizes_panel import SIZES, parameters_by_part
from gpt2lab.widgets.traits import Choice, Whole

LONGEST = 16_384
LEGEND = 46  # points: the height of two lines between title and axes
BYTES = {"float32": 4, "float16 or bfloat16": 2}


def flops_per_token(config: GPT2Config, T: int) -> tuple[int, int]:
    """Multiply–adds count as two: (products with block weights, scores and weighted sums), one token.

    Kaplan et al. 2020, "Scaling Laws for Neural Language Models", table 1. The masked half of the
    scores is counted: the plain equation computes it.
    """
    d, d_ff = config.d_model, config.d_ff
    return config.n_layers * 2 * (4 * d * d + 2 * d * d_ff), config.n_layers * 2 * 2 * T * d


@dataclass(frozen=True)
class Budget:
    """Costs at one context length."""

    context: int
    weight_flops: int  # for the whole sequence, blocks only
    score_flops: int
    weight_bytes: int
    cache_bytes: int
    score_bytes: int  # one layer's table of scores, if it is stored

    def __repr__(self) -> str:
        share = self.score_flops / (self.score_flops + self.weight_flops)
        return (
            f"{self.context} tokens: T² part {share:.0%} of the arithmetic; weights {_mb(self.weight_bytes)}, "
            f"KV cache {_mb(self.cache_bytes)}, one layer's scores {_mb(self.score_bytes)}"
        )


class BudgetPanel(Panel[Budget]):
    """Arithmetic and memory by context length. GPT-2 itself ends at 1,024; beyond that it is an estimate.

    Attributes
    ----------
    context : int, 1 to 16,384
    size : str
    numbers : str
        "float32" or "float16 or bfloat16".
    result : Budget
    crossover : int
        Context length at which the T² part costs as much as the products with weights.
    """

    context = Whole(1024, low=1, high=LONGEST, label="Context length")
    size = Choice(tuple(SIZES), label="Size")
    numbers = Choice(tuple(BYTES), label="Numbers")
    rows = (("context", "size", "numbers"),)

    @property
    def config(self) -> GPT2Config:
        return SIZES[self.size]

    @property
    def crossover(self) -> int:
        weights, scores_at_one = flops_per_token(self.config, 1)
        return round(weights / scores_at_one)

    def at(self, T: int) -> Budget:
        """The costs at context length T, one sequence."""
        c, size = self.config, BYTES[self.numbers]
        weights, scores = flops_per_token(c, T)
        return Budget(
            context=T,
            weight_flops=T * weights,
            score_flops=T * scores,
            weight_bytes=size * sum(parameters_by_part(c).values()),
            cache_bytes=size * 2 * c.n_layers * T * c.d_model,
            score_bytes=size * c.n_heads * T * T,
        )

    def measure(self) -> Budget:
        return self.at(self.context)

    def draw(self) -> Picture:
        picture = Picture(9.6, 5.0, "What a context costs")
        left, right = picture.add_axes((0.085, 0.24, 0.37, 0.58)), picture.add_axes((0.6, 0.24, 0.38, 0.58))
        lengths = np.unique(np.geomspace(16, LONGEST, 40).round().astype(int))
        costs = [self.at(int(T)) for T in lengths]
        left.plot(lengths, [b.weight_flops / 1e9 for b in costs], color=BLUE, label="products with block weights")
        left.plot(lengths, [b.score_flops / 1e9 for b in costs], color=ORANGE, label="scores and sums (T²)")
        left.set_title("Arithmetic of one pass", pad=LEGEND)
        right.plot(lengths, [b.weight_bytes / 1e6 for b in costs], color=BLUE, label="weights")
        right.plot(lengths, [b.cache_bytes / 1e6 for b in costs], color=GREEN, label="KV cache")
        right.plot(lengths, [b.score_bytes / 1e6 for b in costs], color=ORANGE, label="one layer's scores")
        right.set_title("Memory", pad=LEGEND)
        for axes, unit in ((left, "billion operations"), (right, "MB")):
            axes.set_xscale("log")
            axes.set_xticks([16, 128, 1024, 8192], labels=["16", "128", "1,024", "8,192"])
            log_scale(axes, "y")
            axes.minorticks_off()  # half of the drawing time
            axes.axvline(self.context, color=VERMILION, linewidth=2, linestyle=":")
            axes.grid(axis="y")
            axes.set(xlabel="context length T", ylabel=unit)
            # Above the axes, where the dotted line does not go.
            axes.legend(loc="lower left", bbox_to_anchor=(-0.03, 0.98), fontsize=SMALL, ncols=1 if axes is left else 2)
        note = f"T = {self.context}: {self.result!r}".split(": ", 2)[-1]
        beyond = "\n(past GPT-2's 1,024: an estimate)" if self.context > 1024 else ""
        picture.text(0.012, 0.09, f"T = {self.context:,}: {note}{beyond}", fontsize=SMALL, color=FADED, va="top")
        return picture


def _mb(size: int) -> str:
    return f"{short(size / 1e6)} MB" if size < 1e9 else f"{short(size / 1e9)} GB"
