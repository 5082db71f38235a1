"""Pre-LN beside post-LN, through 1 to 48 untrained blocks: the stream, and the gradient of each block."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from torch import Tensor

from gpt2lab.ablations import PostLNBlock
from gpt2lab.block import TransformerBlock
from gpt2lab.figures.plots import log_scale, short
from gpt2lab.figures.style import BLUE, FADED, SMALL, VERMILION, Picture, letters
from gpt2lab.studies.depth import stack
from gpt2lab.widgets.base import Panel
from gpt2lab.widgets.traits import Switch, Whole

N_TOKENS, D_MODEL, VOCAB_SIZE = 12, 32, 128
BLOCKS = {"pre-LN": TransformerBlock, "post-LN": PostLNBlock}
COLORS = {"pre-LN": BLUE, "post-LN": VERMILION}


@dataclass(frozen=True)
class Placement:
    """One stack: entry i belongs to block i + 1."""

    spread: np.ndarray  # (n_blocks,) standard deviation of the stream after the block
    gradient: np.ndarray  # (n_blocks,) norm of the gradient for the weights of the block's ``ffn.down``


class NormPlacementPanel(Panel[dict[str, dict[str, float]]]):
    """The same random weights, with the norm on the branch (GPT-2) and on the stream (2017).

    Pre-LN gets its final norm. The loss is the cross-entropy of random next tokens.

    Attributes
    ----------
    n_blocks : int, 1 to 48
    scaled_init : bool
        GPT-2's 1 / sqrt(2 · n_blocks) on the weights that write to the stream.
    result : dict
        For ``"pre-LN"`` and ``"post-LN"``: ``spread`` after the last block, ``gradient, block 1`` and
        ``gradient, last block``.
    """

    n_blocks = Whole(12, low=1, high=48, label="Blocks")
    scaled_init = Switch(False, label="Scaled initial weights")
    rows = (("n_blocks", "scaled_init"),)

    def profiles(self) -> dict[str, Placement]:
        """The curves that are drawn."""
        return {name: _profile(name, self.n_blocks, self.scaled_init) for name in BLOCKS}

    def measure(self) -> dict[str, dict[str, float]]:
        return {
            name: {
                "spread": _round(profile.spread[-1]),
                "gradient, block 1": _round(profile.gradient[0]),
                "gradient, last block": _round(profile.gradient[-1]),
            }
            for name, profile in self.profiles().items()
        }

    def draw(self) -> Picture:
        picture = Picture(9.6, 4.3, "Pre-LN and post-LN through depth")
        left, right = picture.subplots(1, 2)
        profiles = self.profiles()
        self._curves(left, {name: profile.spread for name, profile in profiles.items()})
        self._curves(right, {name: profile.gradient for name, profile in profiles.items()})
        left.set(title="Size of the stream\n", xlabel="after block")
        right.set(title="Gradient before any training step\n", xlabel="block")
        for axes, unit in ((left, "standard deviation"), (right, "norm, for the weights of each block's last layer")):
            axes.text(0, 1.03, unit, transform=axes.transAxes, fontsize=SMALL, color=FADED)
        left.set_ylim(0, max(5, 1.2 * left.get_ylim()[1]))
        log_scale(right, "y")
        right.set_ylim(0.15, 12)
        left.legend(loc="upper left")
        note = f"{self.n_blocks} blocks, all weights random, same weights for both"
        picture.text(0.012, 0.015, note, fontsize=SMALL, color=FADED)
        picture.subplots_adjust(left=0.07, right=0.93, top=0.82, bottom=0.23, wspace=0.3)
        return picture

    def _curves(self, axes: Axes, curves: dict[str, np.ndarray]) -> None:
        upper = max(curves, key=lambda name: curves[name][-1])  # its number stands above its end, the other's below
        for name, values in curves.items():
            self._curve(axes, name, values, "bottom" if name == upper else "top")

    def _curve(self, axes: Axes, name: str, values: np.ndarray, side: str) -> None:
        n = len(values)
        dashes = "-" if name == "pre-LN" else "--"
        marker = "o" if n <= 16 else ""
        axes.plot(range(1, n + 1), values, marker=marker, label=name, color=COLORS[name], linestyle=dashes)
        axes.set_xlim(0.5, n + 0.5)
        axes.grid(axis="y")
        axes.annotate(
            short(float(values[-1]), 2), (n, values[-1]), xytext=(8, 0), textcoords="offset points",
            va=side, color=letters(COLORS[name]), fontweight="bold", annotation_clip=False,
        )  # fmt: skip


@functools.lru_cache(maxsize=256)
def _profile(name: str, n_blocks: int, scaled_init: bool) -> Placement:
    blocks = stack(n_blocks, block=BLOCKS[name], scaled_init=scaled_init, d_model=D_MODEL)
    generator = torch.Generator().manual_seed(0)
    x: Tensor = torch.randn(1, N_TOKENS, D_MODEL, generator=generator, dtype=torch.float64)
    unembedding = torch.randn(D_MODEL, VOCAB_SIZE, generator=generator, dtype=torch.float64) * D_MODEL**-0.5
    targets = torch.randint(VOCAB_SIZE, (N_TOKENS,), generator=generator)
    spread = []
    for block in blocks:
        x = block(x)  # (1, T, d_model)
        spread.append(float(x.detach().std()))
    if name == "pre-LN":
        x = F.layer_norm(x, (D_MODEL,))  # ln_f; post-LN has normalised already
    loss = F.cross_entropy((x @ unembedding)[0], targets)
    gradients = torch.autograd.grad(loss, [block.get_parameter("ffn.down.weight") for block in blocks])
    return Placement(np.array(spread), np.array([float(g.norm()) for g in gradients]))


def _round(value: float) -> float:
    """Two digits: what a seed does not decide."""
    return float(f"{value:.2g}")
