"""Taking an answer as Python or the page hands it in, and marking it.

``js/marking.mjs`` marks in the page by the same rules; a test binds the two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gpt2lab.errors import InputError, as_real, is_number, is_whole, shown
from gpt2lab.quiz.base import Answer, Mistake, Question

LETTERS = "ABCDEFG"
SLACK = 1e-9  # relative: 0.1 + 0.2 is within a tolerance of 0 around 0.3


@dataclass(frozen=True)
class Reason:
    """Why a part of an answer is wrong, and where that is shown."""

    part: str  # the option, number or cell
    why: str
    see: str


@dataclass(frozen=True)
class Mark:
    """Whether an answer is right, and if not, why. Its text is one line."""

    right: bool
    reasons: tuple[Reason, ...] = ()

    def __repr__(self) -> str:
        return "Right." if self.right else " ".join(["Not right.", *(f"{r.part}: {r.why}" for r in self.reasons)])


def shuffled(question: Question, seed: int) -> tuple[int, ...]:
    """The options in the order in which a learner sees them: the same for the same seed.

    The items of an order never begin in their right order. ``js/shuffle.mjs`` does the same.
    """
    places = range(len(question.options))
    mixed = tuple(sorted(places, key=lambda place: (_hashed(f"{seed} {question.id} {place}"), place)))
    if question.kind == "order" and mixed == tuple(places):
        return (*mixed[1:], mixed[0])
    return mixed


def _hashed(text: str) -> int:
    """FNV-1a, 32 bits, with the final mix of MurmurHash3: short texts that differ little end far apart."""
    value = 0x811C9DC5
    for byte in text.encode("ascii"):
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        value = (value ^ value >> shift) * factor & 0xFFFFFFFF
    return value


def accept(question: Question, answer: object, order: Sequence[int] = ()) -> Answer:
    """An answer in its final form: what JSON can hold, compare and give back.

    Parameters
    ----------
    answer : object
        single: an option; multiple: a list of options; order: a list of all items; number: a number;
        point: (row, column), counted from 0. An option is its text, or its letter as the learner sees it.
    order : sequence of int
        The options as the learner sees them; empty: as they are written.

    Raises
    ------
    InputError
        For anything else: one sentence with what was expected and what came.
    """
    texts = [question.options[place].text for place in order or range(len(question.options))]
    named = {**dict(zip(LETTERS, texts, strict=False)), **{text: text for text in texts}}
    if question.kind == "number":
        return _number(question, answer)
    if question.kind == "point":
        return _cell(question, answer)
    letters = f"A to {LETTERS[len(texts) - 1]}"
    if question.kind == "single":
        if not isinstance(answer, str) or answer not in named:
            raise _refused(question, f"the text of one option or its letter, {letters}", answer)
        return named[answer]
    parts = list(answer) if type(answer) in (list, tuple, set, frozenset) else None  # type: ignore[call-overload]
    if parts is None or not all(isinstance(part, str) and part in named for part in parts):
        raise _refused(question, f"a list of options, by text or letter, {letters}", answer)
    chosen = [named[part] for part in parts]
    if question.kind == "order" and sorted(chosen) == sorted(texts) and not isinstance(answer, set | frozenset):
        return tuple(chosen)
    if question.kind == "order":
        raise _refused(question, f"all {len(texts)} items in a list, each once", answer)
    if not chosen:
        raise _refused(question, "at least one option", answer)
    return tuple(option.text for option in question.options if option.text in chosen)


def _number(question: Question, answer: object) -> float:
    try:  # tensors and arrays of one element
        value = answer.item() if hasattr(answer, "item") else answer  # a learner's object may raise anything
    except Exception:
        value = None
    if not is_number(value) or not math.isfinite(as_real(value)):
        unit = f" ({question.unit})" if question.unit else ""
        raise _refused(question, f"a finite number{unit}", answer)
    return as_real(value)


def _cell(question: Question, answer: object) -> tuple[int, int]:
    assert question.grid is not None
    n_rows, n_columns = len(question.grid.rows), len(question.grid.columns)
    parts = list(answer) if type(answer) in (list, tuple) else []  # type: ignore[call-overload]
    if len(parts) == 2 and all(map(is_whole, parts)):
        row, column = int(parts[0]), int(parts[1])
        if 0 <= row < n_rows and 0 <= column < n_columns:
            return row, column
    expected = f"(row, column), counted from 0, below ({n_rows}, {n_columns})"
    raise _refused(question, expected, answer)


def _refused(question: Question, expected: str, answer: object) -> InputError:
    got = " ".join(shown(answer).split())
    return InputError(f"the answer to {question.id} must be {expected}; got {got}")


def mark(question: Question, answer: Answer) -> Mark:
    """Mark an answer that ``accept`` has taken."""
    reasons = tuple(_MARKERS[question.kind](question, answer))
    return Mark(not reasons, reasons)


def _choice(question: Question, answer: Answer) -> list[Reason]:
    chosen = (answer,) if isinstance(answer, str) else answer
    assert isinstance(chosen, tuple)
    found = [
        Reason(option.text, option.why, option.see or question.see)
        for option in question.options
        if option.text in chosen and not option.right
    ]
    missed = "This one is right, too."
    return found + [
        Reason(option.text, option.why or missed, option.see or question.see)
        for option in question.options
        if option.right and option.text not in chosen and question.kind == "multiple"
    ]


def _order(question: Question, answer: Answer) -> list[Reason]:
    """The first item that stands before the one it must follow."""
    assert isinstance(answer, tuple)
    place = {text: n for n, text in enumerate(answer)}
    for before, option in zip(question.options, question.options[1:], strict=False):
        if place[option.text] < place[before.text]:
            part = f"“{before.text}” comes before “{option.text}”"
            return [Reason(part, option.why, option.see or question.see)]
    return []


def _numbers(question: Question, answer: Answer) -> list[Reason]:
    assert isinstance(answer, int | float)
    if _near(answer, question.value, question.tolerance):
        return []
    made = [(mistake, mistake.value) for mistake in question.wrong]
    known = [mistake for mistake, value in made if value is not None and _near(answer, value, question.tolerance)]
    part = f"{answer:,.0f}" if answer == round(answer) and abs(answer) < 1e15 else f"{answer:.6g}"
    return [_reason(question, part, known)]


def _near(answer: int | float, value: int | float, tolerance: int | float) -> bool:
    return abs(answer - value) <= tolerance + SLACK * abs(value)


def _cells(question: Question, answer: Answer) -> list[Reason]:
    grid = question.grid
    assert grid is not None and isinstance(answer, tuple)
    if answer in grid.right:
        return []
    row, column = answer
    part = f"row {grid.rows[int(row)]}, column {grid.columns[int(column)]}"
    return [_reason(question, part, [found for found in question.wrong if answer in found.cells])]


def _reason(question: Question, part: str, known: list[Mistake]) -> Reason:
    if known:
        return Reason(part, known[0].why, known[0].see or question.see)
    return Reason(part, question.why, question.see)


_MARKERS = {"single": _choice, "multiple": _choice, "order": _order, "number": _numbers, "point": _cells}
