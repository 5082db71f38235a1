"""`gpt2lab progress`: what a learner has done, chapter by chapter, from work/answers.json."""

from __future__ import annotations

import argparse
import csv
import io
from dataclasses import dataclass
from pathlib import Path

from gpt2lab.course import cells, collecting, navigation, workspace
from gpt2lab.files import records
from gpt2lab.quiz.progress import EXERCISES, Count, counts

NONE = "–"  # there is nothing of the kind in the chapter
OTHER = "(another notebook)"


@dataclass(frozen=True)
class Progress:
    """Of one chapter."""

    chapter: str
    counts: dict[str, Count]  # by kind of record

    @property
    def row(self) -> tuple[str, ...]:
        """As the table shows it: for each kind what is done, and how much of it is right."""
        parts = [self.chapter]
        for kind, count in self.counts.items():
            parts.append(count.words or NONE)
            if kind != EXERCISES:  # one that passed is right
                parts.append(str(count.right) if count.done else "")
        return tuple(parts)


def progress_command(arguments: list[str]) -> int:
    """`gpt2lab progress`"""
    description = "Say which predictions, exercises and quizzes are done, from work/answers.json."
    parser = argparse.ArgumentParser("gpt2lab progress", description=description)
    parser.add_argument("--csv", action="store_true", help="as a table for a spreadsheet, one line a chapter")
    parser.add_argument("--collect", metavar="FOLDER", type=Path, help="a class's tables (NAME.csv): who stands where")
    options = parser.parse_args(arguments)
    if options.collect is not None:
        learners, problems = collecting.read(options.collect)
        print("\n".join([*collecting.table(learners), *(["", *problems] if problems else [])]))
        return 1 if problems else 0
    rows = progress(workspace.course_root())
    print(as_csv(rows), end="") if options.csv else print("\n".join(table(rows)))
    return 0


def progress(root: Path) -> list[Progress]:
    """One row for each chapter of the course, then one for each other notebook with records.

    Raises
    ------
    CheckpointError
        If work/answers.json is damaged.
    """
    kept = records.read(workspace.home(root) / "work")
    chapters = navigation.present(root / "chapters")
    others = sorted({name for kind in records.KINDS for name in kept[kind]} - set(chapters))
    rows = [Progress(stem, counts(stem, cells.read(root / "chapters" / f"{stem}.ipynb"), kept)) for stem in chapters]
    return rows + [Progress(name or OTHER, counts(name, None, kept)) for name in others]


def table(rows: list[Progress]) -> list[str]:
    """The lines of the table, with a sum below."""
    head = ["chapter"]
    for kind in records.KINDS:
        head += [kind] if kind == EXERCISES else [kind, "right"]
    body = [tuple(head), *(row.row for row in rows)]
    widths = [max(len(line[n]) for line in body) for n in range(len(head))]
    lines = ["  ".join(part.ljust(width) for part, width in zip(line, widths, strict=True)).rstrip() for line in body]
    return [*lines, "", f"{', '.join(_sums(rows))}."]


def _sums(rows: list[Progress]) -> list[str]:
    """What is done in all chapters, a few words for each kind."""
    words = {"predictions": "predictions made", EXERCISES: "exercises passed", "quizzes": "questions answered"}
    said = []
    for kind in records.KINDS:
        found = [row.counts[kind] for row in rows]
        # Of a notebook that is no chapter nobody knows how much there is: what is done, at least.
        of = sum(max(each.of, each.done) for each in found) if any(each.of for each in found) else 0
        count = Count(sum(each.done for each in found), of, 0)
        said += [f"{count.words} {words.get(kind, kind)}"] if count.words else []
    return said or ["Nothing to do"]


def as_csv(rows: list[Progress]) -> str:
    """The same for a spreadsheet: of each kind what is done, how much there is (0: unknown), and what is right."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["chapter", *(f"{kind} {what}" for kind in records.KINDS for what in ("done", "of", "right"))])
    for row in rows:
        numbers = [n for count in row.counts.values() for n in (count.done, count.of, count.right)]
        # A spreadsheet would take a name that begins like a formula for one.
        name = f"'{row.chapter}" if row.chapter[:1] in "=+-@\t\r" else row.chapter
        writer.writerow([name, *numbers])
    return text.getvalue()
