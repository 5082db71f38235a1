"""The residual stream of one token: its norm, what each part wrote, the input of the layer norms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar, cast

import numpy as np
import torch
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from gpt2lab.errors import InputError
from gpt2lab.explorer import packing
from gpt2lab.explorer.runs import STATISTICS, Run
from gpt2lab.explorer.screen import Screen
from gpt2lab.explorer.sheet import PAIR, Sheet
from gpt2lab.explorer.views.base import LAYERS, Answer, Likely, Row, View
from gpt2lab.figures.style import FADED, GRID, INK
from gpt2lab.trace import BlockTrace

CHART = (450, 130)  # width and height of one


def statistics(run: Run, token: int) -> Tensor:
    """One row per layer, one column per entry of ``STATISTICS``."""
    if run.statistics is None:
        raise InputError("this trace has no residual stream, only attention")
    return run.statistics[:, :, token]


class Stream(View):
    """It needs the stream before and after each block, and what attention and FFN add to it."""

    name: ClassVar[str] = "stream"
    asked: ClassVar[tuple[str, ...]] = ("stream/run/token",)
    code: ClassVar[tuple[str, ...]] = (
        "shown = {'resid_pre': torch.stack([block.resid_pre[0, {token}] for block in trace.blocks]),",
        "         'attn_out': torch.stack([block.attn.out[0, {token}] for block in trace.blocks]),",
        "         'ffn_out': torch.stack([block.ffn.out[0, {token}] for block in trace.blocks]),",
        "         'resid_final': trace.resid_final[0, {token}]}",
    )

    def answer(self, screen: Screen, word: str, numbers: Sequence[int]) -> Answer:
        run, token = screen.run_at(numbers[0]), numbers[1]
        values = statistics(run, token)
        return {"names": list(STATISTICS), "layers": run.n_layers}, [packing.floats(values)]

    def questions(self, screen: Screen, run: int, positions: Sequence[int], read: Sequence[int]) -> Iterator[Likely]:
        return ((LAYERS, f"stream/{run}/{t}") for t in positions)

    def tensors(self, screen: Screen) -> dict[str, Tensor]:
        run, token = screen.run, screen.token
        if run.stream is None:
            raise InputError("this trace has no residual stream, only attention")
        blocks = [cast(BlockTrace, run.block(i)) for i in range(run.n_layers)]
        return {
            "resid_pre": torch.stack([block.resid_pre[0, token] for block in blocks]),
            "attn_out": torch.stack([block.attn.out[0, token] for block in blocks]),
            "ffn_out": torch.stack([block.ffn.out[0, token] for block in blocks]),
            "resid_final": run.stream[-1, token],
        }

    def rows(self, screen: Screen) -> Iterator[Row]:
        values = statistics(screen.run, screen.token).tolist()
        yield "layer", *STATISTICS
        for i, row in enumerate(values):
            yield i, *row

    def draw(self, sheet: Sheet, screen: Screen) -> None:
        values = statistics(screen.run, screen.token).numpy()
        table = dict(zip(STATISTICS, values.T, strict=True))
        n = screen.run.n_layers
        names = [str(i) for i in range(n)]
        length = np.concatenate([table["resid_pre"][:1], table["resid_post"]])
        sheet.title(f"The residual stream of {screen.quoted}, block by block{screen.which}")
        _curve(sheet, 70, 122, "Length of the stream", length, ["in", *names])
        added = {"attention": table["attn"], "feed-forward": table["ffn"]}
        _bars(sheet, 560, 122, "What each part adds: its length", added)
        along = {"attention": table["attn_along"], "feed-forward": table["ffn_along"]}
        _bars(sheet, 70, 350, "… along the direction of the final stream", along)
        _curve(sheet, 560, 350, "Cosine with the final stream", table["cosine"], names, reach=1.0)


def _curve(sheet: Sheet, x: int, y: int, title: str, values: np.ndarray, names: list[str], reach: float = 0.0) -> None:
    height, place = _frame(sheet, x, y, title, np.append(values, reach), names)
    sheet.line([place(i) for i in range(len(values))], [height(v) for v in values.tolist()], INK, 2.2, dots=True)


def _bars(sheet: Sheet, x: int, y: int, title: str, bars: dict[str, np.ndarray]) -> None:
    n = len(next(iter(bars.values())))
    height, place = _frame(sheet, x, y, title, np.concatenate(list(bars.values())), [str(i) for i in range(n)])
    thick = min(30.0, 0.8 * (place(1) - place(0) if n > 1 else 200) / len(bars))
    for b, (name, values) in enumerate(bars.items()):
        sheet.box(x + 150 * b, y - 14, 12, 11, PAIR[b])
        sheet.text(x + 150 * b + 18, y - 9, name, size=10.5, color=FADED)
        for i, v in enumerate(values.tolist()):
            zero = height(0.0)
            sheet.box(place(i) + (b - len(bars) / 2) * thick, zero, 0.92 * thick, height(v) - zero, PAIR[b])


def _frame(
    sheet: Sheet, x: int, y: int, title: str, values: np.ndarray, names: list[str]
) -> tuple[Callable[[float], float], Callable[[int], float]]:
    """Title, grid and ticks of a small chart; how high a value and how far right a place stands."""
    finite = values[np.isfinite(values)]
    low, high = float(finite.min(initial=0.0)), float(finite.max(initial=0.0))
    width, tall = CHART
    room = tall / ((high - low) or 1.0)

    def height(value: float) -> float:
        return float(y + tall - (value - low) * room)

    def place(i: int) -> float:
        return float(x + width * (i + 0.5) / len(names))

    sheet.text(x, y - 32, title, bold=True)
    marks = np.asarray(MaxNLocator(3, steps=[1, 2, 5, 10]).tick_values(low, high))
    for tick in marks[(marks >= low) & (marks <= high)].tolist():
        sheet.line([x, x + width], [height(tick)] * 2, FADED if abs(tick) < 1e-12 else GRID)
        sheet.text(x - 8, height(tick), f"{tick + 0.0:g}".replace("-", "−"), size=10, color=FADED, at="rm")
    every = 1 + (len(names) - 1) // 24
    for i in range(0, len(names), every):
        sheet.text(place(i), y + tall + 14, names[i], size=10, color=FADED, at="mm")
    sheet.text(x + width, y + tall + 32, "block", size=10, color=FADED, at="rm")
    return height, place
