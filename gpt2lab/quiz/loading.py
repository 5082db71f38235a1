"""Finding questions: of the course, by id and by chapter, and in a file of one's own."""

from __future__ import annotations

import functools
from importlib.resources import files
from pathlib import Path

from gpt2lab.errors import InputError, shown, validates
from gpt2lab.quiz.base import Question
from gpt2lab.quiz.form import questions


@functools.cache
def chapters() -> tuple[str, ...]:
    """The chapters that have questions, by name."""
    folder = files("gpt2lab.quiz").joinpath("data")
    found = [file.name for file in folder.iterdir()] if folder.is_dir() else []
    return tuple(sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml")))


@functools.cache
def _chapter(name: str) -> tuple[Question, ...]:
    text = files("gpt2lab.quiz").joinpath(f"data/{name}.toml").read_text(encoding="utf-8")
    return questions(text, name, f"{name}.toml")


@functools.cache
def all_questions() -> dict[str, Question]:
    """Every question of the course by its id.

    Raises
    ------
    InputError
        If a file breaks the form, or two questions have the same id.
    """
    found: dict[str, Question] = {}
    for name in chapters():
        for question in _chapter(name):
            if question.id in found:
                raise InputError(f"question {question.id} is in {found[question.id].chapter} and in {name}")
            found[question.id] = question
    return found


@validates
def get(id: str) -> Question:
    """The question with that id.

    Raises
    ------
    InputError
        If there is none.
    """
    known = all_questions()
    if not isinstance(id, str) or id not in known:
        raise InputError(f"there is no question {shown(id)}; the chapters with questions are {', '.join(chapters())}")
    return known[id]


@validates
def of_chapter(name: str) -> tuple[Question, ...]:
    """The questions of a chapter, such as "00_map", in the order in which they are asked.

    Raises
    ------
    InputError
        If it has none.
    """
    if not isinstance(name, str) or name not in chapters():
        raise InputError(f"there are no questions on {shown(name)}; there are some on {', '.join(chapters())}")
    return _chapter(name)


@validates
def read(path: str | Path) -> tuple[Question, ...]:
    """The questions of a file of your own, written in the form that ``gpt2lab.quiz.base`` describes.

    Raises
    ------
    InputError
        If the file cannot be read or breaks the form.
    """
    if not isinstance(path, str | Path):
        raise InputError(f"path must name a TOML file of questions, got {shown(path)}")
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    return questions(text, "", Path(path).name)
