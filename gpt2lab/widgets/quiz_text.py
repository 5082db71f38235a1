"""A quiz as plain text: for a notebook that is not run, for a terminal, and for the comparison of outputs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from gpt2lab.quiz import Question, shuffled
from gpt2lab.quiz.attempts import Attempt
from gpt2lab.quiz.marking import LETTERS

ASKS = {
    "single": "choose one",
    "multiple": "choose all that are right",
    "number": "give a number",
    "order": "put in order",
    "point": "give the row and the column of a cell",
}


def as_text(questions: Sequence[Question], tried: Mapping[str, Attempt], seed: int) -> str:
    """The questions with their options as the learner sees them; what is answered carries a mark."""
    head = f"Quiz: {len(questions)} questions\n\n" if len(questions) > 1 else "Quiz: "
    return head + "\n\n".join("\n".join(_lines(each, tried.get(each.id, Attempt()), seed)) for each in questions)


def _lines(question: Question, tried: Attempt, seed: int) -> list[str]:
    state = "" if tried.answer is None else " ✓ right" if tried.right else " ✗ not right yet"
    lines = [f"{question.id} ({ASKS[question.kind]}) {question.text}{state}"]
    lines += [f"    {line}" for line in question.code.splitlines()]
    if question.grid is not None:
        return lines + _map(question)
    if question.kind == "number":
        return [*lines, f"  ____ {question.unit}".rstrip()]
    chosen = tried.answer if isinstance(tried.answer, tuple) else (tried.answer,)
    for letter, place in zip(LETTERS, shuffled(question, seed), strict=False):
        text = question.options[place].text
        box = "" if question.kind == "order" else "(•) " if text in chosen else "( ) "
        lines.append(f"  {letter} {box}{text}")
    return lines


def _map(question: Question) -> list[str]:
    grid = question.grid
    assert grid is not None
    cells = [["" if math.isnan(value) else f"{value:g}" for value in row] for row in grid.values]
    table = [["", *grid.columns], *([label, *row] for label, row in zip(grid.rows, cells, strict=True))]
    widths = [max(len(row[n]) for row in table) for n in range(len(grid.columns) + 1)]
    lines = ("  ".join(part.rjust(width) for part, width in zip(row, widths, strict=True)) for row in table)
    return [f"  {line}".rstrip() for line in lines]
