"""Direct logit attribution: what each head and each network adds to the logit of one token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

import torch
from torch import Tensor

from gpt2lab.errors import InputError
from gpt2lab.explorer import changes, packing
from gpt2lab.explorer.attribution import attribute
from gpt2lab.explorer.runs import Run
from gpt2lab.explorer.screen import Screen
from gpt2lab.explorer.sheet import LAST, TOP, Sheet
from gpt2lab.explorer.views.base import LATER, Answer, Likely, Row, View, as_list, no_nan
from gpt2lab.explorer.words import number
from gpt2lab.figures.drawing import clip
from gpt2lab.figures.style import FADED, INK, SIGNED, SMALL
from gpt2lab.trace import BlockTrace

CHOICES = 8  # the likeliest tokens, which can be asked about


@dataclass(frozen=True)
class Shares:
    """What each part adds to one logit, or to the difference of two."""

    target: int
    against: int | None
    names: list[str]
    values: Tensor  # (n_parts,)
    choices: list[int]


def parts_of(run: Run, token: int) -> dict[str, Tensor]:
    """What each part of a run adds to the logits after a token: (vocab_size,) each, by name."""
    model = run.model
    if run.stream is None or not changes.possible(model) or not hasattr(model, "ln_f"):
        raise InputError("attribution needs a model that is built from gpt2lab's blocks, and its residual stream")
    if not all(hasattr(model, name) for name in ("token_embedding", "unembed")):
        raise InputError("attribution needs a model with token_embedding, ln_f and unembed")
    blocks = (cast(BlockTrace, run.block(layer)) for layer in range(run.n_layers))
    with torch.no_grad(), changes.applied(model, run.ablated):
        return attribute(model, blocks, run.tokens, token)


def shares(run: Run, token: int, target: int, against: int) -> Shares:
    """``target`` and ``against`` are ids plus one; 0 is the likeliest token, and nothing to compare with."""
    logits = no_nan(run.logits(token), "logits")
    choices = logits.topk(min(CHOICES, len(logits))).indices.tolist()
    for word in (target, against):
        if word > len(logits):
            raise InputError(f"this model has no token {word - 1}, the last is {len(logits) - 1}")
    first = target - 1 if target else choices[0]
    second = against - 1 if against else None
    parts = parts_of(run, token)
    values = torch.stack([part[first] if second is None else part[first] - part[second] for part in parts.values()])
    return Shares(first, second, list(parts), no_nan(values.float(), "shares"), choices)


def grid(names: Sequence[str]) -> list[list[str]]:
    """The parts in rows as they are drawn: the embeddings, each layer with its heads first, the final norm."""
    layers: dict[str, list[str]] = {}
    for name in names[2:-1]:
        layers.setdefault(name.split(" ")[1].split(".")[0], []).append(name)
    return [list(names[:2]), *layers.values(), [names[-1]]]


class Attribution(View):
    """It needs a model of gpt2lab's blocks whose logits are a sum of what the parts write."""

    name: ClassVar[str] = "attribution"
    asked: ClassVar[tuple[str, ...]] = ("attribution/run/token/target/against",)
    imports: ClassVar[str] = "from gpt2lab.explorer.attribution import attribute"
    code: ClassVar[tuple[str, ...]] = (
        "shown = attribute(model, trace.blocks, tokens, {token})  # they sum to the logits",
    )

    def answer(self, screen: Screen, word: str, numbers: Sequence[int]) -> Answer:
        found = shares(screen.run_at(numbers[0]), *numbers[1:])
        meta: dict[str, object] = {
            "target": found.target,
            "against": -1 if found.against is None else found.against,
            "labels": [screen.label(found.target), "" if found.against is None else screen.label(found.against)],
            "choices": [[i, screen.label(i)] for i in found.choices],
            "names": found.names,
        }
        return meta, [packing.floats(found.values)]

    def questions(self, screen: Screen, run: int, positions: Sequence[int], read: Sequence[int]) -> Iterator[Likely]:
        return ((LATER, f"attribution/{run}/{t}/0/0") for t in read)

    def tensors(self, screen: Screen) -> dict[str, Tensor]:
        return parts_of(screen.run, screen.token)

    def rows(self, screen: Screen) -> Iterator[Row]:
        found = shares(screen.run, screen.token, 0, 0)
        yield "part", "token_id", "token", "adds_to_logit"
        for name, value in zip(found.names, as_list(found.values), strict=True):
            yield name, found.target, screen.label(found.target), value

    def draw(self, sheet: Sheet, screen: Screen) -> None:
        found = shares(screen.run, screen.token, 0, 0)
        said = dict(zip(found.names, as_list(found.values), strict=True))
        total = sum(said.values())
        answer = clip(screen.label(found.target), 14)
        sheet.title(f"After {screen.quoted}: what adds up to the logit {number(total)} of ‘{answer}’{screen.which}")
        rows = grid(found.names)
        high = min(34.0, (LAST - TOP - 20) / len(rows))
        wide = min(96.0, 900 / max(map(len, rows)))
        most = max(map(abs, said.values())) or 1.0
        size = min(SMALL, 0.42 * high)
        for r, names in enumerate(rows):
            y = TOP + 20 + (r + 0.5) * high
            sheet.text(118, y, row_name(names), size=size, at="rm", color=FADED)
            for c, name in enumerate(names):
                x, colour = 126 + c * wide, SIGNED(0.5 + 0.5 * said[name] / most)
                sheet.box(x, y - high / 2 + 1, wide - 2, high - 2, colour)
                ink = "white" if sum(colour[:3]) < 1.5 else INK
                sheet.text(x + wide / 2, y, number(said[name]), size=min(size, 0.19 * wide), at="mm", color=ink)
        for c, name in enumerate(column_names(rows)):
            sheet.text(126 + (c + 0.5) * wide, TOP + 8, name, size=min(size, 0.17 * wide), color=FADED, at="mm")


def row_name(names: Sequence[str]) -> str:
    """What stands before a row of the grid."""
    if "token" in names:
        return "token, position"
    return "norm's bias" if "final norm" in names else f"layer {names[-1].split(' ')[1]}"


def column_names(rows: Sequence[Sequence[str]]) -> list[str]:
    """What stands above the columns of the layers; the other rows name themselves."""
    widest = max(rows[1:-1], key=len)
    return [*(f"head {h}" for h in range(len(widest) - 2)), "bias", "FFN"]
