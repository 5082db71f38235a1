"""The positions panel: five ways to mark a place, and what each says about the distance of two places.

Left, the table or bias itself. Right, how the chosen position compares with every other one.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from gpt2lab.errors import InputError, validates
from gpt2lab.figures.plots import draw_heatmap
from gpt2lab.figures.style import BLUE, FADED, GREEN, ORANGE, PURPLE, SMALL, VERMILION, Picture
from gpt2lab.positions import (
    alibi_bias,
    alibi_slopes,
    apply_rope,
    distances,
    relative_buckets,
    rotation_angles,
    sinusoidal_table,
)
from gpt2lab.widgets.base import Panel
from gpt2lab.widgets.traits import Choice, Whole

KINDS = ("learned", "sinusoidal", "RoPE", "ALiBi", "relative bias")
T, WIDTH, N_HEADS = 64, 32, 4


class PositionsPanel(Panel[dict[str, float]]):
    """Positions, one kind at a time, for 64 places and 32 features (or the given table's own).

    Parameters
    ----------
    table : (n_positions, d_model), optional
        A learned table to show; random numbers, labelled as such, by default.
    name : str
        What the picture calls the table.

    Attributes
    ----------
    kind : str
        "learned", "sinusoidal", "RoPE", "ALiBi" or "relative bias".
    position : int, 0 to 63
    result : dict
        How the position compares with itself, its neighbour, and the place 8 before it.
    """

    kind = Choice(KINDS, "sinusoidal", label="Kind")
    position = Whole(32, low=8, high=T - 1, label="Position")
    rows = (("kind", "position"),)

    @validates
    def __init__(self, table: Tensor | None = None, name: str = "", **settings: object) -> None:
        if table is None:
            table, name = torch.randn(T, WIDTH, generator=torch.Generator().manual_seed(0)), "untrained: random"
        if table.ndim != 2 or len(table) < T:
            raise InputError(
                f"table must have shape (n_positions, d_model) with n_positions ≥ {T}, got {tuple(table.shape)}"
            )
        self.table, self.name = table.detach()[:T].float(), name
        super().__init__(**settings)

    def image(self) -> Tensor:
        """The table, angles or bias: (T, features) or (T_query, T_key)."""
        return {
            "learned": lambda: self.table,
            "sinusoidal": lambda: sinusoidal_table(T, WIDTH),
            "RoPE": lambda: rotation_angles(torch.arange(T), WIDTH).cos(),
            "ALiBi": lambda: alibi_bias(N_HEADS, T)[1],
            "relative bias": lambda: relative_buckets(distances(T, T)).float(),
        }[self.kind]()

    def limit(self) -> float | None:
        """Value of the last colour; a few features of a trained table are so large that they would fade the rest."""
        return float(self.table.abs().flatten().quantile(0.98)) if self.kind == "learned" else None

    def comparison(self) -> dict[str, Tensor]:
        """Curves over all places (T,): how the chosen position compares with each."""
        at, places = self.position, torch.arange(T)
        if self.kind in ("learned", "sinusoidal"):
            rows = F.normalize(self.image(), dim=-1)
            return {"cosine": rows @ rows[at]}
        if self.kind == "RoPE":
            q = torch.ones(1, WIDTH) / WIDTH**0.5
            rotated = apply_rope(q.expand(T, WIDTH), places)
            return {"q·k": rotated @ rotated[at]}
        if self.kind == "ALiBi":
            bias = alibi_bias(N_HEADS, T)[:, at]  # (n_heads, T)
            slopes = alibi_slopes(N_HEADS)
            return {f"slope {slopes[h]:.2g}": self._past(bias[h]) for h in range(N_HEADS)}
        return {"bucket": self._past(relative_buckets(distances(T, T))[at].float())}

    def _past(self, curve: Tensor) -> Tensor:
        """The curve up to the chosen position; later places are hidden by the causal mask."""
        return curve.masked_fill(torch.arange(T) > self.position, torch.nan)

    def measure(self) -> dict[str, float]:
        curve = list(self.comparison().values())[0]
        read = {"itself": 0, "1 before": 1, "8 before": 8}
        return {name: round(curve[self.position - back].item(), 2) + 0.0 for name, back in read.items()}

    def draw(self) -> Picture:
        picture = Picture(9.6, 4.5, f"Positions: {self.kind}")
        left, right = picture.add_axes((0.07, 0.18, 0.32, 0.7)), picture.add_axes((0.56, 0.18, 0.41, 0.7))
        image = self.image().numpy()
        score = self.kind in ("ALiBi", "relative bias")
        if score:
            image = np.where(np.tri(T, dtype=bool), image, np.nan)
        draw_heatmap(left, image, signed=self.kind != "relative bias", limit=self.limit(), numbers=False)
        beyond = "neither" if self.limit() is None else "both"  # some values lie past the last colour
        place = picture.add_axes((0.4, 0.18, 0.012, 0.7))
        bar = picture.colorbar(left.images[0], cax=place, extend=beyond, ticks=MaxNLocator(4, steps=(1, 2, 5, 10)))
        bar.outline.set_visible(False)
        left.axhline(self.position, color=VERMILION, linewidth=2)
        left.set(ylabel="query position" if score else "position", xlabel="key position" if score else "feature")
        left.set_title({
            "learned": "A learned table", "sinusoidal": "Sines and cosines", "RoPE": "cos of the angles",
            "ALiBi": "Bias of one head", "relative bias": "Bucket of each distance",
        }[self.kind])  # fmt: skip
        curves = self.comparison()
        for (name, curve), color in zip(curves.items(), (BLUE, ORANGE, GREEN, PURPLE), strict=False):
            right.plot(curve.numpy(), color=color, label=name)
        right.axvline(self.position, color=VERMILION, linewidth=1.5, linestyle=":")
        right.grid(axis="y")
        one = len(curves) == 1  # one curve needs no legend, which would lie on it
        right.set(xlabel="the other position", ylabel=next(iter(curves)) if one else "bias")
        right.set_title(f"Position {self.position} beside the others")
        if not one:
            right.legend(loc="lower right")
        note = {"learned": self.name, "RoPE": "q and k: the same vector everywhere, only rotated"}.get(self.kind, "")
        picture.text(0.012, 0.02, note, fontsize=SMALL, color=FADED)
        return picture
