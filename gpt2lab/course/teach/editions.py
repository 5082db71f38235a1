"""The editions of the chapters, made from the one source.

- student: as learners get them, without results and without solutions;
- solutions: every exercise filled in;
- teacher: the solutions edition with a teacher's notes beside the cells, and a sheet for each chapter.

Each takes the chapters' folder and, if only some chapters are wanted, their names.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from gpt2lab.course import cells, navigation, workspace
from gpt2lab.course.copies import learner_copy
from gpt2lab.course.teach import sheets
from gpt2lab.course.teach.notes import notes
from gpt2lab.course.teach.sections import sections

TEACHER = "teacher"  # tag of the cells that only the teacher's edition has
NOT_COMPARED = "nbval-ignore-output"  # a solution that was filled in and not run


def student(chapters: Path, stems: Collection[str] | None = None) -> Iterator[tuple[str, bytes]]:
    """The files of the student edition: (path, content)."""
    for file in _files(chapters, stems):
        original = (chapters / file).read_bytes()
        yield file.as_posix(), learner_copy(original) if file.suffix == ".ipynb" else original


def solutions(chapters: Path, stems: Collection[str] | None = None) -> Iterator[tuple[str, bytes]]:
    """The files of the solutions edition; the outputs of solutions are empty until the notebooks are run."""
    for file in _files(chapters, stems):
        if file.suffix == ".ipynb":
            yield file.as_posix(), as_bytes(solved(cells.read(chapters / file), chapters / "solutions" / file.stem))
        else:
            yield file.as_posix(), (chapters / file).read_bytes()


def teacher(chapters: Path, stems: Collection[str] | None = None) -> Iterator[tuple[str, bytes]]:
    """The files of the teacher's edition, sheets included."""
    for file in _files(chapters, stems):
        if file.stem not in navigation.present(chapters) or file.suffix != ".ipynb":
            if file.suffix != ".ipynb":
                yield file.as_posix(), (chapters / file).read_bytes()
            continue
        notebook = cells.read(chapters / file)
        filled = solved(notebook, chapters / "solutions" / file.stem)
        yield file.as_posix(), as_bytes(annotated(filled, file.stem))
        yield f"sheets/{file.stem}.md", sheets.sheet(file.stem, notebook).encode()


def _files(chapters: Path, stems: Collection[str] | None) -> list[Path]:
    """Those of all chapters, or of some with what all of them need. The list of chapters is made anew: ``readmes``."""
    every = [file for file in workspace.chapter_files(chapters) if file.name != navigation.LIST]
    return [file for file in every if stems is None or file.suffix != ".ipynb" or file.stem in stems]


def solved(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """A copy whose exercises hold the solutions in ``folder``: one file for each, named like its tag."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        file = folder / f"{cells.exercise_name(cell)}.py"
        if cells.exercise_name(cell) and file.is_file():
            cell.source = file.read_text(encoding="utf-8").rstrip("\n")
            cell.outputs = []
            cell.metadata["tags"] = [*cells.tags(cell), NOT_COMPARED]
    return notebook


def annotated(notebook: NotebookNode, chapter: str) -> NotebookNode:
    """A copy with the teacher's notes behind the cells they speak of."""
    notebook = copy.deepcopy(notebook)
    known = notes(chapter).sections
    boxes = {
        section.id: sheets.of_section(section, chapter, known[section.id])
        for section in sections(notebook)
        if section.is_body
    }
    opening = cells.opening(notebook)
    if opening is not None:
        boxes[opening.id] = sheets.head(chapter, notebook)
    made = []
    for cell in notebook.cells:
        text = boxes.get(cell.id) or sheets.of_exercise(cell)
        made += [cell, *([_box(cell.id, text)] if text else [])]
    notebook.cells = made
    return notebook


def _box(id: str, text: str) -> NotebookNode:
    quoted = "\n".join(f"> {line}".rstrip() for line in text.splitlines())
    return new_markdown_cell(quoted, id=f"{TEACHER}-{id}", metadata={"tags": [TEACHER]})


def as_bytes(notebook: NotebookNode) -> bytes:
    """A notebook as a file: the same notebook, the same bytes."""
    nbformat.validate(notebook)
    return (nbformat.writes(notebook).rstrip("\n") + "\n").encode()
