"""Patching: put another value into a place by a click, and what a patch of each place alone does to the answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from gpt2lab.errors import InputError
from gpt2lab.explorer import packing, patches
from gpt2lab.explorer.runs import Run
from gpt2lab.explorer.screen import Screen
from gpt2lab.explorer.sheet import LAST, PAIR, TOP, Sheet
from gpt2lab.explorer.views.base import Answer, Row, View, no_nan
from gpt2lab.explorer.words import number
from gpt2lab.figures.drawing import clip
from gpt2lab.figures.style import FADED
from gpt2lab.studies.patch_effects import effects, margin, part_words
from gpt2lab.studies.patch_words import SOURCES, read

MOST_PARTS = 16  # in a picture, the largest


def measure(screen: Screen, words: Sequence[str], position: int, token: int, against: int) -> Tensor:
    """What each patch of one layer does to the margin, alone: (n,); 0 for a part that is off."""
    base = _base(screen)
    put = patches.put(read(words, base.shape), base, screen.donor)
    found = torch.zeros(len(words))
    if put.patches and base.stream is not None:
        before = base.stream[put.patches[0].layer][None]
        with base.changed():
            values = effects(patches.need(base.model), put, before, position, token, against)
        at = [words.index(patch.word) for patch in put.patches]
        found[at] = no_nan(values, "effects").float().cpu()
    return found


def _base(screen: Screen) -> Run:
    base = screen.base
    if base is None:
        raise InputError("there is nothing to patch yet")
    patches.need(base.model)
    return base


class Patch(View):
    """It needs a model whose places are known. The file and the picture take every part away from the likeliest token.

    It is about the first sentence with what is off and nothing patched, whatever is patched on screen.
    """

    name: ClassVar[str] = "patch"
    asked: ClassVar[tuple[str, ...]] = (
        "parteffects/source/position/token/against/at/layer",
        "streameffects/source/position/token/against/layer",
        "edgeeffects/source/position/token/against/layer/head/query",
    )
    of_base: ClassVar[bool] = True
    imports: ClassVar[str] = "from gpt2lab.studies.patch_effects import part_effects"
    code: ClassVar[tuple[str, ...]] = (
        "answer = int(trace.logits[0, {token}].argmax())",
        "shown = {f'layer {i}': part_effects(model, tokens, i, 'zero', {token}, answer)",
        "         for i in range(len(model.blocks))}  # heads, then the feed-forward network",
    )

    def answer(self, screen: Screen, word: str, numbers: Sequence[int]) -> Answer:
        base = _base(screen)
        index, position, token, against, *place = numbers
        if index >= len(SOURCES):
            raise InputError(f"there is no source {index}")
        source = SOURCES[index]
        if source == "other" and screen.donor is None:
            raise InputError(screen.no_other)
        if position >= base.T:
            raise InputError(f"there is no position {position}")
        for one in (token, against):
            if one >= len(base.logits(position)):
                raise InputError(f"this model has no token {one}")
        words, asked = self._words(base, word, place, source)
        found = torch.zeros(len(asked))
        found[asked] = measure(screen, words, position, token, against)
        before, other = (
            None if run is None else float(margin(run.logits(position), token, against)) for run in (base, screen.donor)
        )
        return {"before": before, "other": other}, [packing.floats(found)]

    @staticmethod
    def _words(base: Run, word: str, place: Sequence[int], source: str) -> tuple[list[str], Tensor]:
        """The patches of a question, and for which entries of its answer they are: bool."""
        if word == "parteffects":
            at, layer = place
            base.need_layer(layer)
            if at > base.T:
                raise InputError(f"there is no position {at - 1}")
            words = part_words(base.shape[layer], layer, source, at - 1 if at else None)
            return words, torch.ones(len(words), dtype=torch.bool)
        if word == "streameffects":
            base.need_layer(place[0])
            return [f"stream {place[0]} {t} {source}" for t in range(base.T)], torch.ones(base.T, dtype=torch.bool)
        layer, head, query = place
        base.need_head(layer, head)
        if query >= base.T:
            raise InputError(f"there is no position {query}")
        mask = getattr(base.block(layer).attn, "mask", None)
        seen = torch.ones(base.T, dtype=torch.bool) if mask is None else mask[query].cpu()
        return [f"edge {layer}.{head} {query}>{key} {source}" for key in seen.nonzero()[:, 0].tolist()], seen

    def tensors(self, screen: Screen) -> dict[str, Tensor]:
        base, token = self._of_answer(screen)
        words = {f"layer {i}": part_words(heads, i, "zero") for i, heads in enumerate(base.shape)}
        return {name: measure(screen, each, screen.token, token, token) for name, each in words.items()}

    def rows(self, screen: Screen) -> Iterator[Row]:
        token = self._of_answer(screen)[1]
        yield "patch", "token_id", "token", "effect"
        for name, value in self._named(screen):
            yield name, token, screen.label(token), value

    def draw(self, sheet: Sheet, screen: Screen) -> None:
        token = self._of_answer(screen)[1]
        parts = self._named(screen)
        answer = clip(screen.label(token), 14)
        sheet.title(f"What each part’s absence does to the logit of ‘{answer}’ after {screen.quoted}")
        shown = sorted(parts, key=lambda part: -abs(part[1]))[:MOST_PARTS]
        line, zero = (LAST - TOP) / MOST_PARTS, 560
        room = 300 / max(1e-9, *(abs(value) for _, value in shown))
        for row, (name, value) in enumerate(shown):
            y = TOP + (row + 0.5) * line
            sheet.text(170, y, name.removesuffix(" all zero"), at="rm")
            sheet.box(zero, y - 0.36 * line, value * room, 0.72 * line, PAIR[int(value > 0)])
            end = zero + value * room + (8 if value >= 0 else -8)
            sheet.text(end, y, number(value), at="lm" if value >= 0 else "rm")
        if len(shown) < len(parts):
            sheet.text(900, LAST, f"the largest {len(shown)} of {len(parts)} parts", color=FADED, at="rm")

    def _named(self, screen: Screen) -> list[tuple[str, float]]:
        base = _base(screen)
        words = [word for layer, heads in enumerate(base.shape) for word in part_words(heads, layer, "zero")]
        values = torch.cat(list(self.tensors(screen).values())).tolist()
        return list(zip(words, values, strict=True))

    @staticmethod
    def _of_answer(screen: Screen) -> tuple[Run, int]:
        base = _base(screen)
        return base, int(base.logits(screen.token).argmax())
