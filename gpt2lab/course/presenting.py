"""`gpt2lab open 3 --present`: a chapter for a projector, in a copy of its own.

The code is folded (a click on a cell's bar opens it, Alt+C all of them), letters are large, file browser and tabs are
away, and every prediction has a heading and a link to the next. The copy is made anew each time, below
work/presenting/, and no answer is filed from it, so that the teacher's own answers do not show.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from gpt2lab.course import copies
from gpt2lab.files import atomic_write
from gpt2lab.files.records import SWITCH

FOLDER = "presenting"  # in work/
LINK = re.compile(r"\]\((?=\w+\.(ipynb|md)\b)")  # to a neighbour, which lies one folder up
# JupyterLab's settings: two shortcuts for commands that have none, as defaults for all users …
SHORTCUTS = {
    "@jupyterlab/shortcuts-extension:shortcuts": {
        "shortcuts": [
            {"command": "notebook:show-all-cell-code", "keys": ["Alt C"], "selector": ".jp-Notebook"},
            {"command": "notebook:hide-all-cell-code", "keys": ["Alt Shift C"], "selector": ".jp-Notebook"},
        ]
    },
}
# … and sizes, which it reads from the user's own settings only: those of a folder for presenting.
SIZES = {"overrides": {"code-font-size": "22px", "content-font-size1": "24px", "ui-font-size1": "15px"}}
SIZES_FILE = Path("@jupyterlab", "apputils-extension", "themes.jupyterlab-settings")


def settings(jupyter: Path) -> dict[str, str]:
    """Write the sizes below the course's folder of Jupyter's settings; the variable that makes JupyterLab read them."""
    folder = jupyter / FOLDER
    file = folder / SIZES_FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():  # somebody may have found better ones
        file.write_text(json.dumps(SIZES, indent=1))
    return {"JUPYTERLAB_SETTINGS_DIR": str(folder), SWITCH: "off"}


def write(chapter: Path, work: Path) -> Path:
    """Write the copy of a chapter; returns it."""
    notebook = nbformat.reads(copies.learner_copy(chapter.read_bytes()).decode("utf-8"), as_version=4)
    target = work / FOLDER / chapter.name
    with atomic_write(target) as part:
        nbformat.write(presented(notebook), part)
    return target


def presented(notebook: NotebookNode) -> NotebookNode:
    """The notebook with its code folded, and before each prediction a heading with a link to the next one."""
    notebook.cells = [cell for cell in notebook.cells if "nav" not in cell.metadata.get("tags", ())]
    questions = [cell for cell in notebook.cells if is_prediction(cell)]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = LINK.sub("](../", cell.source)
        elif not is_exercise(cell):
            cell.metadata.setdefault("jupyter", {})["source_hidden"] = True
    shown: list[NotebookNode] = []
    for cell in notebook.cells:
        if is_prediction(cell):
            shown.append(_pointer(questions.index(cell) + 1, len(questions)))
        shown.append(cell)
    if questions:
        place = 1 + next(i for i, cell in enumerate(shown) if cell.source.startswith("# "))
        shown.insert(place, _first(len(questions)))
    notebook.cells = shown
    return notebook


def is_prediction(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and "Predict(" in cell.source


def is_exercise(cell: NotebookNode) -> bool:
    """Whether the learner writes in it: its code is the point."""
    return any(tag.startswith("exercise:") for tag in cell.metadata.get("tags", ()))


def _pointer(number: int, of: int) -> NotebookNode:
    here = f"#### Prediction {number} of {of}"
    onward = f"\n\nHands up, then run the cell. [Next prediction ↓](#Prediction-{number + 1}-of-{of})"
    return new_markdown_cell(here + (onward if number < of else "\n\nHands up, then run the cell. It is the last."))


def _first(of: int) -> NotebookNode:
    return new_markdown_cell(f"{of} predictions. [To the first ↓](#Prediction-1-of-{of})")
