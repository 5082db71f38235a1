"""Fields of a table of TOML, each in its final type or refused with one sentence.

``where`` names the question for the message, such as "00_map.toml, Q03".
"""

from __future__ import annotations

import math
from typing import TypeAlias

from gpt2lab.errors import InputError, as_real, is_whole, shown
from gpt2lab.quiz.base import LONGEST

Table: TypeAlias = dict[str, object]
LABEL = 120  # letters at most of what LONGEST does not name


def only(table: Table, known: set[str], where: str) -> None:
    """Refuse a field that nobody reads: it is misspelt, or belongs to another kind."""
    if unknown := sorted(set(table) - known):
        raise InputError(f"{where}: there is no field {unknown[0]!r}; expected {', '.join(sorted(known))}")


def text(table: Table, name: str, where: str, needed: bool = True, longest: int = 0) -> str:
    """One line."""
    found = table.get(name, "")
    if not isinstance(found, str) or (needed and not found):
        raise InputError(f"{where}: {name} must be text, got {shown(table.get(name))}")
    most = longest or LONGEST.get(name, LABEL)
    if len(found) > most:
        raise InputError(f"{where}: {name} must have at most {most} letters, got {len(found)}")
    if found != found.strip() or "\n" in found:
        raise InputError(f"{where}: {name} must be one line without spaces around it, got {shown(found)}")
    if found.count("`") % 2:
        raise InputError(f"{where}: {name} has a backtick without its partner")
    return found


def real(table: Table, name: str, where: str) -> float:
    """A finite number."""
    value = as_real(table.get(name))
    if not math.isfinite(value):
        raise InputError(f"{where}: {name} must be a finite number, got {shown(table.get(name))}")
    return value


def texts(table: Table, name: str, where: str) -> tuple[str, ...]:
    """A list of labels."""
    found = table.get(name)
    if not isinstance(found, list) or not all(isinstance(part, str) for part in found):
        raise InputError(f"{where}: {name} must be a list of texts, got {shown(found)}")
    return tuple(found)


def numbers(table: Table, name: str, where: str) -> tuple[tuple[float, ...], ...]:
    """Rows of numbers; nan is one of them."""
    found = table.get(name)
    rows = found if isinstance(found, list) and all(isinstance(row, list) for row in found) else [[None]]
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for row in rows for value in row):
        raise InputError(f"{where}: {name} must be rows of numbers, got {shown(found)}")
    return tuple(tuple(map(float, row)) for row in rows)


def cells(table: Table, name: str, shape: tuple[int, int], where: str) -> tuple[tuple[int, int], ...]:
    """Places [row, column] in a map of that shape."""
    found = table.get(name)
    if not isinstance(found, list) or not found:
        raise InputError(f"{where}: {name} must be a list of [row, column], got {shown(found)}")
    for cell in found:
        whole = isinstance(cell, list) and len(cell) == 2 and all(map(is_whole, cell))
        if not whole or not all(0 <= place < size for place, size in zip(cell, shape, strict=True)):
            raise InputError(f"{where}: {name} must hold [row, column] of the map, from 0, got {shown(cell)}")
    return tuple((cell[0], cell[1]) for cell in found)


def tables(table: Table, name: str, where: str) -> list[Table]:
    """A list of tables."""
    found = table.get(name, [])
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise InputError(f"{where}: {name} must be tables, [[ID.{name}]], got {shown(found)}")
    return found
