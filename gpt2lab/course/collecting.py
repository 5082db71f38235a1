"""`gpt2lab progress --collect FOLDER`: the tables of a class, put together; who stands where.

Learners hand over what `gpt2lab progress --csv > NAME.csv` writes, by whatever way they like. The files lie in one
folder, the name of each is the learner's. Nothing is fetched, and nothing leaves the folder.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from gpt2lab.errors import InputError
from gpt2lab.files import records

COLUMNS = tuple(f"{kind} {what}" for kind in records.KINDS for what in ("done", "of", "right"))
LARGEST = 1_000_000  # bytes; a table of the course has about 1,000


@dataclass(frozen=True)
class Learner:
    """One file."""

    name: str
    chapters: dict[str, dict[str, int]]  # chapter: column: number

    @property
    def at(self) -> str:
        """The last chapter in which anything is done; empty if nothing is."""
        done = [name for name, row in self.chapters.items() if any(row[f"{kind} done"] for kind in records.KINDS)]
        return done[-1] if done else ""

    @property
    def open(self) -> list[str]:
        """Chapters that were begun and have an exercise that was not passed."""
        begun = (name for name, row in self.chapters.items() if any(row[f"{kind} done"] for kind in records.KINDS))
        return [name for name in begun if self.chapters[name]["exercises done"] < self.chapters[name]["exercises of"]]

    def total(self, column: str) -> int:
        return sum(row[column] for row in self.chapters.values())


def read(folder: Path) -> tuple[list[Learner], list[str]]:
    """The learners of a folder by name, and a sentence for each file that is no such table.

    Raises
    ------
    InputError
        If there is no folder, or no table in it.
    """
    if not folder.is_dir():
        raise InputError(f"Expected a folder with files that `gpt2lab progress --csv` wrote, found none at {folder}.")
    learners, problems = [], []
    for path in sorted(folder.glob("*.csv")):
        try:
            learners.append(Learner(path.stem, _chapters(path)))
        except (OSError, UnicodeDecodeError, csv.Error, InputError) as error:
            problems.append(f"{path.name} was left out: {error}")
    if not learners:
        more = f" {' '.join(problems)}" if problems else ""
        raise InputError(f"Expected files that `gpt2lab progress --csv` wrote in {folder}, found none.{more}")
    return learners, problems


def table(learners: list[Learner]) -> list[str]:
    """A line for each learner, then one for each chapter that somebody has begun."""
    head = ("learner", "stands at", "predictions", "exercises", "quiz right", "exercises open in")
    people = [
        (
            one.name,
            one.at or "–",
            str(one.total("predictions done")),
            f"{one.total('exercises done')} of {one.total('exercises of')}",
            f"{one.total('quizzes right')} of {one.total('quizzes done')}",
            ", ".join(one.open) or "–",
        )
        for one in learners
    ]
    lines = _columns([head, *people])
    names = list(dict.fromkeys(name for one in learners for name in one.chapters))
    rows = [row for name in names if (row := _of_chapter(name, learners))]
    if rows:
        lines += ["", *_columns([("chapter", "begun by", "all exercises", "quiz right"), *rows])]
    return lines


def _of_chapter(name: str, learners: list[Learner]) -> tuple[str, ...] | None:
    rows = [one.chapters[name] for one in learners if name in one.chapters]
    begun = [row for row in rows if any(row[f"{kind} done"] for kind in records.KINDS)]
    if not begun:
        return None
    passed = sum(row["exercises done"] >= row["exercises of"] for row in begun)
    answered, right = (sum(row[f"quizzes {what}"] for row in begun) for what in ("done", "right"))
    return name, str(len(begun)), str(passed), f"{right / answered:.0%}" if answered else "–"


def _chapters(path: Path) -> dict[str, dict[str, int]]:
    if path.stat().st_size > LARGEST:
        raise InputError("it is far larger than such a table")
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != ("chapter", *COLUMNS):
            raise InputError("its first line is not that of `gpt2lab progress --csv`")
        found = {}
        for row in reader:
            numbers = {column: row.get(column) or "" for column in COLUMNS}
            if bad := next((value for value in numbers.values() if not (value.isascii() and value.isdigit())), None):
                raise InputError(f"line {reader.line_num} has {bad!r} where a number belongs")
            if "" in numbers.values():
                raise InputError(f"line {reader.line_num} is not complete")
            found[row["chapter"]] = {column: int(value) for column, value in numbers.items()}
    return found


def _columns(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    return ["  ".join(part.ljust(width) for part, width in zip(row, widths, strict=True)).rstrip() for row in rows]
