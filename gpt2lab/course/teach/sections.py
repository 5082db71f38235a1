"""A chapter cut into its sections: what a teacher plans with, and what slides are made of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from nbformat import NotebookNode

from gpt2lab.course import cells, form, minutes, quizzes

EVERY_CHAPTER = (*form.HEADINGS, quizzes.HEADING, "Where to read on")  # parts that need no note of their own
_NUMBER = re.compile(r"^\d+ · ")
_HEADING = re.compile(r"^## +(.+?)\s*$", flags=re.M)


@dataclass(frozen=True)
class Section:
    """The cells from one heading of level 2 to the next.

    Attributes
    ----------
    id : str
        Of the cell that holds the heading; the key of the teacher's note.
    heading : str
        As it stands there; empty for what comes before the first one.
    cells : list of NotebookNode
        Without navigation. Text above a heading in the same cell counts for the section that it opens.
    """

    id: str
    heading: str
    cells: list[NotebookNode] = field(default_factory=list)

    @property
    def title(self) -> str:
        """The heading without its number and its marks."""
        return plain(self.heading)

    @property
    def numbered(self) -> str:
        """The heading with its number and without its marks."""
        return _without_marks(self.heading)

    @property
    def is_body(self) -> bool:
        """Whether it teaches: neither the opening nor a part that every chapter has."""
        return bool(self.heading) and self.title not in EVERY_CHAPTER

    @property
    def seconds(self) -> float:
        """By the rule of ``gpt2lab.course.minutes``, of which the chapter's minutes are the sum."""
        return minutes.seconds(NotebookNode(cells=self.cells))

    @property
    def minutes(self) -> int:
        """Rounded, at least 1."""
        return max(1, round(self.seconds / 60))


def plain(heading: str) -> str:
    """A heading as people say it: without the number in front and without marks."""
    return _without_marks(_NUMBER.sub("", heading))


def _without_marks(heading: str) -> str:
    return re.sub(r"[*`]", "", heading).strip()


def sections(notebook: NotebookNode) -> list[Section]:
    """The sections of a chapter, in order; the first one, without a heading, is the opening."""
    found = [Section("", "")]
    for cell in notebook.cells:
        if cells.is_navigation(cell):
            continue
        if cell.cell_type == "markdown" and (match := _HEADING.search(_without_code(cell.source))):
            found.append(Section(cell.id, match[1]))
        found[-1].cells.append(cell)
    return found


def section_of(notebook: NotebookNode, heading: str) -> Section | None:
    """The section in which a heading of any level stands; None if there is none."""
    for section in sections(notebook):
        titles = (plain(found) for cell in section.cells for found in cells.headings(cell))
        if plain(heading) in titles:
            return section
    return None


def subheadings(section: Section) -> Iterator[str]:
    """Headings of level 3 and below, without marks."""
    for cell in section.cells:
        if cell.cell_type == "markdown":
            yield from (plain(found) for found in re.findall(r"^#{3,6} +(.+?)\s*$", _without_code(cell.source), re.M))


def _without_code(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
