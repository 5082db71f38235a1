"""Reading the questions, and refusing what breaks the form that ``base`` describes."""

from __future__ import annotations

import functools
import math
import re
import tomllib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

from gpt2lab.errors import InputError, is_number, is_whole, shown, validates
from gpt2lab.quiz.base import (
    KINDS,
    LONGEST,
    MOST_CELLS,
    MOST_ITEMS,
    MOST_OPTIONS,
    Grid,
    Kind,
    Mistake,
    Option,
    Question,
)

T = TypeVar("T")
Table = dict[str, object]  # as TOML gives it
FIELDS = {
    "single": {"options"},
    "multiple": {"options"},
    "order": {"options"},
    "number": {"value", "tolerance", "unit", "why", "wrong"},
    "point": {"rows", "columns", "across", "down", "map", "right", "why", "wrong"},
}
_ID = re.compile(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*")


@functools.cache
def chapters() -> tuple[str, ...]:
    """The chapters that have questions, in the order of their names (the primer comes last)."""
    found = files("gpt2lab.quiz").joinpath("data")
    return tuple(sorted(file.name.removesuffix(".toml") for file in found.iterdir() if file.name.endswith(".toml")))


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
        raise InputError(f"there is no question {shown(id)}; chapters have questions, too: {', '.join(chapters())}")
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
    return questions(text, Path(path).stem, Path(path).name)


def questions(text: str, chapter: str, file: str) -> tuple[Question, ...]:
    """The questions in a text of TOML.

    Parameters
    ----------
    chapter : str
        To which they belong.
    file : str
        What messages call it.

    Raises
    ------
    InputError
        At the first thing that breaks the form: which question, what was expected, what came.
    """
    try:
        tables = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{file}: not TOML ({error})") from error
    made = []
    for id, table in tables.items():
        where = f"{file}, {id}"
        if not _ID.fullmatch(id):
            raise InputError(f"{where}: an id is made of letters, digits and dashes")
        if not isinstance(table, dict):
            raise InputError(f"{where}: a question is a table, [{id}], got {shown(table)}")
        made.append(_question(id, chapter, table, where))
    return tuple(made)


def _question(id: str, chapter: str, table: Table, where: str) -> Question:
    kind = table.get("kind")
    if kind not in KINDS:
        raise InputError(f"{where}: kind must be one of {', '.join(KINDS)}, got {shown(kind)}")
    _only(table, {"kind", "text", "answer", "see", "code"} | FIELDS[kind], where)
    code = table.get("code", "")
    if not isinstance(code, str):
        raise InputError(f"{where}: code must be text, got {shown(code)}")
    return Question(
        id=id, chapter=chapter, kind=kind, code=code.strip("\n"),
        **{name: _text(table, name, where) for name in ("text", "answer", "see")},
        **_PARTS[kind](table, kind, where),
    )  # fmt: skip


def _choice(table: Table, kind: Kind, where: str) -> dict[str, object]:
    """Of single, multiple and order."""
    least, most = (3, MOST_ITEMS) if kind == "order" else (2, MOST_OPTIONS)
    found = tuple(_option(entry, kind, place, where) for place, entry in enumerate(_tables(table, "options", where)))
    if not least <= len(found) <= most:
        raise InputError(f"{where}: expected {least} to {most} options, got {len(found)}")
    if len({option.text for option in found}) < len(found):
        raise InputError(f"{where}: two options are the same")
    right = sum(option.right for option in found)
    if kind == "single" and right != 1:
        raise InputError(f"{where}: one option must be right, got {right}")
    if kind == "multiple" and not 1 <= right < len(found):
        raise InputError(f"{where}: some options must be right and some wrong, got {right} of {len(found)}")
    return {"options": found}


def _option(entry: Table, kind: Kind, place: int, where: str) -> Option:
    where = f"{where}, option {place + 1}"
    _only(entry, {"text", "why", "see"} | (set() if kind == "order" else {"right"}), where)
    right = entry.get("right", False)
    if not isinstance(right, bool):
        raise InputError(f"{where}: right must be true or left out, got {shown(right)}")
    explained = place > 0 if kind == "order" else not right  # these must say why
    texts = {
        name: _text(entry, name, where, needed=explained and (name == "why" or kind != "order"))
        for name in ("why", "see")
    }
    return Option(text=_text(entry, "text", where, most="option"), right=right, **texts)


def _number(table: Table, kind: Kind, where: str) -> dict[str, object]:
    value, tolerance = _real(table, "value", where), _real(table, "tolerance", where)
    if tolerance < 0:
        raise InputError(f"{where}: tolerance must not be negative, got {tolerance}")
    unit = table.get("unit", "")
    if not isinstance(unit, str):
        raise InputError(f"{where}: unit must be text, got {shown(unit)}")
    wrong = []
    for entry in _tables(table, "wrong", where):
        _only(entry, {"value", "why", "see"}, where)
        mistake = Mistake(value=_real(entry, "value", where), **_reason(entry, where))
        if mistake.value is not None and abs(mistake.value - value) <= tolerance:
            raise InputError(f"{where}: {mistake.value} is among the wrong numbers, but within the tolerance")
        wrong.append(mistake)
    return dict(value=value, tolerance=tolerance, unit=unit, why=_text(table, "why", where), wrong=tuple(wrong))


def _point(table: Table, kind: Kind, where: str) -> dict[str, object]:
    rows, columns = (_list(table, name, _is_text, "texts", where) for name in ("rows", "columns"))
    values = _list(
        table, "map", lambda row: isinstance(row, list) and all(map(is_number, row)), "rows of numbers", where
    )
    if not 1 <= len(rows) <= MOST_CELLS or not 2 <= len(columns) <= MOST_CELLS:
        raise InputError(f"{where}: a map has at most {MOST_CELLS} rows and columns, got {len(rows)} × {len(columns)}")
    if [len(row) for row in values] != [len(columns)] * len(rows):  # type: ignore[arg-type]  # _list has looked
        raise InputError(f"{where}: map must have {len(rows)} rows of {len(columns)} numbers, as its labels say")
    right = _cells(table, "right", rows, columns, where)
    wrong = []
    for entry in _tables(table, "wrong", where):
        _only(entry, {"cells", "why", "see"}, where)
        wrong.append(Mistake(cells=_cells(entry, "cells", rows, columns, where), **_reason(entry, where)))
    named = [cell for mistake in wrong for cell in mistake.cells]
    if len({*named, *right}) < len(named) + len(right):
        raise InputError(f"{where}: a cell is named twice among the right and the wrong ones")
    grid = Grid(
        values=tuple(tuple(map(float, row)) for row in values),  # type: ignore[arg-type]
        rows=tuple(map(str, rows)), columns=tuple(map(str, columns)), right=right,
        down=_text(table, "down", where, needed=False), across=_text(table, "across", where, needed=False),
    )  # fmt: skip
    return dict(grid=grid, why=_text(table, "why", where), wrong=tuple(wrong))


_PARTS: dict[str, Callable[[Table, Kind, str], dict[str, object]]] = {
    "single": _choice, "multiple": _choice, "order": _choice, "number": _number, "point": _point,
}  # fmt: skip


def _only(table: Table, known: set[str], where: str) -> None:
    if unknown := sorted(set(table) - known):
        raise InputError(f"{where}: there is no field {unknown[0]!r}; expected {', '.join(sorted(known))}")


def _text(table: Table, name: str, where: str, needed: bool = True, most: str = "") -> str:
    text = table.get(name, "")
    if not isinstance(text, str) or (needed and not text):
        raise InputError(f"{where}: {name} must be text, got {shown(table.get(name))}")
    longest = LONGEST.get(most or name, 120)
    if len(text) > longest:
        raise InputError(f"{where}: {name} must have at most {longest} letters, got {len(text)}")
    if text != text.strip() or "\n" in text:
        raise InputError(f"{where}: {name} must be one line without spaces around it, got {shown(text)}")
    if text.count("`") % 2:
        raise InputError(f"{where}: {name} has a backtick without its partner")
    return text


def _reason(table: Table, where: str) -> dict[str, str]:
    return {"why": _text(table, "why", where), "see": _text(table, "see", where, needed=False)}


def _real(table: Table, name: str, where: str) -> float:
    value = table.get(name)
    if not is_number(value) or not math.isfinite(value):  # type: ignore[arg-type]  # is_number has looked
        raise InputError(f"{where}: {name} must be a finite number, got {shown(value)}")
    return float(value)  # type: ignore[arg-type]


def _list(table: Table, name: str, fits: Callable[[object], bool], what: str, where: str) -> list[object]:
    found = table.get(name)
    if not isinstance(found, list) or not all(map(fits, found)):
        raise InputError(f"{where}: {name} must be a list of {what}, got {shown(found)}")
    return found


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _tables(table: Table, name: str, where: str) -> list[Table]:
    found = table.get(name, [])
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise InputError(f"{where}: {name} must be tables, [[ID.{name}]], got {shown(found)}")
    return found


def _cells(
    table: Table, name: str, rows: list[object], columns: list[object], where: str
) -> tuple[tuple[int, int], ...]:
    found = table.get(name)
    if not isinstance(found, list) or not found:
        raise InputError(f"{where}: {name} must be a list of [row, column], got {shown(found)}")
    for cell in found:
        inside = isinstance(cell, list) and len(cell) == 2 and all(map(is_whole, cell))
        if not inside or not (0 <= cell[0] < len(rows) and 0 <= cell[1] < len(columns)):
            raise InputError(
                f"{where}: {name} must hold [row, column] within the map, counted from 0, got {shown(cell)}"
            )
    return tuple((cell[0], cell[1]) for cell in found)
