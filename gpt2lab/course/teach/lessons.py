"""A lesson of 45 minutes for each chapter: its steps with the time, the place in the notebook and the slides.

The steps are those of the chapter's part "In a class: 45 minutes"; the teacher's notes say which sections each of them
is about, and what to say of the sections that are left out.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from nbformat import NotebookNode

from gpt2lab.course import cells, form, navigation
from gpt2lab.course.teach import live
from gpt2lab.course.teach.notes import notes
from gpt2lab.course.teach.sections import Section, sections
from gpt2lab.course.teach.slides import slides as made_of

_STEP = re.compile(r"^[-*] (\d+) min: (.+)$", re.M)


class Step(NamedTuple):
    """A part of the lesson."""

    minutes: int
    do: str  # markdown
    sections: tuple[Section, ...]  # that it is about; empty: no notebook is needed


def steps(chapter: str, notebook: NotebookNode) -> list[Step]:
    """The steps of a chapter's lesson; the notes name as many groups of sections, which a test sees to."""
    body = {section.id: section for section in sections(notebook) if section.is_body}
    found = _STEP.findall(cells.section(notebook, form.CLASS) or "")
    named = notes(chapter).steps
    return [
        Step(int(minutes), do, tuple(body[id] for id in ids.split()))
        for (minutes, do), ids in zip(found, named, strict=True)
    ]


def lesson(chapter: str, notebook: NotebookNode, slides: bool = False) -> str:
    """The page of a chapter's lesson, as markdown; links lead to the teacher's edition and, if made, the slides."""
    note, planned = notes(chapter), steps(chapter, notebook)
    deck = made_of(notebook, chapter) if slides else []
    shown = {slide.of: number for number, slide in enumerate(deck, start=1) if slide.kind == "section"}
    used = {section.id for step in planned for section in step.sections}
    rows, at = ["| from | min | what | where | to read alone |", "|---|---|---|---|---|"], 0
    for step in planned:
        where = "<br>".join(_where(section, chapter, shown) for section in step.sections)
        alone = sum(section.minutes for section in step.sections)
        rows.append(f"| 0:{at:02} | {step.minutes} | {step.do} | {where} | {f'{alone} min' if alone else ''} |")
        at += step.minutes
    number = chapter.partition("_")[0].lstrip("0") or "0"
    parts = [
        f"# {navigation.label(chapter)} in {form.CLASS_MINUTES} minutes",
        f"**At the end** {note.goal}",
        f"**Before** {note.prepare} Read the [sheet](../sheets/{chapter}.md): questions to the room, and what is "
        "often said.",
        f"**On the projector** {_shown(chapter, notebook, slides)}`gpt2lab open {number} --present` for panels that "
        "move; run it to the end before the lesson.",
        "\n".join(rows),
    ]
    left_out = [section for section in sections(notebook) if section.is_body and section.id not in used]
    short = [section for section in sections(notebook) if section.id in used and note.sections[section.id].skip]
    for heading, found in (("Left out", left_out), ("If time runs short", short)):
        if found:
            lines = (f"- {_where(each, chapter, shown)}: {note.sections[each.id].skip}" for each in found)
            parts.append(f"## {heading}\n\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _shown(chapter: str, notebook: NotebookNode, slides: bool) -> str:
    if not slides:
        return ""
    pages = [live.link(cell.id, presenter=True) for cell in notebook.cells if cell.id in live.EXPLORERS]
    links = "".join(f", the [explorer](../../slides/{page}) without Python" for page in pages)
    return f"The [slides](../../slides/{chapter}.html), where N goes to the next section{links}; "


def _where(section: Section, chapter: str, shown: dict[str, int]) -> str:
    """Links to a section in the notebook and, by its number, to its first slide."""
    slide = f", [slide {shown[section.id]}](../../slides/{chapter}.html#{section.id})" if shown else ""
    return f"[{section.numbered}](../{chapter}.ipynb#cell-id={section.id}){slide}"
