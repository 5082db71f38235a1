"""Neurons: the most active ones of a feed-forward network at one token, and the tokens they promote."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

import torch
from torch import Tensor

from gpt2lab.errors import InputError
from gpt2lab.explorer import packing
from gpt2lab.explorer.models import FeedForward
from gpt2lab.explorer.runs import Run
from gpt2lab.explorer.screen import Screen
from gpt2lab.explorer.sheet import LAST, PAIR, TOP, Sheet
from gpt2lab.explorer.views.base import NEURONS, Answer, Likely, Row, View, as_list, no_nan
from gpt2lab.explorer.words import number
from gpt2lab.figures.drawing import clip
from gpt2lab.figures.style import FADED
from gpt2lab.model import GPT2

MOST_NEURONS, MOST_WORDS = 16, 4


@dataclass(frozen=True)
class Moved:
    """The neurons of one layer that are furthest from zero for one token."""

    neurons: list[int]
    pre: Tensor  # before the activation, of these
    post: Tensor  # after it
    words: list[list[str]]  # tokens whose logits each raises
    everything: Tensor  # (d_ff,), all neurons from lowest to highest
    active: int  # how many of all are above zero


def feed_forward(run: Run, layer: int) -> FeedForward:
    """A layer's FFN, which a trace of one's own may lack."""
    run.need_layer(layer)
    ffn = getattr(run.block(layer), "ffn", None)
    if ffn is None:
        raise InputError("this trace has no feed-forward network")
    return ffn


def moved(run: Run, layer: int, token: int, label: Callable[[int], str]) -> Moved:
    """What a token does to the neurons of a layer."""
    ffn = feed_forward(run, layer)
    pre, post = ffn.pre[0, token].float(), no_nan(ffn.post[0, token].float(), "neurons")  # (d_ff,)
    top = post.abs().topk(min(MOST_NEURONS, len(post))).indices
    words = [_raised(run, layer, int(i), float(post[i]), label) for i in top]
    return Moved(top.tolist(), pre[top], post[top], words, post.sort().values, int((post > 0).sum()))


def _raised(run: Run, layer: int, neuron: int, activation: float, label: Callable[[int], str]) -> list[str]:
    """Which tokens a neuron's vector points to, with the sign of its activation."""
    model = cast(GPT2, run.model)
    try:
        column = model.blocks[layer].ffn.down.weight[:, neuron]  # (d_model,)
        with torch.no_grad():
            logits = model.unembed(column * (1.0 if activation >= 0 else -1.0))  # (vocab_size,)
    except (AttributeError, TypeError, IndexError, RuntimeError):
        return []  # a model of one's own need not have these parts
    k = min(MOST_WORDS, len(logits) // 2)
    return [label(int(i)) for i in logits.topk(k).indices]


class Neurons(View):
    """It needs the FFN before and after its activation."""

    name: ClassVar[str] = "neurons"
    asked: ClassVar[tuple[str, ...]] = ("neurons/run/layer/token",)
    code: ClassVar[tuple[str, ...]] = (
        "ffn = trace.blocks[{layer}].ffn",
        "shown = {'pre': ffn.pre[0, {token}], 'post': ffn.post[0, {token}]}",
    )

    def answer(self, screen: Screen, word: str, numbers: Sequence[int]) -> Answer:
        run, layer, token = numbers
        found = moved(screen.run_at(run), layer, token, screen.label)
        meta: dict[str, object] = {
            "neurons": found.neurons,
            "d_ff": len(found.everything),
            "active": found.active,
            "words": [{"up": words} for words in found.words],
        }
        return meta, [packing.floats(part) for part in (found.pre, found.post, found.everything)]

    def questions(self, screen: Screen, run: int, positions: Sequence[int], read: Sequence[int]) -> Iterator[Likely]:
        for t in read:
            yield from ((NEURONS, f"neurons/{run}/{layer}/{t}") for layer in range(screen.runs[run].n_layers))

    def tensors(self, screen: Screen) -> dict[str, Tensor]:
        ffn = feed_forward(screen.run, screen.layer)
        return {"pre": ffn.pre[0, screen.token], "post": ffn.post[0, screen.token]}

    def rows(self, screen: Screen) -> Iterator[Row]:
        tensors = self.tensors(screen)
        yield "layer", "neuron", "pre", "post"
        for i, (pre, post) in enumerate(zip(tensors["pre"].tolist(), tensors["post"].tolist(), strict=True)):
            yield screen.layer, i, pre, post

    def draw(self, sheet: Sheet, screen: Screen) -> None:
        found = moved(screen.run, screen.layer, screen.token, screen.label)
        post = as_list(found.post)
        count = f"{found.active:,} of {len(found.everything):,} neurons are above zero"
        sheet.title(f"Layer {screen.layer}: neurons that {screen.quoted} moves most; {count}{screen.which}")
        line = (LAST - TOP - 10) / MOST_NEURONS
        low, high = min([0.0, *post]), max([0.0, *post])
        room = 320 / ((high - low) or 1.0)
        zero = 110 - low * room
        for x, name, at in ((96, "neuron", "rm"), (110, "activation", "lm"), (540, "raises the logits of", "lm")):
            sheet.text(x, TOP, name, color=FADED, at=at)
        for row, (neuron, value, words) in enumerate(zip(found.neurons, post, found.words, strict=True)):
            y = TOP + 14 + (row + 0.5) * line
            sheet.text(96, y, str(neuron), at="rm")
            sheet.box(zero, y - 0.32 * line, value * room, 0.64 * line, PAIR[int(value < 0)])
            sheet.text(500, y, number(value), color=FADED, at="rm")
            sheet.text(540, y, "   ".join(clip(word, 11) for word in words))
        sheet.line([zero, zero], [TOP + 14, LAST], FADED)
