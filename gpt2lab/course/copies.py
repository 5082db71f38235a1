"""What a learner's copy of a chapter holds: no results yet, and no view of a panel whose kernel is gone.

These work on a notebook as plain JSON, because the server hands it over like that, and because a file
that is not a notebook must be copied as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import TypeAlias

Node: TypeAlias = dict[str, object]  # an object of JSON

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
RUN_ME = "Run this cell (Shift+Enter) to see the panel."
ANSWER_ME = "Run this cell (Shift+Enter) to see the question."
RUN_AGAIN = "Run this cell again (Shift+Enter): its panel stopped with its kernel."
# How what can be moved or answered describes itself where no kernel runs.
_PANEL = re.compile(r"(\w*Panel|Explorer)\(|(Clinic|FindTheBug|WhichAreRight):")
_QUESTION = re.compile(r"(Predict|Quiz)\b")


def learner_copy(original: bytes) -> bytes:
    """A chapter without outputs and execution counts; where a panel stood, a line says how to see it.

    Anything that is not a notebook is returned as it is.
    """
    try:
        notebook: object = json.loads(original)
    except (ValueError, RecursionError):
        return original
    cells = list(code_cells(notebook))
    if not isinstance(notebook, dict) or not cells:
        return original
    if isinstance(metadata := notebook.get("metadata"), dict):
        metadata.pop("widgets", None)
    for cell in cells:
        stored = " ".join(kind for output in outputs(cell) if (kind := kind_of(output)))
        hint = RUN_ME if "panel" in stored else ANSWER_ME if stored else ""
        cell["outputs"] = [_line(hint)] if hint else []
        cell["execution_count"] = None
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode()


def drop_dead_views(notebook: object, alive: Collection[str]) -> int:
    """Remove the views of widgets whose model lives in no kernel; JupyterLab would show an error there.

    What else the output holds stays (the picture, the text), and a line says how to get the panel back.
    Widgets whose state is stored in the notebook can be shown, so they stay, too.

    Parameters
    ----------
    notebook : dict
        A notebook as JSON; it is changed.
    alive : collection of str
        Ids of models that live in the notebook's kernel.

    Returns
    -------
    int
        How many views were taken out.
    """
    stored = _stored_models(notebook)
    dropped = 0
    for cell in code_cells(notebook):
        for output in outputs(cell):
            data = output.get("data")
            if not isinstance(data, dict) or not isinstance(view := data.get(WIDGET_VIEW), dict):
                continue
            if view.get("model_id") not in alive and view.get("model_id") not in stored:
                del data[WIDGET_VIEW]
                dropped += 1
                if kind_of(output) and _line(RUN_AGAIN) not in outputs(cell):
                    shown = cell["outputs"]
                    assert isinstance(shown, list)
                    shown.append(_line(RUN_AGAIN))
    return dropped


def views(notebook: object) -> set[str]:
    """Ids of the models whose views are among the outputs."""
    data = [output.get("data") for cell in code_cells(notebook) for output in outputs(cell)]
    found = [part[WIDGET_VIEW] for part in data if isinstance(part, dict) and WIDGET_VIEW in part]
    return {str(view.get("model_id")) for view in found if isinstance(view, dict)}


def code_cells(notebook: object) -> Iterator[Node]:
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    for cell in cells if isinstance(cells, list) else []:
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            yield cell


def outputs(cell: Node) -> list[Node]:
    found = cell.get("outputs")
    return [output for output in found if isinstance(output, dict)] if isinstance(found, list) else []


def kind_of(output: Node) -> str:
    """What an output shows: "panel" or "question"; empty for anything that cannot be moved or answered."""
    data = output.get("data")
    text = data.get("text/plain", "") if isinstance(data, dict) else ""
    text = "".join(text) if isinstance(text, list) else str(text)
    return "panel" if _PANEL.match(text) else "question" if _QUESTION.match(text) else ""


def _line(text: str) -> Node:
    return {"output_type": "display_data", "data": {"text/plain": [text]}, "metadata": {}}


def _stored_models(notebook: object) -> Collection[str]:
    found = notebook
    for name in ("metadata", "widgets", "application/vnd.jupyter.widget-state+json", "state"):
        found = found.get(name) if isinstance(found, dict) else None
    return found.keys() if isinstance(found, dict) else ()
