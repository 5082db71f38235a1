"""The page of a quiz: its program, its style sheet, and what it is told of each question.

The same program asks in a notebook, where Python keeps the answers, and in a page without Python, where the
browser does; ``js/hosts.mjs`` has both. The right answers travel with the questions: a quiz is for the
learner, and its page marks without a kernel.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from gpt2lab.figures import javascript
from gpt2lab.quiz import Question
from gpt2lab.quiz.base import place
from gpt2lab.quiz.places import anchor

MODULES = ("marking", "shuffle", "session", "hosts", "see", "fields", "pages", "quiz")
SHARED = ("dom", "theme")  # with the explorer
See = dict[str, str]


@functools.cache
def module() -> str:
    """All modules as one program that defines ``render`` for anywidget, ``showQuiz`` and ``storageHost``."""
    ours = resources.files("gpt2lab.widgets").joinpath("js")
    shared = resources.files("gpt2lab.explorer").joinpath("js")
    parts = [*(shared.joinpath(f"{name}.mjs") for name in SHARED), *(ours.joinpath(f"{name}.mjs") for name in MODULES)]
    return javascript.joined(part.read_text(encoding="utf-8") for part in parts)


@functools.cache
def esm() -> str:
    """The same as the ES module that anywidget wants."""
    return module() + "export default { render };\n"


@functools.cache
def css() -> str:
    """The style sheet."""
    return resources.files("gpt2lab.widgets").joinpath("quiz.css").read_text(encoding="utf-8")


def as_json(
    title: str, chapter: str, questions: Sequence[Question], seed: int, folder: Path | None = None
) -> dict[str, object]:
    """What ``showQuiz`` needs to ask them.

    Parameters
    ----------
    chapter : str
        The notebook or page around the quiz: a heading of it is looked for there.
    seed : int
        For the order of the options.
    folder : Path or None
        Where the chapters lie, if the links shall lead to their headings.
    """
    asked = [_question(each, folder) for each in questions]
    return {"title": title, "chapter": chapter, "seed": seed, "questions": asked}


def _question(question: Question, folder: Path | None) -> dict[str, object]:
    grid = question.grid

    def to(see: str) -> See | None:
        return _see(see, question.chapter, folder)

    return {
        "id": question.id, "chapter": question.chapter, "kind": question.kind, "text": question.text,
        "code": question.code, "answer": question.answer, "see": to(question.see),
        "options": [
            {"text": option.text, "right": option.right, "why": option.why, "see": to(option.see)}
            for option in question.options
        ],
        "value": question.value, "tolerance": question.tolerance, "unit": question.unit, "why": question.why,
        "wrong": [
            {"value": mistake.value, "cells": list(map(list, mistake.cells)), "why": mistake.why,
             "see": to(mistake.see)}
            for mistake in question.wrong
        ],
        "grid": grid and {
            "values": [[None if math.isnan(value) else value for value in row] for row in grid.values],
            "rows": list(grid.rows), "columns": list(grid.columns), "right": list(map(list, grid.right)),
            "down": grid.down, "across": grid.across,
        },
    }  # fmt: skip


def _see(text: str, chapter: str, folder: Path | None) -> See | None:
    """The chapter and the heading that a ``see`` names, and the way there; None if it names none."""
    if not text:
        return None
    stem, heading = place(text, chapter)
    return {"chapter": stem, "heading": heading, "anchor": anchor(folder, stem, heading) if folder and stem else ""}
