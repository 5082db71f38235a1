"""What is done of a chapter, by kind of record: predictions, exercises, quizzes, and what later editions add."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gpt2lab.files import records
from gpt2lab.quiz import loading

_PREDICT = re.compile(r"\bPredict\(")
_CHECK = re.compile(r"\bcheck\.(\w+)\(")
EXERCISES = "exercises"  # are filed only once they pass
RIGHT = (True, "hit")  # how an entry says that it is


@dataclass(frozen=True)
class Count:
    """Of one kind in one chapter."""

    done: int  # answered, or passed
    of: int  # how many there are; 0: none, or nobody knows
    right: int  # of those done

    @property
    def words(self) -> str:
        """Such as "2 of 5"; empty if there is nothing of the kind."""
        return f"{self.done} of {self.of}" if self.of else str(self.done) if self.done else ""


def counts(chapter: str, notebook: object, kept: records.Records) -> dict[str, Count]:
    """What is done, by kind.

    Parameters
    ----------
    chapter : str
        Such as 00_map.
    notebook : dict or None
        The chapter as JSON, from which it is known how much there is to do.
    kept : Records
        What ``records.read`` gives.
    """
    asked = {
        "predictions": None if notebook is None else predictions(notebook),
        EXERCISES: None if notebook is None else exercises(notebook),
        "quizzes": [question.id for question in loading.of_chapter(chapter)] if chapter in loading.chapters() else None,
    }
    return {kind: _count(kind, kept[kind].get(chapter, {}), asked.get(kind)) for kind in records.KINDS}


def _count(kind: str, entries: Mapping[str, records.Entry], asked: int | list[str] | set[str] | None) -> Count:
    if isinstance(asked, list | set):  # what a chapter no longer asks stays in the file
        entries = {key: entry for key, entry in entries.items() if key in asked}
    done = [entry for entry in entries.values() if _is_done(kind, entry)]
    of = asked if isinstance(asked, int) else len(asked or ())
    right = len(done) if kind == EXERCISES else sum(entry.get("right", entry.get("result")) in RIGHT for entry in done)
    many = min(len(done), of) if isinstance(asked, int) else len(done)  # old questions stay in the file
    return Count(many, of, min(right, many))


def _is_done(kind: str, entry: records.Entry) -> bool:
    """Whether something is answered: what else may be filed under a kind, such as a seed, does not count."""
    return kind == EXERCISES or entry.get("choice", entry.get("answer")) is not None


def of_this_chapter() -> list[str]:
    """What is done in the chapter that runs, a sentence for each kind; empty outside of a learner's workspace.

    Raises
    ------
    CheckpointError
        If the file of records is damaged.
    """
    if (here := records.place()) is None or not here.chapter:
        return []
    chapter = _notebook(here.work.parent / "chapters" / f"{here.chapter}.ipynb")
    found = counts(here.chapter, chapter, records.read(here.work))
    return [_sentence(kind, count) for kind, count in found.items() if count.words]


def _sentence(kind: str, count: Count) -> str:
    done = "passed" if kind == EXERCISES else "answered" if kind == "quizzes" else "made"
    name = "questions" if kind == "quizzes" else kind
    return f"{name}: {count.words} {done}" + ("" if kind == EXERCISES else f", {count.right} right")


def _notebook(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def predictions(notebook: object) -> int:
    """How many questions of a notebook ask for a guess."""
    return sum(len(_PREDICT.findall(source)) for source, _ in _code(notebook))


def exercises(notebook: object) -> set[str]:
    """The checks that the exercises of a notebook call."""
    return {
        name
        for source, tags in _code(notebook)
        if any(tag.startswith("exercise:") for tag in tags)
        for name in _CHECK.findall(source)
    }


def _code(notebook: object) -> Iterator[tuple[str, list[str]]]:
    """Source and tags of the code cells, of a notebook read by nbformat or as plain JSON."""
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    for cell in cells if isinstance(cells, list) else []:
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            source, metadata = cell.get("source", ""), cell.get("metadata")
            tags = metadata.get("tags") if isinstance(metadata, dict) else None
            text = "".join(map(str, source)) if isinstance(source, list) else str(source)
            yield text, list(map(str, tags)) if isinstance(tags, list) else []
