"""Scores: how one query's weights are computed: q·k, scaled, masked, softmax."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np
import torch
from torch import Tensor

from gpt2lab.errors import InputError
from gpt2lab.explorer import packing
from gpt2lab.explorer.models import ScoredAttention
from gpt2lab.explorer.runs import Run
from gpt2lab.explorer.screen import Screen
from gpt2lab.explorer.sheet import LAST, PAIR, TOP, Sheet
from gpt2lab.explorer.views.base import SCORES, Answer, Likely, Row, View, no_nan
from gpt2lab.explorer.words import amount, number
from gpt2lab.figures.drawing import clip
from gpt2lab.figures.style import FADED

STEPS = ("raw_scores", "scores", "masked_scores", "attn_weights")
MOST_KEYS, EACH, LEFT = 16, 220, 150


@dataclass(frozen=True)
class Steps:
    """The steps from one query to its weights."""

    q: Tensor  # (d_head,)
    k: Tensor  # (T, d_head)
    raw: Tensor  # (T,), q·k
    scaled: Tensor  # (T,)
    visible: Tensor  # (T,), 1 where the mask lets the query look
    weights: Tensor  # (T,)
    scale: float | None  # the factor between raw and scaled, None if something was added


def attention(run: Run, layer: int, head: int) -> ScoredAttention:
    """A layer's attention with q, k and scores, which a trace of one's own may lack."""
    run.need_head(layer, head)
    attn = run.block(layer).attn
    if any(getattr(attn, name, None) is None for name in ("q", "k", "scores")):
        raise InputError("this trace has no q, k and scores, only attention weights")
    return cast(ScoredAttention, attn)


def steps(run: Run, layer: int, head: int, token: int) -> Steps:
    """The steps of one query."""
    attn = attention(run, layer, head)
    q, k = attn.q[0, head, token], attn.k[0, head]  # (d_head,), (T, d_head)
    raw, scaled = k @ q, attn.scores[0, head, token]  # (T,), (T,)
    mask = getattr(attn, "mask", None)
    visible = torch.ones(run.T) if mask is None else mask.expand(run.T, run.T)[token].float()
    if not bool(visible.any()):
        raise InputError("this layer asks nothing of this token, so it has no scores: choose another token or layer")
    weights = no_nan(attn.attn_weights[0, head, token], "attention weights")
    return Steps(q, k, raw, scaled, visible, weights, _scale(raw, scaled))


def _scale(raw: Tensor, scaled: Tensor) -> float | None:
    """The factor between raw and scaled scores, or None if something was added (ALiBi, a bias)."""
    rounding = torch.finfo(scaled.dtype).eps  # bfloat16 has three digits
    raw, scaled = raw.float(), scaled.float()
    largest = int(raw.abs().argmax())
    if float(raw[largest]) == 0:
        return None
    factor = float(scaled[largest] / raw[largest])
    atol, rtol = max(1e-4, rounding * float(scaled.abs().max())), max(1e-3, 4 * rounding)
    return factor if torch.allclose(raw * factor, scaled, atol=atol, rtol=rtol) else None


class Scores(View):
    """It needs q, k and scores beside the attention weights."""

    name: ClassVar[str] = "scores"
    asked: ClassVar[tuple[str, ...]] = ("scores/run/layer/head/token",)
    code: ClassVar[tuple[str, ...]] = (
        "attn = trace.blocks[{layer}].attn",
        "shown = {'q': attn.q[0, {head}, {token}], 'k': attn.k[0, {head}],",
        "         'raw_scores': attn.raw_scores[0, {head}, {token}], 'scores': attn.scores[0, {head}, {token}],",
        "         'masked_scores': attn.masked_scores[0, {head}, {token}],",
        "         'attn_weights': attn.attn_weights[0, {head}, {token}]}",
    )

    def answer(self, screen: Screen, word: str, numbers: Sequence[int]) -> Answer:
        run, layer, head, token = numbers
        found = steps(screen.run_at(run), layer, head, token)
        parts = (found.q, found.k, found.raw, found.scaled, found.visible, found.weights)
        return {"d_head": found.q.shape[-1], "scale": found.scale}, [packing.floats(part) for part in parts]

    def questions(self, screen: Screen, run: int, positions: Sequence[int], read: Sequence[int]) -> Iterator[Likely]:
        for t in positions:
            for layer, heads in enumerate(screen.runs[run].shape):
                yield from ((SCORES, f"scores/{run}/{layer}/{head}/{t}") for head in range(heads))

    def tensors(self, screen: Screen) -> dict[str, Tensor]:
        head, token = screen.head, screen.token
        attn = attention(screen.run, screen.layer, head)
        rows = {name: getattr(attn, name)[0, head, token] for name in STEPS}
        return {"q": attn.q[0, head, token], "k": attn.k[0, head], **rows}

    def rows(self, screen: Screen) -> Iterator[Row]:
        tensors, labels = self.tensors(screen), screen.labels
        yield "key", "key_token", *STEPS
        for j, values in enumerate(zip(*(tensors[name].tolist() for name in STEPS), strict=True)):
            yield j, labels[j], *values

    def draw(self, sheet: Sheet, screen: Screen) -> None:
        """The keys that get most."""
        found = steps(screen.run, screen.layer, screen.head, screen.token)
        raw, scaled, visible, weights = (
            part.detach().float().cpu().numpy() for part in (found.raw, found.scaled, found.visible, found.weights)
        )
        shown = sorted(np.argsort(-weights, kind="stable")[:MOST_KEYS].tolist())
        of = f" ({len(shown)} of {len(weights)} keys, the strongest)" if len(shown) < len(weights) else ""
        sheet.title(f"{screen.head_name()}: how the query {screen.quoted} gets its weights{of}{screen.which}")
        columns = {"q·k": raw, "scaled": scaled, "masked": np.where(visible > 0, scaled, -np.inf), "softmax": weights}
        line, labels = (LAST - TOP - 10) / max(10, len(shown)), screen.labels
        for row, key in enumerate(shown):
            sheet.text(LEFT - 14, TOP + 14 + (row + 0.5) * line, f"{key} {clip(labels[key], 11)}", at="rm")
        for c, (name, values) in enumerate(columns.items()):
            say = amount if name == "softmax" else number
            self._column(sheet, LEFT + c * EACH, line, name, [(value, say(value)) for value in values[shown].tolist()])
        if found.scale:
            how = f"× {number(found.scale)} (1/√{found.q.shape[-1]})"
            sheet.text(LEFT + EACH + 62, TOP, how, color=FADED, size=10.5)

    @staticmethod
    def _column(sheet: Sheet, x: int, line: float, name: str, values: list[tuple[float, str]]) -> None:
        """Numbers and bars of one step; ``values`` come with how they are said."""
        sheet.text(x, TOP, name, bold=True)
        finite = [value for value, _ in values if np.isfinite(value)]
        low, high = min([0.0, *finite]), max([0.0, *finite])
        room = 130 / ((high - low) or 1.0)
        for row, (value, said) in enumerate(values):
            y = TOP + 14 + (row + 0.5) * line
            sheet.text(x + 52, y, said, color=FADED, at="rm")
            if np.isfinite(value):
                sheet.box(x + 62 - low * room, y - 0.28 * line, value * room, 0.56 * line, PAIR[int(value < 0)])
