"""The logit lens: what the model would say if it stopped after each block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from gpt2lab.explorer import packing
from gpt2lab.explorer.runs import Run
from gpt2lab.explorer.screen import Screen
from gpt2lab.explorer.sheet import LAST, TOP, Sheet
from gpt2lab.explorer.views.base import LAYERS, Answer, Likely, Row, View, as_list, no_nan
from gpt2lab.explorer.words import amount
from gpt2lab.figures.drawing import clip
from gpt2lab.figures.style import FADED, INK, SMALL
from gpt2lab.figures.weights import WEIGHTS

MOST_TOKENS, MOST_IN_FILE = 5, 10


@dataclass(frozen=True)
class Readings:
    """The stream read off after 0, 1, … blocks: n_layers + 1 rows."""

    answer: int  # what the whole model finds most probable
    ranks: list[int]  # of the answer
    chances: Tensor  # (n_layers + 1,), probability of the answer
    tokens: list[list[int]]  # the most probable ones
    top: Tensor  # (n_layers + 1, MOST_TOKENS), their probabilities
    vocab_size: int


def readings(run: Run, token: int) -> Readings:
    """What each layer would predict, and where the model's answer ranks in it."""
    logits = run.lens(token)  # (n_layers + 1, vocab_size)
    answer = int(run.logits(token).argmax())
    probabilities = no_nan(logits.softmax(dim=-1), "probabilities")
    top = probabilities.topk(min(MOST_TOKENS, logits.shape[-1]), dim=-1)
    ranks = (logits > logits[:, answer, None]).sum(dim=-1) + 1  # (n_layers + 1,)
    tokens = top.indices.tolist()
    return Readings(answer, ranks.tolist(), probabilities[:, answer], tokens, top.values, logits.shape[-1])


class Lens(View):
    """It needs the residual stream, a model with ``ln_f`` and ``unembed``, and logits."""

    name: ClassVar[str] = "lens"
    asked: ClassVar[tuple[str, ...]] = ("lens/run/token",)
    code: ClassVar[tuple[str, ...]] = (
        "before = [block.resid_pre[0, {token}] for block in trace.blocks]",
        "stream = torch.stack([*before, trace.resid_final[0, {token}]])",
        "shown = {'logits': model.unembed(model.ln_f(stream))}  # one row per layer: stop here, read off",
    )

    def answer(self, screen: Screen, word: str, numbers: Sequence[int]) -> Answer:
        found = readings(screen.run_at(numbers[0]), numbers[1])
        meta: dict[str, object] = {
            "answer": screen.label(found.answer),
            "ranks": found.ranks,
            "vocab_size": found.vocab_size,
            "labels": [[screen.label(i) for i in row] for row in found.tokens],
            "final": [[i == found.answer for i in row] for row in found.tokens],
        }
        return meta, [packing.floats(found.top), packing.floats(found.chances)]

    def questions(self, screen: Screen, run: int, positions: Sequence[int], read: Sequence[int]) -> Iterator[Likely]:
        return ((LAYERS, f"lens/{run}/{t}") for t in read)

    def tensors(self, screen: Screen) -> dict[str, Tensor]:
        return {"logits": screen.run.lens(screen.token)}

    def rows(self, screen: Screen) -> Iterator[Row]:
        logits = screen.run.lens(screen.token)
        yield "blocks_done", "rank", "token_id", "token", "probability"
        for i, row in enumerate(logits.softmax(dim=-1)):
            for rank, token in enumerate(row.topk(min(MOST_IN_FILE, len(row))).indices.tolist()):
                yield i, rank + 1, token, screen.label(token), float(row[token])

    def draw(self, sheet: Sheet, screen: Screen) -> None:
        found = readings(screen.run, screen.token)
        p, chances = found.top.cpu().tolist(), as_list(found.chances)
        answer = clip(screen.label(found.answer), 14)
        where = "in the place of" if screen.run.fills_blanks else "after"
        said = f"What each block would say {where} {screen.quoted}; the answer is ‘{answer}’"
        sheet.title(said + screen.which)
        n = len(found.tokens)
        line = min(30.0, (LAST - TOP - 14) / n)
        size = min(SMALL, 0.5 * line)
        for x, name in ((16, "blocks done"), (126, "answer: rank · p"), (290, "most probable tokens")):
            sheet.text(x, TOP, name, color=FADED)
        for row, tokens in enumerate(found.tokens):
            y = TOP + 14 + (row + 0.5) * line
            sheet.text(100, y, f"{row} (all)" if row == n - 1 else str(row), size=size, at="rm")
            sheet.text(126, y, f"{found.ranks[row]:,} · {amount(chances[row])}", size=size)
            for c, token in enumerate(tokens):
                x, colour = 290 + c * 150, WEIGHTS(p[row][c] ** 0.5)
                ink = "white" if sum(colour[:3]) < 1.5 else INK
                sheet.box(x, y - line / 2 + 1, 146, line - 2, colour)
                word = clip(screen.label(token), 11)
                sheet.text(x + 7, y, word, size=size, color=ink, bold=token == found.answer)
                sheet.text(x + 140, y, amount(p[row][c]), size=size, color=ink, at="rm")
