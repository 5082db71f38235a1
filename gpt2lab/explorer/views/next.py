"""The next token: its distribution as trained and as it is drawn from, before and after a change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from gpt2lab.explorer.runs import Run
from gpt2lab.explorer.screen import Knobs, Screen
from gpt2lab.explorer.sheet import LAST, PAIR, TOP, Sheet
from gpt2lab.explorer.views.base import PREDICTIONS, Answer, Likely, Row, View, no_nan
from gpt2lab.explorer.words import number, percent
from gpt2lab.figures.drawing import clip
from gpt2lab.figures.style import FADED, FONT, INK, SMALL
from gpt2lab.generation import next_token_probabilities

MOST_TOKENS = 12  # of each run
WHOLE = "#eceff3"  # what a bar lies on: as long as 100 %


@dataclass(frozen=True)
class Candidate:
    """A token that may come next; each list has one entry per run."""

    label: str
    id: int
    logit: list[float]
    p: list[float]  # as trained
    sampled: list[float]  # after temperature, top-k and top-p


@dataclass(frozen=True)
class Prediction:
    """The most probable next tokens of all runs."""

    rows: list[Candidate]
    kept: list[int]  # how many tokens each run draws from
    entropy: list[float]  # nats, as trained
    vocab_size: int


def predict(runs: Sequence[Run], token: int, knobs: Knobs, label: Callable[[int], str]) -> Prediction:
    """What comes after a position."""
    logits = [run.logits(token).float().cpu() for run in runs]
    before = [no_nan(x.softmax(dim=-1), "probabilities") for x in logits]
    after = [next_token_probabilities(x, *knobs.arguments) for x in logits]
    chosen: list[int] = []
    for p in before:
        chosen += [i for i in p.topk(min(MOST_TOKENS, len(p))).indices.tolist() if i not in chosen]
    width = min(x.shape[-1] for x in logits)
    return Prediction(
        rows=[
            Candidate(
                label=label(i),
                id=i,
                logit=[float(x[i]) for x in logits],
                p=[float(p[i]) for p in before],
                sampled=[float(p[i]) for p in after],
            )
            for i in chosen
            if i < width
        ],
        kept=[int((p > 0).sum()) for p in after],
        entropy=[float(-(p * p.clamp_min(1e-30).log()).sum()) for p in before],
        vocab_size=width,
    )


def draw(logits: Tensor, knobs: Knobs, number: float) -> int:
    """The token that a number in [0, 1) picks from the sampling distribution of logits (vocab_size,).

    The tokens lie one after the other on a line of length 1, each as long as it is probable. No random
    state is involved, so that whoever computes it gets the same token.
    """
    ends = next_token_probabilities(logits, *knobs.arguments).double().cumsum(dim=-1)
    return int(torch.searchsorted(ends, torch.tensor(number, dtype=ends.dtype) * ends[-1], right=True))


def draw_bars(
    sheet: Sheet, screen: Screen, found: Prediction, *, left: int, top: int, line: float | int, most: int, compact: bool
) -> None:
    """Bars of the most probable next tokens, each on a strip as long as 100 %; two runs stand one under the other."""
    n = len(found.kept)
    rows = sorted(found.rows, key=lambda row: -max(row.p))[:most]
    sampled = not (compact or screen.knobs.as_trained)
    name, room = (104, 160) if compact else (150, 420)
    sheet.text(left, top - 34, screen.asked, size=FONT + 1, bold=True)
    if n > 1:
        for i, which in enumerate(screen.names):
            sheet.box(left + 150 * i, top - 14, 12, 11, PAIR[i])
            sheet.text(left + 150 * i + 18, top - 9, clip(which, 16), size=10.5, color=FADED)
    thick = 0.76 * line / n
    for at, row in enumerate(rows):
        y = top + (at + 0.5) * line
        sheet.text(left + name - 10, y, clip(row.label, 11 if compact else 16), at="rm")
        for i in range(n):
            upper, p, drawn = y + (i - n / 2) * thick, row.p[i], row.sampled[i]
            sheet.box(left + name, upper, room, 0.9 * thick, WHOLE)
            sheet.box(left + name, upper, room * p, 0.9 * thick, PAIR[i])
            if sampled:
                sheet.box(left + name, upper + 0.3 * thick, room * drawn, 0.3 * thick, INK)
            end = max(p, drawn if sampled else 0.0)
            share = "cut" if sampled and drawn == 0 else percent(drawn if sampled else p)
            size = min(SMALL, 0.62 * thick)
            sheet.text(left + name + room * end + 8, upper + 0.45 * thick, share, size=size, color=FADED)


class Next(View):
    """It needs the logits of every run on screen."""

    name: ClassVar[str] = "next"
    asked: ClassVar[tuple[str, ...]] = (  # see Knobs.thousandths; the last number of a draw in millionths
        "next/token/temperature/top_k/top_p",
        "draw/token/temperature/top_k/top_p/number",
    )
    imports: ClassVar[str] = "from gpt2lab.generation import next_token_probabilities"
    code: ClassVar[tuple[str, ...]] = (
        "logits = trace.logits[0, {token}]",
        "shown = {'logits': logits, 'probabilities': next_token_probabilities(logits, {sampling})}",
    )

    def ask(self, token: int, knobs: Knobs) -> str:
        """The question about the token after a position, written as js/store.mjs writes it."""
        return "/".join(map(str, ("next", token, *knobs.thousandths)))

    def answer(self, screen: Screen, word: str, numbers: Sequence[int]) -> Answer:
        if word == "draw":
            token, *thousandths, number = numbers
            knobs = Knobs.from_thousandths(*thousandths)
            return {"id": draw(screen.runs[-1].logits(token).float().cpu(), knobs, number / 1e6)}, []
        token, *thousandths = numbers
        found = predict(screen.runs, token, Knobs.from_thousandths(*thousandths), screen.label)
        meta = {
            "rows": [vars(row) for row in found.rows],
            "kept": found.kept,
            "entropy": found.entropy,
            "vocab_size": found.vocab_size,
        }
        return meta, []

    def questions(self, screen: Screen, run: int, positions: Sequence[int], read: Sequence[int]) -> Iterator[Likely]:
        if run < len(screen.runs) - 1:
            return iter(())  # one answer speaks of all runs
        return ((PREDICTIONS, self.ask(t, screen.knobs)) for t in read)

    def tensors(self, screen: Screen) -> dict[str, Tensor]:
        logits = screen.run.logits(screen.token)
        return {
            "logits": logits,
            "probabilities": next_token_probabilities(logits, *screen.knobs.arguments),
        }

    def rows(self, screen: Screen) -> Iterator[Row]:
        tensors = self.tensors(screen)
        logits, sampled = tensors["logits"].float(), tensors["probabilities"]
        plain = logits.softmax(dim=-1)
        yield "token_id", "token", "logit", "probability", "sampling_probability"
        for token in torch.argsort(logits, descending=True, stable=True).tolist():
            yield token, screen.label(token), float(logits[token]), float(plain[token]), float(sampled[token])

    def draw(self, sheet: Sheet, screen: Screen) -> None:
        found = predict(screen.runs, screen.token, screen.knobs, screen.label)
        line = 33 if len(found.kept) == 1 else 44
        draw_bars(sheet, screen, found, left=16, top=TOP, line=line, most=(LAST - TOP) // line, compact=False)
        kept = ", ".join(f"{n:,}" for n in found.kept)
        entropy = ", ".join(number(e) for e in found.entropy)
        sheet.text(760, TOP + 16, f"drawn from {kept} of {found.vocab_size:,} tokens", color=FADED)
        sheet.text(760, TOP + 40, f"entropy as trained {entropy} nats", color=FADED)
        if not screen.knobs.as_trained:
            temperature, top_k, top_p = screen.knobs.arguments
            cut = "".join([f", top-k {top_k}" if top_k else "", f", top-p {top_p:g}" if top_p else ""])
            sheet.text(760, TOP + 64, f"temperature {temperature:g}{cut}", color=FADED)
            sheet.text(760, TOP + 88, "dark: what is drawn from", color=FADED)
