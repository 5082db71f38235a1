"""The boxes "Wrong claims you may meet" of the chapters, as data.

``data/boxes.toml`` holds the items, in order, as tables of their chapter::

    [[04_heads]]
    claims = ["H1"]                    # of the topics, or of data/extra.toml; the verdict is theirs
    said = ["Multi-head attention …"]  # in the words in which it is met, with the claims in this order
    met = "lecture notes"              # what kind of text says so; nobody is blamed
    answer = "every head reads …"      # after the verdict, in a few words
    shown = "2"                        # where: see ``Item``; it may be left out

``gpt2lab.course.boxes`` writes them into the chapters.
"""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from importlib.resources import files

from gpt2lab.claims.base import Claim, all_claims, extra_claims
from gpt2lab.errors import InputError, shown


@dataclass(frozen=True)
class Item:
    """One line of a box.

    Attributes
    ----------
    claims : tuple of str
        Ids; mostly one.
    said : tuple of str
        The quotation, or one for each claim.
    met : str
        The kind of text.
    answer : str
        What holds, after the verdict.
    shown : str, optional
        The section that shows it: its number, or its title, of which the part before a colon will do; in
        another chapter ``05_masking/4``, or ``05_masking``.
    """

    claims: tuple[str, ...]
    said: tuple[str, ...]
    met: str
    answer: str
    shown: str | None = None

    @property
    def verdict(self) -> str:
        """The verdict of the claims; two, joined by "and", where theirs differ."""
        return " and ".join(dict.fromkeys(claim.verdict for claim in self.taken_up()))

    def taken_up(self) -> list[Claim]:
        """The claims themselves, those of the topics and extra ones."""
        return [known()[id] for id in self.claims]


@functools.cache
def known() -> dict[str, Claim]:
    """Every claim that a box, or a tag, may name."""
    return all_claims() | extra_claims()


@functools.cache
def boxes() -> dict[str, tuple[Item, ...]]:
    """The items of every box, by the name of the chapter."""
    table = tomllib.loads(files("gpt2lab.claims").joinpath("data/boxes.toml").read_text(encoding="utf-8"))
    return {chapter: tuple(map(_item, items)) for chapter, items in table.items()}


def box(chapter: str) -> tuple[Item, ...]:
    """The items of a chapter such as ``04_heads``.

    Raises
    ------
    InputError
        If there are none, listing the chapters.
    """
    if chapter not in boxes():
        raise InputError(f"there is no box for {shown(chapter)}; there are boxes for {', '.join(boxes())}")
    return boxes()[chapter]


def _item(fields: dict[str, str | list[str]]) -> Item:
    lists = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
    return Item(**lists)  # type: ignore[arg-type]  # a wrong name or a missing one is a TypeError
