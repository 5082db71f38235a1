"""RoPE as turning arrows: one query and one key, turned by their places, and what is left in the score.

Left, one pair of features of both, drawn as arrows. Right, the score of all pairs of places: it is the
same along each diagonal, because only the distance of the two places is left in it.
"""

from __future__ import annotations

import math

import torch
from matplotlib.axes import Axes
from matplotlib.patches import Arc, Circle
from torch import Tensor

from gpt2lab.figures.plots import draw_heatmap
from gpt2lab.figures.style import BLUE, FADED, GRID, INK, SMALL, VERMILION, Picture, letters
from gpt2lab.positions import apply_rope, rotation_angles
from gpt2lab.widgets.base import Panel
from gpt2lab.widgets.traits import Whole

T, WIDTH = 24, 16
QUERY, KEY = 75.0, 20.0  # degrees: where the arrows point before they are turned
LENGTHS = 1.0, 0.8  # of the query's and the key's arrow


class RopePanel(Panel[dict[str, float]]):
    """The same query and the same key at two places of your choice.

    Attributes
    ----------
    query, key : int, 0 to 23
        The places.
    pair : int, 0 to 3
        Which pair of features is drawn; each turns more slowly than the one before.
    result : dict
        ``degrees per place``; ``distance`` of the places; ``angle`` from the key's arrow to the query's
        in degrees, -180 to 180; ``score``: the q·k of this pair of features.
    """

    query = Whole(9, high=T - 1, label="Query at place")
    key = Whole(6, high=T - 1, label="Key at place")
    pair = Whole(1, high=3, label="Pair of features")
    rows = (("query", "key"), ("pair",))

    def arrows(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """Query and key of the chosen pair, as if they stood at each place: 2 × (n, 2)."""
        turned = []
        for degrees, length in zip((QUERY, KEY), LENGTHS, strict=True):
            vector = torch.zeros(len(places), WIDTH, dtype=torch.float64)
            vector[:, 2 * self.pair] = length * math.cos(math.radians(degrees))
            vector[:, 2 * self.pair + 1] = length * math.sin(math.radians(degrees))
            turned.append(apply_rope(vector, places)[:, 2 * self.pair : 2 * self.pair + 2])
        return turned[0], turned[1]

    def scores(self) -> Tensor:
        """(T_query, T_key)"""
        queries, keys = self.arrows(torch.arange(T))
        return queries @ keys.T

    def measure(self) -> dict[str, float]:
        step = math.degrees(float(rotation_angles(torch.tensor([1]), WIDTH)[0, self.pair]))
        q, k = (
            arrow[0] for arrow in (self.arrows(torch.tensor([self.query]))[0], self.arrows(torch.tensor([self.key]))[1])
        )
        angle = math.degrees(math.atan2(q[1], q[0]) - math.atan2(k[1], k[0]))
        return {
            "degrees per place": round(step, 1),
            "distance": self.query - self.key,
            "angle": round((angle + 180) % 360 - 180, 1),
            "score": round(float(q @ k), 2) + 0.0,
        }

    def draw(self) -> Picture:
        picture = Picture(9.6, 4.9, "RoPE: turning arrows")
        left, right = picture.add_axes((0.01, 0.1, 0.42, 0.78)), picture.add_axes((0.54, 0.2, 0.36, 0.68))
        q, k = self.arrows(torch.tensor([self.query]))[0][0], self.arrows(torch.tensor([self.key]))[1][0]
        self._draw_arrows(left, q, k)
        draw_heatmap(right, self.scores().numpy(), signed=True, limit=LENGTHS[0] * LENGTHS[1], numbers=False)
        bar = picture.colorbar(right.images[0], ax=right, label="score", fraction=0.046, pad=0.03)
        bar.outline.set_visible(False)
        right.plot(
            self.key, self.query, "s", markersize=13, markerfacecolor="none", markeredgecolor=INK, markeredgewidth=2.4
        )
        right.set(xlabel="key at place", ylabel="query at place", xticks=range(0, T, 6), yticks=range(0, T, 6))
        right.set_title("Score of all pairs of places")
        found = self.result
        picture.text(
            0.012, 0.02,
            f"Pair {self.pair} turns by {found['degrees per place']}° per place. Dotted: before turning.",
            fontsize=SMALL, color=FADED,
        )  # fmt: skip
        return picture

    def _draw_arrows(self, axes: Axes, q: Tensor, k: Tensor) -> None:
        """Both arrows before (dotted) and after turning, and the angle between them."""
        axes.set(xlim=(-1.45, 1.45), ylim=(-1.3, 1.3), aspect="equal", xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        axes.add_patch(Circle((0, 0), 1, facecolor="none", edgecolor=GRID, linewidth=1.5))
        turned = zip((q, k), (QUERY, KEY), LENGTHS, (BLUE, VERMILION), ("q", "k"), strict=True)
        for arrow, degrees, length, color, name in turned:
            x, y = length * math.cos(math.radians(degrees)), length * math.sin(math.radians(degrees))
            axes.plot((0, x), (0, y), color=color, linestyle=":", linewidth=2)
            axes.annotate(
                "",
                (float(arrow[0]), float(arrow[1])),
                (0, 0),
                arrowprops={"arrowstyle": "-|>", "color": color, "linewidth": 3, "shrinkA": 0, "shrinkB": 0},
            )
            tip = arrow / length * (length + 0.14)
            axes.text(
                float(tip[0]), float(tip[1]), name, color=letters(color), fontweight="bold", ha="center", va="center"
            )
        start, end = (math.degrees(math.atan2(arrow[1], arrow[0])) for arrow in (k, q))
        angle = self.result["angle"]
        low = start if angle >= 0 else end
        axes.add_patch(Arc((0, 0), 0.9, 0.9, theta1=low, theta2=low + abs(angle), color=INK, linewidth=2))
        axes.set_title(f"q at {self.query}, k at {self.key}: {abs(angle):.0f}° apart".replace("-", "−"))
