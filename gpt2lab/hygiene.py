"""What every chapter keeps to, so that it reads well and its outputs can be compared."""

from __future__ import annotations

from pathlib import Path

from nbformat import NotebookNode


def problems(notebook: NotebookNode, path: Path) -> list[str]:
    """Each broken rule as one sentence; empty if there is none."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    found = []
    if [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
        found.append("not run once from top to bottom")
    return found
