"""The cache panel: which rows of attention one step of generation computes, without and with a KV cache."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tiktoken
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap

from gpt2lab.config import GPT2Config
from gpt2lab.errors import validates
from gpt2lab.figures.plots import short
from gpt2lab.figures.style import BLUE, FADED, INK, ORANGE, SMALL, Picture
from gpt2lab.model import GPT2
from gpt2lab.widgets.base import Panel
from gpt2lab.widgets.text_panel import Equipped
from gpt2lab.widgets.traits import Whole

HIDDEN, KEPT, COMPUTED = 0, 1, 2
COLORS = ListedColormap(["#ffffff", "#c9d6df", ORANGE])


@dataclass(frozen=True)
class Step:
    """One step of generation at a given length, and all steps so far."""

    tokens: int
    rows_without: int  # rows through each block in this step
    rows_with: int
    so_far_without: int  # the same, summed from the first token on
    so_far_with: int
    cache_bytes: int

    def __repr__(self) -> str:
        return (
            f"token {self.tokens}: {self.rows_without} rows without a cache, {self.rows_with} with; "
            f"so far {self.so_far_without} and {self.so_far_with}; the cache holds {self.cache_bytes:,} bytes"
        )


class CachePanel(Panel[Step]):
    """Generation from the first token on, one token a step.

    Parameters
    ----------
    model : GPT2, ToyModel or GPT2Config, optional
        Decides the size of the cache; GPT-2 small by default.

    Attributes
    ----------
    tokens : int, 1 to 48
        Length of the text after this step.
    result : Step
    """

    tokens = Whole(12, low=1, high=48, label="Tokens so far")
    rows = (("tokens",),)

    @validates
    def __init__(
        self,
        model: GPT2 | Equipped | GPT2Config | None = None,
        encoding: tiktoken.Encoding | None = None,
        **settings: object,
    ) -> None:
        if isinstance(model, Equipped):
            model = model.model
        if model is None:
            model = GPT2Config.gpt2()
        self.config = model if isinstance(model, GPT2Config) else model.config
        super().__init__(**settings)

    def measure(self) -> Step:
        n = self.tokens
        return Step(
            tokens=n,
            rows_without=n,
            rows_with=1,
            so_far_without=n * (n + 1) // 2,
            so_far_with=n,
            cache_bytes=2 * self.config.n_layers * n * self.config.d_model * 4,
        )

    def draw(self) -> Picture:
        picture = Picture(9.6, 4.9, "One step of generation")
        without, with_cache = (
            picture.add_axes((0.06, 0.2, 0.4, 0.66)),
            picture.add_axes((0.56, 0.2, 0.4, 0.66)),
        )
        n, step = self.tokens, self.result
        triangle = np.tri(n, dtype=int)
        last_only = triangle * KEPT
        last_only[-1] = COMPUTED
        self._map(without, triangle * COMPUTED, f"Without a cache: {step.rows_without} row{'s' if n > 1 else ''}")
        self._map(with_cache, last_only, f"With a cache: {step.rows_with} row")
        for axes, note in ((without, "orange: computed\nin this step"), (with_cache, "grey: never\nneeded again")):
            if n >= 4:  # else no room beside the triangle, and nothing to tell apart
                axes.text(0.98, 0.95, note, transform=axes.transAxes, ha="right", va="top", fontsize=SMALL, color=FADED)
        picture.text(0.06, 0.06, f"rows so far: {step.so_far_without:,}", color=INK, fontweight="bold")
        picture.text(0.56, 0.06, f"rows so far: {step.so_far_with:,}", color=INK, fontweight="bold")
        size = (
            short(step.cache_bytes / 1e3) + " kB" if step.cache_bytes < 1e6 else short(step.cache_bytes / 1e6) + " MB"
        )
        picture.text(0.76, 0.06, f"cache: {size}", color=BLUE, fontweight="bold")
        return picture

    @staticmethod
    def _map(axes: Axes, cells: np.ndarray, title: str) -> None:
        axes.imshow(cells, cmap=COLORS, vmin=0, vmax=2, aspect="auto")
        axes.set_title(title)
        axes.set(xlabel="key", ylabel="query")
        axes.set_xticks([0, len(cells) - 1] if len(cells) > 1 else [0])
        axes.set_yticks([0, len(cells) - 1] if len(cells) > 1 else [0])
        axes.tick_params(length=0)
