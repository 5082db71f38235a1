"""How long a chapter takes, by one rule for all: its text is read, its cells are run and looked at.

    words / 150, 45 seconds for each code cell, 60 seconds for each prediction and each panel

Exercises count like other cells, because the time for thinking cannot be predicted. The quiz does not count: it
may be answered on another day, and says how long it takes.
"""

from __future__ import annotations

import math
import re

from nbformat import NotebookNode

from gpt2lab.course import cells, copies
from gpt2lab.errors import InputError
from gpt2lab.quiz import progress

WORDS_A_MINUTE, CELL_S, LOOK_S = 150, 45, 60
MARKER = re.compile(r"\bMinutes: *(\d+)")


def words(notebook: NotebookNode) -> int:
    """Words of the text; a formula or a piece of code counts as one."""
    return sum(len(re.findall(r"\w+", cells.prose(cell))) for cell in cells.markdown_cells(notebook))


def predictions(notebook: NotebookNode) -> int:
    """Questions that ask for a guess."""
    return progress.predictions(notebook)


def panels(notebook: NotebookNode) -> int:
    """Panels that are shown: among the outputs of a cell that was run, among the calls of one that was not."""
    return sum(map(_panels, cells.code_cells(notebook)))


def _panels(cell: NotebookNode) -> int:
    if cell.execution_count:
        return sum(copies.kind_of(output) == "panel" for output in cell.outputs)
    return len(re.findall(r"\b(?:\w+Panel|Explorer)\(", cell.source))


def seconds(notebook: NotebookNode) -> float:
    """Seconds by the rule, of a chapter or of a part of its cells."""
    looks = predictions(notebook) + panels(notebook)
    return 60 * words(notebook) / WORDS_A_MINUTE + CELL_S * len(cells.reading_cells(notebook)) + LOOK_S * looks


def minutes(notebook: NotebookNode) -> int:
    """Minutes by the rule, rounded up."""
    return math.ceil(round(seconds(notebook) / 60, 9))  # a sum of thirds may end in 40.0000000001


def stated(notebook: NotebookNode) -> int | None:
    """The minutes that the opening cell names, as in "Minutes: 40"; None if it names none."""
    opening = cells.opening(notebook)
    found = MARKER.search(opening.source) if opening else None
    return int(found[1]) if found else None


def state(notebook: NotebookNode) -> None:
    """Put the minutes by the rule into the opening cell.

    Raises
    ------
    InputError
        If the opening cell has no "Minutes: 0" to put them into.
    """
    opening = cells.opening(notebook)
    if opening is None or not MARKER.search(opening.source):
        raise InputError('The opening cell must hold "**Minutes: 0.**"; the number is put in for you.')
    opening.source = MARKER.sub(f"Minutes: {minutes(notebook)}", opening.source, count=1)


def account(notebook: NotebookNode) -> str:
    """The minutes and what they are made of, in one line."""
    parts = (
        f"{words(notebook):,} words",
        f"{len(cells.reading_cells(notebook))} code cells",
        f"{predictions(notebook)} predictions",
        f"{panels(notebook)} panels",
    )
    return f"{minutes(notebook)} minutes: {', '.join(parts)}"
