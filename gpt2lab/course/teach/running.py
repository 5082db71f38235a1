"""Running the editions: the solutions for their results, the student's as somebody would who has done nothing yet."""

from __future__ import annotations

import tempfile
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from gpt2lab.course import cells, notebooks
from gpt2lab.course.hygiene import NOT_DONE
from gpt2lab.course.teach import editions


def executed(data: bytes, stem: str) -> bytes:
    """A notebook of the solutions edition with its own results, so that all of them can be compared."""
    notebook = _run(data)
    for cell in notebook.cells:
        if cells.exercise_name(cell):
            cell.metadata["tags"] = [tag for tag in cells.tags(cell) if tag != editions.NOT_COMPARED]
    notebooks.clean(notebook, stem)
    return editions.as_bytes(notebook)


def open_exercises(data: bytes) -> list[str]:
    """The exercises that a notebook, run from top to bottom, says are not done.

    Raises
    ------
    InputError
        If a cell stops; the message shows it.
    """
    return [
        name
        for cell in _run(data).cells
        if (name := cells.exercise_name(cell)) and any(NOT_DONE in text for text in cells.texts(cell))
    ]


def _run(data: bytes) -> NotebookNode:
    notebook = nbformat.reads(data.decode(), as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        notebooks.execute(notebook, Path(folder))
    return notebook
