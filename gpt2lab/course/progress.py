"""`gpt2lab progress`: what a learner has done, chapter by chapter, from work/answers.json."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from gpt2lab import records
from gpt2lab.course import cells, minutes, navigation, workspace

HEAD = ("chapter", "predictions", "right", "exercises", "quizzes")
NONE = "–"  # there is nothing of the kind in the chapter


@dataclass(frozen=True)
class Progress:
    """Of one chapter."""

    chapter: str
    predictions: int  # questions answered
    asked: int
    right: int  # predictions that came true
    exercises: int  # that passed
    set: int
    quizzes: int  # questions answered

    @property
    def row(self) -> tuple[str, ...]:
        """As the table shows it."""
        predicted, solved = self.asked or self.predictions, self.set or self.exercises
        return (
            self.chapter,
            f"{self.predictions} of {self.asked}" if predicted else NONE,
            str(self.right) if self.predictions else "",
            f"{self.exercises} of {self.set}" if solved else NONE,
            str(self.quizzes) if self.quizzes else NONE,
        )


def progress_command(arguments: list[str]) -> int:
    """`gpt2lab progress`"""
    description = "Say which predictions and exercises are done, from work/answers.json."
    argparse.ArgumentParser("gpt2lab progress", description=description).parse_args(arguments)
    root = workspace.course_root()
    print("\n".join(table(progress(root))))
    return 0


def progress(root: Path) -> list[Progress]:
    """One row for each chapter of the course, then one for each other notebook with records.

    Raises
    ------
    CheckpointError
        If work/answers.json is damaged.
    """
    kept = records.read(root / "work")
    chapters = navigation.present(root / "chapters")
    others = sorted({name for kind in records.KINDS for name in kept[kind]} - set(chapters))
    rows = [_of(stem, cells.read(root / "chapters" / f"{stem}.ipynb"), kept) for stem in chapters]
    return rows + [_of(name, None, kept) for name in others]


def _of(chapter: str, notebook: NotebookNode | None, kept: records.Records) -> Progress:
    predictions, passed, quizzes, _claims = (kept[kind].get(chapter, {}) for kind in records.KINDS)
    answered = [entry for entry in predictions.values() if entry.get("choice") is not None]
    names = exercises(notebook) if notebook else set(passed)
    asked = minutes.predictions(notebook) if notebook else len(answered)
    return Progress(
        chapter=chapter or "(another notebook)",
        predictions=len(answered) if notebook is None else min(len(answered), asked),  # old questions stay in the file
        asked=asked,
        right=sum(entry.get("right") is True for entry in answered),
        exercises=len(names & set(passed)),
        set=len(names),
        quizzes=len(quizzes),
    )


def exercises(notebook: NotebookNode) -> set[str]:
    """The checks that a chapter's exercises call."""
    found = [cell.source for cell in cells.code_cells(notebook) if cells.exercise_name(cell)]
    return {name for source in found for name in re.findall(r"\bcheck\.(\w+)\(", source)}


def table(rows: list[Progress]) -> list[str]:
    """The lines of the table, with a sum below."""
    body = [HEAD, *(row.row for row in rows)]
    widths = [max(len(line[n]) for line in body) for n in range(len(HEAD))]
    lines = ["  ".join(part.ljust(width) for part, width in zip(line, widths, strict=True)).rstrip() for line in body]
    done, asked = sum(row.predictions for row in rows), sum(row.asked for row in rows)
    passed, exercises = sum(row.exercises for row in rows), sum(row.set for row in rows)
    return [*lines, "", f"{done} of {asked} predictions made, {passed} of {exercises} exercises passed."]
