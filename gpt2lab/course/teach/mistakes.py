"""Known mistakes in exercises, and what the checks say about them.

``data/mistakes.toml`` is written by ``python tests/helpers/known_mistakes.py`` from the wrong answers on which the
checks are tried; a test keeps it current.
"""

from __future__ import annotations

import functools
import re
import tomllib
from importlib.resources import files

from nbformat import NotebookNode

from gpt2lab.course import cells

_CHECK = re.compile(r"\bcheck\.(\w+)\(")


@functools.cache
def by_check() -> dict[str, list[str]]:
    text = files("gpt2lab.course.teach").joinpath("data/mistakes.toml").read_text(encoding="utf-8")
    found: dict[str, list[str]] = tomllib.loads(text)["told"]
    return found


def told(exercise: NotebookNode) -> list[str]:
    """What the check of an exercise says about each known mistake; empty if the cell is no exercise."""
    if cells.exercise_name(exercise) is None:
        return []
    checks = _CHECK.findall(exercise.source)
    return [message for check in checks for message in by_check().get(check, [])]
