"""From a file to a tour. What is wrong with it is one sentence: which step, what was expected, what came."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from gpt2lab.errors import InputError, shown, validates
from gpt2lab.explorer.tours.base import Expectation, Figure, Place, Step, Tour

FIGURE = 'a figure such as "weight 1.0 last robot" or "chance last robot"'
_HEAD = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})")
_EXPECT = re.compile(r"(.+\S)\s*([<>])\s*([0-9.]{1,12})")
_STEP = ("do", "look", "until", "said", "expect")
_UNTIL = ("view", "head", "token", "key", "text", "off")


def tour_names() -> list[str]:
    """The tours that come with the course."""
    folder = files("gpt2lab.explorer.tours")
    return sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))


@validates
def read_tour(source: str | os.PathLike[str]) -> Tour:
    """A tour by its name, such as "robot", or from a file of your own.

    Raises
    ------
    InputError
        If there is none, or if it breaks the form that ``base`` describes.
    """
    if not isinstance(source, (str, os.PathLike)):
        raise InputError(f"tour must be a name or a path, got {shown(source)}")
    name = os.fspath(source)
    try:
        if name in tour_names():
            text = files("gpt2lab.explorer.tours").joinpath(f"{name}.toml").read_text(encoding="utf-8")
        else:
            text = Path(name).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a text in UTF-8"
        known = ", ".join(tour_names())
        raise InputError(f"there is no tour {shown(name)} ({reason}): choose {known}, or a .toml file") from None
    return parse_tour(text, Path(name).stem)


def parse_tour(source: str, name: str) -> Tour:
    """A tour from a text of TOML; ``name`` is what messages call it."""
    try:
        table = tomllib.loads(source)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"tour {name}: not TOML ({error})") from None
    where = f"tour {name}"
    _only(table, ("title", "model", "text", "step"), where)
    text, steps = _words(table, "text", where), table.get("step")
    if not isinstance(steps, list) or not steps or not all(isinstance(step, dict) for step in steps):
        raise InputError(f"{where}: expected its steps, each as a table [[step]]")
    made: list[Step] = []
    for number, entry in enumerate(steps, 1):
        before = made[-1] if made else None
        made.append(
            _step(entry, f"{where}, step {number}", before.text if before else text, before.off if before else ())
        )
    return Tour(name, _words(table, "title", where), text, _words(table, "model", where, needed=False), tuple(made))


def _step(entry: Mapping[str, object], where: str, text: str, off: object) -> Step:
    _only(entry, _STEP, where)
    said, expect = _words(entry, "said", where, needed=False), entry.get("expect", [])
    if not isinstance(expect, list):
        raise InputError(f'{where}: expect must be a list such as ["chance last robot > 0.9"], got {shown(expect)}')
    until = _until(entry.get("until", {}), where)
    return Step(
        do=_words(entry, "do", where),
        look=_words(entry, "look", where, needed=False),
        until=until,
        said=_said(said, where),
        expect=tuple(_expectation(one, where) for one in expect),
        text=str(until.get("text", text)),
        off=tuple(until.get("off", off)),  # type: ignore[arg-type]  # _until has seen a list of words
    )


def _until(entry: object, where: str) -> dict[str, object]:
    if not isinstance(entry, dict):
        raise InputError(f'{where}: until must be a table such as {{ head = "1.0" }}, got {shown(entry)}')
    _only(entry, _UNTIL, f"{where}, until")
    until: dict[str, object] = {}
    for name, value in entry.items():
        if name == "off":
            if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
                raise InputError(f'{where}: off must be a list of words such as ["head 1.0"], got {shown(value)}')
            until[name] = value
            continue
        word = _words(entry, name, where)
        until[name] = place(word) if name in ("token", "key") else list(_head(word, where)) if name == "head" else word
    return until


def place(word: str) -> Place:
    """``last``, ``robot`` or ``it:2``."""
    if word == "last":
        return "", 0
    letters, colon, number = word.rpartition(":")
    if colon and letters and re.fullmatch(r"[1-9][0-9]{0,3}", number):
        return letters, int(number)
    return word, 1


def _head(word: str, where: str) -> tuple[int, int]:
    if not (found := _HEAD.fullmatch(word)):
        raise InputError(f'{where}: expected a head such as "1.0", layer and head, got {shown(word)}')
    return int(found[1]), int(found[2])


def _said(text: str, where: str) -> tuple[str | Figure, ...]:
    pieces = re.split(r"\{([^{}]*)\}", text)
    return tuple(_figure(piece, where) if i % 2 else piece for i, piece in enumerate(pieces) if piece or i % 2)


def _figure(text: str, where: str) -> Figure:
    words = text.split()
    before = words[:1] == ["before"]
    match words[before:]:
        case ["weight", head, query, key]:
            return Figure("weight", before, place(query), place(key), *_head(head, where))
        case ["chance", after, word]:
            return Figure("chance", before, place(after), place(word))
    raise InputError(f"{where}: expected {FIGURE}, got {shown(text)}")


def _expectation(text: object, where: str) -> Expectation:
    found = _EXPECT.fullmatch(text) if isinstance(text, str) else None
    try:
        limit = float(found[3]) if found else None
    except ValueError:
        limit = None
    if found is None or limit is None:
        raise InputError(f'{where}: expected {FIGURE} with a limit, "… > 0.9", got {shown(text)}')
    return Expectation(_figure(found[1], where), found[2] == ">", limit)


def _only(table: Mapping[str, object], known: tuple[str, ...], where: str) -> None:
    if unknown := sorted(set(table) - set(known)):
        raise InputError(f"{where}: there is no entry {unknown[0]!r}; known are {', '.join(known)}")


def _words(table: Mapping[str, object], name: str, where: str, needed: bool = True) -> str:
    value = table.get(name, "")
    if not isinstance(value, str) or (needed and not value.strip()):
        raise InputError(f"{where}: {name} must be a text, got {shown(table.get(name))}")
    return value
