"""From TOML to questions, refusing what breaks the form that ``base`` describes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import replace

from gpt2lab.errors import InputError, shown
from gpt2lab.quiz import fields
from gpt2lab.quiz.base import KINDS, LONGEST, MOST_CELLS, MOST_ITEMS, MOST_OPTIONS, Grid, Mistake, Option, Question
from gpt2lab.quiz.fields import Table

FIELDS = {
    "single": {"options"},
    "multiple": {"options"},
    "order": {"options"},
    "number": {"value", "tolerance", "unit", "why", "wrong"},
    "point": {"rows", "columns", "across", "down", "map", "right", "why", "wrong"},
}
_ID = re.compile(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*")


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
        if not _ID.fullmatch(id):
            raise InputError(f"{file}, {shown(id)}: an id is made of letters, digits and dashes")
        if not isinstance(table, dict):
            raise InputError(f"{file}, {id}: a question is a table, [{id}], got {shown(table)}")
        made.append(_question(id, chapter, table, f"{file}, {id}"))
    return tuple(made)


def _question(id: str, chapter: str, table: Table, where: str) -> Question:
    kind = next((known for known in KINDS if known == table.get("kind")), None)
    if kind is None:
        raise InputError(f"{where}: kind must be one of {', '.join(KINDS)}, got {shown(table.get('kind'))}")
    fields.only(table, {"kind", "text", "answer", "see", "code"} | FIELDS[kind], where)
    if not isinstance(code := table.get("code", ""), str):
        raise InputError(f"{where}: code must be text, got {shown(code)}")
    text, answer, see = (fields.text(table, name, where) for name in ("text", "answer", "see"))
    begun = Question(id, chapter, kind, text, answer, see, code.strip("\n"))
    return _PARTS[kind](begun, table, where)


def _choice(question: Question, table: Table, where: str) -> Question:
    """Of single, multiple and order."""
    kind = question.kind
    least, most = (3, MOST_ITEMS) if kind == "order" else (2, MOST_OPTIONS)
    entries = fields.tables(table, "options", where)
    found = tuple(_option(entry, kind == "order", n, f"{where}, option {n + 1}") for n, entry in enumerate(entries))
    if not least <= len(found) <= most:
        raise InputError(f"{where}: expected {least} to {most} options, got {len(found)}")
    if len({option.text for option in found}) < len(found):
        raise InputError(f"{where}: two options are the same")
    right = sum(option.right for option in found)
    if kind == "single" and right != 1:
        raise InputError(f"{where}: one option must be right, got {right}")
    if kind == "multiple" and not 1 <= right < len(found):
        raise InputError(f"{where}: some options must be right and some wrong, got {right} of {len(found)}")
    return replace(question, options=found)


def _option(entry: Table, ordered: bool, place: int, where: str) -> Option:
    fields.only(entry, {"text", "why", "see"} | (set() if ordered else {"right"}), where)
    right = entry.get("right", False)
    if not isinstance(right, bool):
        raise InputError(f"{where}: right must be true or left out, got {shown(right)}")
    wrong = not ordered and not right
    return Option(
        text=fields.text(entry, "text", where, longest=LONGEST["option"]),
        right=right,
        why=fields.text(entry, "why", where, needed=wrong or (ordered and place > 0)),
        see=fields.text(entry, "see", where, needed=wrong),
    )


def _number(question: Question, table: Table, where: str) -> Question:
    value, tolerance = (fields.real(table, name, where) for name in ("value", "tolerance"))
    if tolerance < 0:
        raise InputError(f"{where}: tolerance must not be negative, got {tolerance:g}")
    wrong = []
    for entry in fields.tables(table, "wrong", where):
        fields.only(entry, {"value", "why", "see"}, where)
        made = fields.real(entry, "value", where)
        if abs(made - value) <= tolerance:
            raise InputError(f"{where}: {made:g} is among the wrong numbers, but within the tolerance")
        wrong.append(replace(_mistake(entry, where), value=made))
    unit, why = fields.text(table, "unit", where, needed=False), fields.text(table, "why", where)
    return replace(question, value=value, tolerance=tolerance, unit=unit, why=why, wrong=tuple(wrong))


def _point(question: Question, table: Table, where: str) -> Question:
    rows, columns = (fields.texts(table, name, where) for name in ("rows", "columns"))
    values = fields.numbers(table, "map", where)
    shape = len(rows), len(columns)
    if not 1 <= shape[0] <= MOST_CELLS or not 2 <= shape[1] <= MOST_CELLS:
        raise InputError(f"{where}: a map has at most {MOST_CELLS} rows and columns, got {shape[0]} × {shape[1]}")
    if [len(row) for row in values] != [shape[1]] * shape[0]:
        raise InputError(f"{where}: map must have {shape[0]} rows of {shape[1]} numbers, as its labels say")
    right = fields.cells(table, "right", shape, where)
    wrong = []
    for entry in fields.tables(table, "wrong", where):
        fields.only(entry, {"cells", "why", "see"}, where)
        wrong.append(replace(_mistake(entry, where), cells=fields.cells(entry, "cells", shape, where)))
    named = [*right, *(cell for mistake in wrong for cell in mistake.cells)]
    if len(set(named)) < len(named):
        raise InputError(f"{where}: a cell is named twice among the right and the wrong ones")
    down, across = (fields.text(table, name, where, needed=False) for name in ("down", "across"))
    grid = Grid(values, rows, columns, right, down, across)
    return replace(question, grid=grid, why=fields.text(table, "why", where), wrong=tuple(wrong))


def _mistake(entry: Table, where: str) -> Mistake:
    return Mistake(fields.text(entry, "why", where), fields.text(entry, "see", where, needed=False))


_PARTS: dict[str, Callable[[Question, Table, str], Question]] = {
    "single": _choice, "multiple": _choice, "order": _choice, "number": _number, "point": _point,
}  # fmt: skip
