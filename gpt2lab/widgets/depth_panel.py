"""The depth panel: what 1 to 48 untrained blocks do to the stream, to its gradient, and to the tokens.

Switch a part of the block off and on. The grey line stays: GPT-2's own block at the same depth.
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from gpt2lab.ablations import NoResidualBlock
from gpt2lab.block import TransformerBlock
from gpt2lab.figures.drawing import log_scale, short
from gpt2lab.figures.style import BLUE, FADED, SMALL, VERMILION, Picture, letters
from gpt2lab.residual import residual_init_scale
from gpt2lab.studies.depth import ReLUAfterAddBlock, StackProfile, profile_stack, stack
from gpt2lab.widgets.base import Panel
from gpt2lab.widgets.traits import Switch, Whole

_MOST, _D_MODEL = 48, 32
_GREY = "#8a8a8a"  # seen on white and on black


class DepthPanel(Panel[dict[str, float]]):
    """A stack of random blocks, with parts left out.

    Attributes
    ----------
    blocks : int, 1 to 48
    residual, layer_norm, scaled_init, relu : bool
        GPT-2 has the first three. ``relu`` puts a ReLU after each addition and so needs ``residual``.
    result : dict
        ``spread`` after the last block, ``gradient`` that arrives at the first one (of 1 at the
        end), and ``similarity`` of neighbouring tokens after the last block.
    """

    blocks = Whole(24, low=1, high=_MOST, label="Blocks")
    residual = Switch(True, label="Residual: x + …")
    layer_norm = Switch(True, label="Layer norm")
    scaled_init = Switch(True, label="Scaled initial weights")
    relu = Switch(False, label="ReLU after the sum")
    rows = (("blocks",), ("residual", "layer_norm", "scaled_init", "relu"))

    @property
    def profile(self) -> StackProfile:
        """The three curves that are drawn."""
        return _profile(self.blocks, self.residual, self.layer_norm, self.scaled_init, self.relu and self.residual)

    def measure(self) -> dict[str, float]:
        profile = self.profile
        return {
            "spread": _round(profile.spread[-1]),
            "gradient": _round(profile.gradient[0]),
            "similarity": round(float(profile.similarity[-1]), 2),
        }

    def draw(self) -> Picture:
        picture = Picture(9.6, 3.9, "What depth does")
        gpt2 = _profile(self.blocks, True, True, True, False)
        axes = picture.subplots(1, 3)
        curves = [
            (axes[0], "Size of the stream", "standard deviation", "spread", -1),
            (axes[1], "Gradient that arrives", "of 1 at the last block", "gradient", 0),
            (axes[2], "Are all tokens alike?", "cosine of neighbours", "similarity", -1),
        ]
        for ax, title, unit, name, read in curves:
            self._curve(ax, getattr(self.profile, name).numpy(), getattr(gpt2, name).numpy(), read)
            ax.set_title(f"{title}\n", fontsize=13)
            ax.text(0, 1.03, unit, transform=ax.transAxes, fontsize=SMALL, color=FADED)
            ax.set_xlabel("after block" if name != "gradient" else "after block   (travels ←)")
        for ax in axes[:2]:
            log_scale(ax, "y")
            ax.minorticks_off()  # they take long to draw
            low, high = ax.get_ylim()
            ax.set_ylim(min(low, 0.3), max(high, 12) ** 1.35)  # room for the number above the curves
        axes[2].set(ylim=(-0.05, 1.27), yticks=np.linspace(0, 1, 5))  # room for the number, and no cosine above 1
        picture.text(0.012, 0.015, "grey: GPT-2's block, same depth · all weights random", fontsize=SMALL, color=FADED)
        picture.subplots_adjust(left=0.075, right=0.975, top=0.8, bottom=0.25, wspace=0.36)
        return picture

    def _curve(self, ax: Axes, values: np.ndarray, gpt2: np.ndarray, read: int) -> None:
        heights = np.arange(len(values))
        ax.plot(heights, gpt2, color=_GREY, linewidth=5, solid_capstyle="round")
        ax.plot(heights, values, color=BLUE)
        at, value = heights[read], values[read]
        ax.set_xlim(-0.02 * len(values), max(len(values) - 1, 1))
        ax.grid(axis="y")
        if not np.isfinite(value):
            ax.text(0.5, 0.5, "no longer\na number", transform=ax.transAxes, color=letters(VERMILION),
                    ha="center", fontweight="bold")  # fmt: skip
            return
        ax.plot([at], [value], "o", color=VERMILION, markersize=8, clip_on=False, zorder=5)
        ax.text(
            0.03 if at == 0 else 1.0, 0.99, short(value, 2), transform=ax.transAxes, color=letters(VERMILION),
            fontweight="bold", va="top", ha="left" if at == 0 else "right",
        )  # fmt: skip


@functools.lru_cache(maxsize=256)
def _profile(n_blocks: int, residual: bool, layer_norm: bool, scaled_init: bool, relu: bool) -> StackProfile:
    blocks, written = _all_blocks(residual, layer_norm, relu)
    scale = residual_init_scale(n_blocks) if scaled_init else 1.0
    with torch.no_grad():
        for block, weights in zip(blocks, written, strict=True):
            for own, weight in zip(_writing(block), weights, strict=True):
                own.copy_(weight * scale)
    return profile_stack(blocks[:n_blocks])


@functools.lru_cache(maxsize=8)
def _all_blocks(residual: bool, layer_norm: bool, relu: bool) -> tuple[list[TransformerBlock], list[list[Tensor]]]:
    """48 unscaled blocks, kept because building takes longer than running; and their writing weights."""
    block = ReLUAfterAddBlock if relu else TransformerBlock if residual else NoResidualBlock
    stacked = stack(_MOST, block=block, layer_norm=layer_norm, d_model=_D_MODEL)
    blocks = [module for module in stacked if isinstance(module, TransformerBlock)]
    return blocks, [[weight.detach().clone() for weight in _writing(block)] for block in blocks]


def _writing(block: TransformerBlock) -> list[Tensor]:
    """The weights of the two layers that write to the stream."""
    return [writer.get_parameter("weight") for writer in block.writers()]


def _round(value: Tensor) -> float:
    """Two digits: what a seed does not decide."""
    return float(f"{float(value):.2g}")
