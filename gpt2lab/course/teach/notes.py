"""A teacher's notes: data beside the cells, keyed by their ids.

``data/notes/CHAPTER.toml`` holds one table for the chapter and one for each section that teaches, named by the id
of the cell in which its heading stands::

    [chapter]
    goal = "…"                       # what the room can say at the end
    prepare = "…"                    # before the lesson
    steps = ["223c822f", "", "…"]    # of "In a class: 45 minutes": the sections that each is about, none or more

    [223c822f]
    gist = "…"                       # the section in one line: the answer on its slide
    say = "…"                        # what to do, and where people stumble
    ask = ["…", "…"]                 # questions to the room
    wrong = [["…", "…"]]             # what is often said, and what to answer
    code = ["9ef2b7ef"]              # ids of cells whose code is the lesson: the slides show it
    skip = "…"                       # if the section may be left out at 45 minutes: what to say in its place

Predictions, wrong options of the quiz and known mistakes in exercises are data elsewhere: ``questions`` and
``mistakes`` find them.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

from nbformat import NotebookNode

from gpt2lab.course import cells, form
from gpt2lab.course.teach.sections import sections
from gpt2lab.errors import InputError

LONGEST_GIST = 160  # letters: what fits on a slide
_KEYS = {"gist", "say", "ask", "wrong", "code", "skip"}


@dataclass(frozen=True)
class Note:
    """On one section."""

    gist: str
    say: str
    ask: tuple[str, ...] = ()
    wrong: tuple[tuple[str, str], ...] = ()
    skip: str = ""
    code: tuple[str, ...] = ()  # ids of cells


@dataclass(frozen=True)
class Notes:
    """On one chapter."""

    goal: str
    prepare: str
    steps: tuple[str, ...]  # ids with blanks between them, for each step of the lesson of 45 minutes
    sections: dict[str, Note]  # by the id of the cell with the heading


@functools.cache
def notes(chapter: str) -> Notes:
    """The notes on a chapter, such as 03_attention.

    Raises
    ------
    InputError
        If there are none, or if they break the form above; the message names the place.
    """
    file = files("gpt2lab.course.teach").joinpath(f"data/notes/{chapter}.toml")
    if not file.is_file():
        raise InputError(f"there are no teacher's notes on {chapter!r}")
    return read(file.read_text(encoding="utf-8"), f"{chapter}.toml")


def read(text: str, name: str) -> Notes:
    """The notes in a TOML text; ``name`` is for messages.

    Raises
    ------
    InputError
        If it breaks the form.
    """
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{name}: not TOML ({error})") from error
    head = found.pop("chapter", {})
    if set(head) != {"goal", "prepare", "steps"} or not isinstance(head["steps"], list):
        raise InputError(
            f"{name}: [chapter] must hold goal, prepare and a list steps, got {', '.join(head) or 'nothing'}"
        )
    known = {key: _note(entry, f"{name}, [{key}]") for key, entry in found.items()}
    return Notes(head["goal"], head["prepare"], tuple(map(str, head["steps"])), known)


def _note(entry: dict[str, object], where: str) -> Note:
    if unknown := set(entry) - _KEYS:
        raise InputError(f"{where}: expected {', '.join(sorted(_KEYS))}, got {', '.join(sorted(unknown))}")
    gist, say, skip = (entry.get(key, "") for key in ("gist", "say", "skip"))
    ask, wrong, code = (entry.get(key, []) for key in ("ask", "wrong", "code"))
    if not (isinstance(gist, str) and isinstance(say, str) and isinstance(skip, str) and gist and say):
        raise InputError(f"{where}: gist and say must be texts, and skip one if it is there")
    if len(gist) > LONGEST_GIST:
        raise InputError(f"{where}: the gist has {len(gist)} letters; at most {LONGEST_GIST}")
    for key, found in (("ask", ask), ("code", code)):
        if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
            raise InputError(f"{where}: {key} must be a list of texts")
    if not isinstance(wrong, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in wrong):
        raise InputError(f"{where}: wrong must be a list of pairs: what is said, what to answer")
    assert isinstance(ask, list) and isinstance(code, list)  # as the loop has seen
    pairs = tuple((str(said), str(answer)) for said, answer in wrong)
    return Note(gist, say, tuple(ask), pairs, skip, tuple(code))


def problems(chapter: str, notebook: NotebookNode) -> Iterator[str]:
    """What does not fit between a chapter and its notes, a sentence each."""
    known = notes(chapter).sections
    taught = {section.id: section.heading for section in sections(notebook) if section.is_body}
    for key in known.keys() - taught.keys():
        yield f"notes on {chapter}: [{key}] is the id of no cell with the heading of a section"
    for id, heading in taught.items():
        if id not in known:
            yield f"notes on {chapter}: [{id}] is missing, for the section {heading!r}"
    yield from _problems_of_the_lesson(chapter, notebook, taught)
    for section in sections(notebook):
        own = {cell.id for cell in section.cells if cell.cell_type == "code"}
        for id in known[section.id].code if section.id in known else ():
            if id not in own:
                yield f"notes on {chapter}: [{section.id}] shows the code of {id}, no code cell of that section"


def _problems_of_the_lesson(chapter: str, notebook: NotebookNode, taught: dict[str, str]) -> Iterator[str]:
    """Each step has its sections, and each section is in a step or can be skipped with a sentence."""
    known = notes(chapter)
    planned = len(form.ITEM.findall(cells.section(notebook, form.CLASS) or ""))
    if planned != len(known.steps):
        yield f"notes on {chapter}: {len(known.steps)} steps, and {planned} in the part {form.CLASS!r}"
    used = {id for ids in known.steps for id in ids.split()}
    for id in used - taught.keys():
        yield f"notes on {chapter}: steps name {id}, the id of no section"
    for id in taught.keys() - used:
        if id in known.sections and not known.sections[id].skip:
            yield f"notes on {chapter}: [{id}] is in no step of the lesson and lacks skip: what to say in its place"
