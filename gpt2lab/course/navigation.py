"""The way from chapter to chapter: a line at the top and at the bottom of each, and chapters/README.md.

The list of chapters is a README because that is the first page of the folder on GitHub, and the
course's JupyterLab opens it as a page with links. Both come from the table CHAPTERS.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from gpt2lab.course import cells
from gpt2lab.course.minutes import minutes
from gpt2lab.course.topics import CHAPTERS
from gpt2lab.course.workspace import LIST

_HEAD = """# The chapters

Made by `python -m gpt2lab.course.notebooks list` from the notebooks; a test keeps it current. The minutes
follow one rule (words / 150, 45 seconds a code cell, 60 seconds a prediction or panel); exercises take longer.

| | chapter | minutes |
| --- | --- | --- |
"""


def label(stem: str) -> str:
    """How links call a chapter: number and short title."""
    short = CHAPTERS[stem].split(":")[0]
    return f"{stem[:2]} · {short}" if stem[:2].isdigit() else short


def present(folder: Path) -> list[str]:
    """The chapters that are in a folder, in the order of the course."""
    return [stem for stem in CHAPTERS if (folder / f"{stem}.ipynb").exists()]


def line(stem: str, stems: list[str]) -> str:
    """Links back, to the list and on, as far as there are such chapters."""
    place = stems.index(stem)
    links = [f"[all chapters]({LIST})"]
    if place > 0:
        links.insert(0, f"[← {label(stems[place - 1])}]({stems[place - 1]}.ipynb)")
    if place + 1 < len(stems):
        links.append(f"[{label(stems[place + 1])} →]({stems[place + 1]}.ipynb)")
    return " | ".join(links)


def navigate(notebook: NotebookNode, path: Path) -> None:
    """Put the line into the first and the last cell of a chapter, in place of an older one.

    A notebook that is not a chapter of the course stays as it is.
    """
    stems = present(path.parent)
    if path.stem not in stems:
        return
    kept = [cell for cell in notebook.cells if not cells.is_navigation(cell)]
    notebook.cells = [_cell(path.stem, stems, "top"), *kept, _cell(path.stem, stems, "bottom")]


def _cell(stem: str, stems: list[str], where: str) -> NotebookNode:
    name = hashlib.sha256(f"{stem} {where}".encode()).hexdigest()[:8]
    return new_markdown_cell(line(stem, stems), id=name, metadata={"tags": [cells.NAV]})


def problem(notebook: NotebookNode, path: Path) -> str | None:
    """What is wrong with a chapter's navigation, in one sentence."""
    found = [(n, cell.source) for n, cell in enumerate(notebook.cells) if cells.is_navigation(cell)]
    wanted = line(path.stem, present(path.parent)) if path.stem in present(path.parent) else None
    if wanted is None or found == [(0, wanted), (len(notebook.cells) - 1, wanted)]:
        return None
    what = "is not current" if found else "is missing"
    return f"the navigation {what}: run `python -m gpt2lab.course.notebooks finish {path.name}`"


def list_of_chapters(folder: Path) -> str:
    """The text of chapters/README.md."""
    rows = []
    for stem in present(folder):
        number = stem[:2] if stem[:2].isdigit() else ""
        rows.append(
            f"| {number} | [{CHAPTERS[stem]}]({stem}.ipynb) | {minutes(cells.read(folder / f'{stem}.ipynb'))} |"
        )
    return _HEAD + "\n".join([*rows, ""])
