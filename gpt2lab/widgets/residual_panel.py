"""The residual panel: one token's way through the model as a sum, part by part.

Each bar is what a part adds to the token's vector; the line is the stream after each addition.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gpt2lab.figures.plots import short
from gpt2lab.figures.style import BLUE, FADED, GREEN, INK, ORANGE, PURPLE, Picture, letters
from gpt2lab.residual import contributions
from gpt2lab.widgets.text_panel import TextPanel
from gpt2lab.widgets.traits import Choice, Whole

SIZE, SHARE = "size", "share of the final stream"
COLORS = {"token": PURPLE, "position": GREEN, "attn": BLUE, "ffn": ORANGE}


@dataclass(frozen=True)
class StreamReading:
    """What each part adds to one token's stream, and the stream after it."""

    token: str
    show: str
    parts: tuple[str, ...]  # in the order of the additions
    added: tuple[float, ...]  # norm, or share, of what the part adds
    stream: tuple[float, ...]  # the same of the stream after the addition

    def __repr__(self) -> str:
        wide = max(map(len, self.parts))
        lines = [f"{self.token}, {self.show}", f"{'':<{wide}}     adds  stream"]
        for part, added, stream in zip(self.parts, self.added, self.stream, strict=True):
            lines.append(f"{part:<{wide}}  {added:7.2f} {stream:7.2f}")
        return "\n".join(lines)


class ResidualPanel(TextPanel[StreamReading]):
    """The residual stream of one token. For the model and the text see ``TextPanel``.

    Attributes
    ----------
    token : int
        Position of the token, from 0.
    show : str
        "size": the norm of each vector. Norms do not add up, because the vectors point in different
        directions. "share of the final stream": the length of each vector along the direction of
        the final stream. These do add up, to the norm of the final stream.
    result : StreamReading
    """

    token = Whole(1, high=lambda panel: panel.last_token, label="Token")
    show = Choice((SIZE, SHARE), label="Show")
    rows = (("text",), ("token", "show"))

    def settle(self) -> None:
        self.token = min(self.token, self.last_token)

    def vectors(self) -> dict[str, Tensor]:
        """What each part adds to the chosen token: (d_model,) by the part's name."""
        return {name: part[0, self.token] for name, part in contributions(self.trace).items()}

    def measure(self) -> StreamReading:
        added = torch.stack(list(self.vectors().values()))  # (n_parts, d_model)
        stream = added.cumsum(dim=0)  # (n_parts, d_model)
        if self.show == SIZE:
            sizes = added.norm(dim=-1), stream.norm(dim=-1)
        else:
            direction = stream[-1] / stream[-1].norm()  # (d_model,)
            sizes = added @ direction, stream @ direction
        values = [tuple(size.tolist()) for size in sizes]
        return StreamReading(self.labels[self.token], self.show, tuple(self.vectors()), *values)

    def draw(self) -> Picture:
        reading = self.result
        n = len(reading.parts)
        picture = Picture(9.6, 4.6, f"The stream of {reading.token}, {reading.show}")
        axes = picture.add_axes((0.07, 0.25, 0.91, 0.61))
        colors = [COLORS[part.split()[0]] for part in reading.parts]
        axes.bar(range(n), reading.added, 0.72, color=colors)
        axes.plot(range(n), reading.stream, color=INK, marker="o", markersize=6, linewidth=2)
        axes.axhline(0, color=FADED, linewidth=1)
        low, high = min(0.0, *reading.added, *reading.stream), max(1e-12, *reading.added, *reading.stream)
        axes.set(xlim=(-0.6, n - 0.4), ylim=(low * 1.1, high * 1.16), xticks=[])
        axes.locator_params(axis="y", nbins=5)
        axes.grid(axis="y")
        what = "norm" if reading.show == SIZE else "length along the final stream"
        axes.set_title(f"What each part adds to {reading.token}: {what}")
        foot = low * 1.1 - 0.03 * (high - low)
        for i, (part, added, color) in enumerate(zip(reading.parts, reading.added, colors, strict=True)):
            ink = letters(color)
            picture.write(axes, i, foot, part, at="mt", upright=n > 12, color=ink, bold=True)
            if n <= 12:
                picture.write(axes, i, foot - 0.09 * (high - low), short(added, 2), at="mt", color=ink)
        end = reading.stream[-1] + 0.05 * high
        picture.write(axes, n - 1, end, short(reading.stream[-1]), at="mb", bold=True)
        note = "● the stream after the addition" + (f" · {self.weights}" if self.weights else "")
        picture.write(None, 0.98, 0.03, note, at="rb", color=FADED)
        return picture
