"""Direct logit attribution: what each part adds to the logit of one token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, cast

from torch import Tensor

from gpt2lab.errors import InputError
from gpt2lab.explorer import packing
from gpt2lab.explorer.runs import Run, is_gpt2
from gpt2lab.explorer.screen import Screen
from gpt2lab.explorer.sheet import LAST, PAIR, TOP, Sheet
from gpt2lab.explorer.views.base import LAYERS, Answer, Likely, Row, View, no_nan
from gpt2lab.explorer.words import number
from gpt2lab.figures.drawing import clip
from gpt2lab.figures.style import FADED
from gpt2lab.studies import attribution as study
from gpt2lab.trace import BlockTrace

MOST_PARTS = 16  # in a picture, the largest


def attribute(run: Run, position: int, token: int) -> study.Attribution:
    """What the parts of a run add to a token's logit."""
    model = run.model
    if not is_gpt2(model):
        raise InputError("attribution needs a GPT2 of gpt2lab: this model's parts are not known")
    if not 0 <= token < len(run.logits(position)):
        raise InputError(f"this model has no token {token}")
    blocks = (cast(BlockTrace, run.block(i)) for i in range(run.n_layers))
    with run.changed():
        found = study.attribution(model, run.tokens, blocks, position, token)
    no_nan(found.logit, "logits")
    return found


def named(found: study.Attribution) -> list[tuple[str, float]]:
    """The parts by name, in the order of ``Attribution.flat``."""
    names = ["token", "position", "patched"]
    for i, layer in enumerate(found.layers):
        names += [f"head {i}.{j}" for j in range(len(layer.heads))]
        names += [f"attention bias {i}", f"ffn {i}", f"ffn bias {i}"]
    return list(zip([*names, "final norm bias"], found.flat().tolist(), strict=True))


class Attribution(View):
    """It needs a GPT2 whose parts add up on the stream. The file and the picture are about the likeliest token."""

    name: ClassVar[str] = "attribution"
    asked: ClassVar[tuple[str, ...]] = ("attribution/run/position/token",)
    imports: ClassVar[str] = "from gpt2lab.studies.attribution import attribution"
    code: ClassVar[tuple[str, ...]] = (
        "answer = int(trace.logits[0, {token}].argmax())",
        "shown = {'parts': attribution(model, tokens, trace.blocks, {token}, answer).flat()}  # they sum to its logit",
    )

    def answer(self, screen: Screen, word: str, numbers: Sequence[int]) -> Answer:
        run, position, token = numbers
        found = attribute(screen.run_at(run), position, token)
        return {"logit": float(found.logit), "heads": [len(layer.heads) for layer in found.layers]}, [
            packing.floats(found.flat())
        ]

    def questions(self, screen: Screen, run: int, positions: Sequence[int], read: Sequence[int]) -> Iterator[Likely]:
        for t in read:
            for token in {int(one.logits(t).argmax()) for one in screen.runs if one.predicts(t)}:
                yield LAYERS, f"attribution/{run}/{t}/{token}"

    def tensors(self, screen: Screen) -> dict[str, Tensor]:
        return {"parts": self._of_answer(screen)[1].flat()}

    def rows(self, screen: Screen) -> Iterator[Row]:
        token, found = self._of_answer(screen)
        yield "part", "token_id", "token", "logit"
        for name, value in named(found):
            yield name, token, screen.label(token), value

    def draw(self, sheet: Sheet, screen: Screen) -> None:
        token, found = self._of_answer(screen)
        said = f"What adds to the logit of ‘{clip(screen.label(token), 14)}’ after {screen.quoted}"
        sheet.title(f"{said}: {number(found.logit)} in all{screen.which}")
        parts = named(found)
        shown = sorted(parts, key=lambda part: -abs(part[1]))[:MOST_PARTS]
        line, zero = (LAST - TOP) / MOST_PARTS, 560
        room = 300 / max(1e-9, *(abs(value) for _, value in shown))
        for row, (name, value) in enumerate(shown):
            y = TOP + (row + 0.5) * line
            sheet.text(150, y, name, at="rm")
            sheet.box(zero, y - 0.36 * line, value * room, 0.72 * line, PAIR[int(value > 0)])
            sheet.text(
                zero + value * room + (8 if value >= 0 else -8), y, number(value), at="lm" if value >= 0 else "rm"
            )
        if len(shown) < len(parts):
            sheet.text(900, LAST, f"the largest {len(shown)} of {len(parts)} parts", color=FADED, at="rm")

    @staticmethod
    def _of_answer(screen: Screen) -> tuple[int, study.Attribution]:
        token = int(screen.run.logits(screen.token).argmax())
        return token, attribute(screen.run, screen.token, token)
