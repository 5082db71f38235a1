"""Write the box "Wrong claims you may meet" of every chapter from the data of the claims.

    python -m gpt2lab.course.boxes [chapters/04_heads.ipynb …]

Without file names, every chapter. Running it again changes nothing. After an edit of
gpt2lab/claims/data/boxes.toml, or of a verdict, run it; a test compares the chapters with the data, and each
item with the headings of the section to which it points.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from gpt2lab.claims.boxes import Item, box
from gpt2lab.course import cells, form, notebooks
from gpt2lab.errors import InputError
from gpt2lab.files import atomic_write

TAG = "claim:"


def text(chapter: str, folder: Path) -> str:
    """The source of a chapter's box.

    Parameters
    ----------
    chapter : str
        Such as ``04_heads``.
    folder : Path
        Where the chapters lie; the headings come from there.

    Raises
    ------
    InputError
        If there is no such box, or an item points to a section that is not there.
    """
    lines = [line(item, folder / f"{chapter}.ipynb") for item in box(chapter)]
    return "\n".join([f"## {form.CLAIMS}", "", *lines])


def line(item: Item, path: Path) -> str:
    """One item: *“quotation”* (met). **Verdict**: answer; section."""
    said = " and ".join(f"*“{quoted(one)}”*" for one in item.said)
    place = f"; {pointer(item.shown, path)}" if item.shown else ""
    return f"- {said} ({item.met}). **{item.verdict.capitalize()}**: {item.answer}{place}."


def quoted(words: str) -> str:
    """A quotation inside a quotation gets single marks."""
    return words.replace("“", "‘").replace("”", "’")


def pointer(place: str, path: Path) -> str:
    """How a text refers to a section: "section 4", "“Whose mean?”", "chapter 05, section 4".

    Parameters
    ----------
    place : str
        As in ``Item.shown``.
    path : Path
        The chapter that points.

    Raises
    ------
    InputError
        If the section, or the chapter, is not there.
    """
    chapter, _, section = place.rpartition("/")
    if not chapter and (path.parent / f"{place}.ipynb").exists():
        chapter, section = place, ""
    found = path.parent / f"{chapter}.ipynb" if chapter else path
    if not section:
        return _short(chapter)
    headings = [heading for cell in cells.read(found).cells for heading in _sections(cell)]
    numbered = {match[1]: match[2] for heading in headings if (match := re.match(r"(\d+) · (.*)", heading))}
    begun = [title for title in (*headings, *numbered.values()) if title == section or title.startswith(f"{section}:")]
    section = next((number for number, title in numbered.items() if title in begun), section)
    if section not in numbered and not begun:
        raise InputError(f"{path.name}: its box points to section {section!r} of {found.name}, which is not there")
    name = f"section {section}" if section in numbered else f"“{section}”"
    return f"{_short(chapter)}, {name}" if chapter else name


def _short(chapter: str) -> str:
    return f"chapter {chapter[:2]}" if chapter[:2].isdigit() else f"the {chapter}"


def _sections(cell: NotebookNode) -> list[str]:
    """The headings of level 2 in a cell, as they stand there."""
    source = cell.source if cell.cell_type == "markdown" else ""
    return re.findall(r"^## +(.+?) *$", source, flags=re.MULTILINE)


def box_cell(notebook: NotebookNode, path: Path) -> NotebookNode:
    """The cell of the box.

    Raises
    ------
    InputError
        If no cell, or more than one, holds its heading.
    """
    found = [cell for cell in cells.markdown_cells(notebook) if form.CLAIMS in _sections(cell)]
    if len(found) != 1 or not found[0].source.startswith(f"## {form.CLAIMS}"):
        raise InputError(f"{path}: expected one cell that begins with `## {form.CLAIMS}`, found {len(found)} with it")
    return found[0]


def tags(chapter: str, before: list[str]) -> list[str]:
    """The tags of the cell: what it carried beside claims, and the claims of its items."""
    ids = dict.fromkeys(id for item in box(chapter) for id in item.claims)
    return [tag for tag in before if not tag.startswith(TAG)] + [TAG + id for id in ids]


def write(path: Path) -> bool:
    """Write the box of one chapter, and what follows from its length: the minutes, and the list of chapters.

    Returns
    -------
    bool
        Whether anything changed.

    Raises
    ------
    InputError
        If the chapter has no box, in the notebook or in the data, or an item points nowhere.
    """
    notebook = cells.read(path)
    cell = box_cell(notebook, path)
    source, wanted = text(path.stem, path.parent), tags(path.stem, cells.tags(cell))
    if (cell.source, cells.tags(cell)) == (source, wanted):
        return False
    cell.source = source
    cell.metadata["tags"] = wanted
    with atomic_write(path) as part:
        nbformat.write(notebook, part)
    notebooks.finish(path)
    return True


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 if every box could be written, else 1."""
    failed = 0
    given = sys.argv[1:] if arguments is None else arguments
    for path in map(Path, given) if given else notebooks.chapters():
        try:
            print(f"{path}: {'written' if write(path) else 'current'}", flush=True)
        except InputError as error:
            print(error, flush=True)
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
