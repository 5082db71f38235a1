"""A drawing: one block of GPT-1 beside one block of GPT-2, with the stream going upwards."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyBboxPatch

from gpt2lab.figures.style import BLUE, GREEN, INK, ORANGE, PURPLE, SMALL, Picture, house_style

ATTENTION, FEED_FORWARD, NORM = ("attention", ORANGE), ("feed-forward", GREEN), ("layer norm", PURPLE)


def block_diagram() -> Picture:
    """GPT-1's block (post-LN) and GPT-2's (pre-LN), as a Picture."""
    picture = Picture(9.3, 5.1, "One block of GPT-1 and one of GPT-2")
    with house_style():
        left, right = picture.add_axes((0.02, 0.02, 0.46, 0.9)), picture.add_axes((0.52, 0.02, 0.46, 0.9))
        _block(left, "GPT-1: the norm is on the stream", pre_ln=False)
        _block(right, "GPT-2: the norm is on the branch", pre_ln=True)
    return picture


def _block(axes: Axes, title: str, pre_ln: bool) -> None:
    axes.set(xlim=(0, 10), ylim=(0, 12))
    axes.set_axis_off()
    axes.set_title(title)
    stream = 3.0
    axes.annotate("", (stream, 11.7), (stream, 0.1), arrowprops={"arrowstyle": "-|>", "color": BLUE, "linewidth": 5})
    for bottom, part in ((0.8, ATTENTION), (6.1, FEED_FORWARD)):
        _branch(axes, stream, bottom, part, pre_ln)
    axes.text(stream - 0.35, 0.35, "x", ha="right", color=BLUE, fontweight="bold")
    if pre_ln:
        axes.text(
            stream + 0.5,
            10.9,
            "the stream is only added to;\nln_f follows after the last block",
            fontsize=SMALL,
            color=INK,
        )
    else:
        axes.text(stream + 2.1, 11.15, "every sum is normalised again", fontsize=SMALL, color=INK)


def _branch(axes: Axes, stream: float, bottom: float, part: tuple[str, str], pre_ln: bool) -> None:
    """A branch that leaves the stream, passes its boxes and comes back at the plus."""
    right, plus = 7.0, bottom + 3.4
    axes.plot([stream, right, right], [bottom, bottom, plus], color=INK, linewidth=2)
    arrow = {"arrowstyle": "-|>", "color": INK, "linewidth": 2}
    axes.annotate("", (stream + 0.32, plus), (right, plus), arrowprops=arrow)
    if pre_ln:
        _box(axes, right, bottom + 0.95, *NORM)
        _box(axes, right, bottom + 2.35, *part)
    else:
        _box(axes, right, bottom + 1.7, *part)
        _box(axes, stream, plus + 0.95, *NORM)
    axes.add_patch(Circle((stream, plus), 0.34, facecolor="white", edgecolor=INK, linewidth=2, zorder=3))
    axes.text(stream, plus - 0.03, "+", ha="center", va="center", fontsize=17, zorder=4)


def _box(axes: Axes, x: float, y: float, label: str, color: str) -> None:
    axes.add_patch(
        FancyBboxPatch(
            (x - 1.75, y - 0.38),
            3.5,
            0.76,
            boxstyle="round,pad=0.08",
            facecolor=color,
            edgecolor="white",
            zorder=3,
        )
    )
    axes.text(
        x,
        y - 0.03,
        label,
        ha="center",
        va="center",
        color="white" if color == GREEN else INK,
        fontweight="bold",
        zorder=4,
    )
