"""What a chapter asks, found in its cells and in its quiz: predictions with their answers, questions by section."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nbformat import NotebookNode

from gpt2lab import quiz
from gpt2lab.course import cells
from gpt2lab.course.teach.sections import Section, plain
from gpt2lab.quiz import Question
from gpt2lab.quiz.base import place

_ASKED = re.compile(r"^(\w+) *= *Predict\(", flags=re.M)
_COMPARED = re.compile(r"\b(\w+)\.compare\(")
_MEASURED = re.compile(r"^Measured: .+$", flags=re.M)


@dataclass(frozen=True)
class Prediction:
    """A question that is asked before the measurement, and what was measured."""

    cell: str  # the id of the cell that asks
    question: str
    options: tuple[str, ...]
    answer: str  # such as 'Measured: 9.'; empty if no cell compares
    answered: str = ""  # the id of the cell that compares


def predictions(cells_: Iterable[NotebookNode]) -> list[Prediction]:
    """The predictions in cells that were run, in order, each with the answer that a later cell stores."""
    found: dict[str, Prediction] = {}
    for cell in cells_:
        if cell.cell_type != "code":
            continue
        shown = "\n".join(cells.texts(cell))
        for variable in _ASKED.findall(cell.source):
            question, options = _question(shown)
            found[variable] = Prediction(cell.id, question, options, "")
        for variable in _COMPARED.findall(cell.source):
            measured = _MEASURED.search(shown)
            if measured and variable in found and not found[variable].answer:
                asked = found[variable]
                found[variable] = Prediction(asked.cell, asked.question, asked.options, measured[0], cell.id)
    return list(found.values())


def _question(shown: str) -> tuple[str, tuple[str, ...]]:
    """Question and options, out of how a Predict describes itself."""
    text = shown.partition("Predict: ")[2]
    question, *lines = text.splitlines() or [""]
    return question, tuple(line.strip().removeprefix("( ) ") for line in lines if line.strip().startswith("( ) "))


def asked_in(section: Section, chapter: str) -> list[Question]:
    """The questions of the chapter's quiz whose answer this section shows."""
    headings = {plain(heading) for cell in section.cells for heading in cells.headings(cell)}
    known = quiz.of_chapter(chapter) if chapter in quiz.chapters() else ()
    return [each for each in known if _is_shown(each, chapter, headings)]


def _is_shown(question: Question, chapter: str, headings: set[str]) -> bool:
    where, heading = place(question.see, chapter)
    return where == chapter and heading in headings


def wrong_answers(question: Question) -> list[tuple[str, str]]:
    """What people answer, and why that is wrong; an order has no wrong answers of its own."""
    options = [(option.text, option.why) for option in question.options if not option.right and option.why]
    numbers = [
        (_number(mistake.value, question.unit), mistake.why) for mistake in question.wrong if mistake.value is not None
    ]
    return ([] if question.kind == "order" else options) + numbers


def _number(value: float, unit: str) -> str:
    text = f"{value:,.0f}" if value == round(value) else f"{value:g}"
    return f"{text} {unit}".strip()


def without_section(chapter: str, found: Sequence[Section]) -> list[Question]:
    """The questions of a quiz that point to no section of their chapter, such as those that point to another one."""
    shown = {question.id for section in found for question in asked_in(section, chapter)}
    known = quiz.of_chapter(chapter) if chapter in quiz.chapters() else ()
    return [question for question in known if question.id not in shown]
