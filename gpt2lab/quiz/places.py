"""Where a heading stands in a notebook: what a link to it must name in Jupyter.

A question names headings without their numbers and marks; JupyterLab finds them with both taken as they stand.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path

_NUMBER = re.compile(r"\d+ · ")


def titles(source: str) -> list[str]:
    """The headings in the text of a markdown cell, without their marks."""
    text = re.sub(r"^```.*?^```", "", source, flags=re.M | re.S)
    return [re.sub(r"[*`\[\]|]", "", found) for found in re.findall(r"^#{1,6} +(.+?)\s*$", text, flags=re.M)]


def anchor(folder: Path, chapter: str, heading: str) -> str:
    """The end of an address that leads to a heading of a chapter, such as ``#heading=3-·-The-layers``.

    Parameters
    ----------
    folder : Path
        Where the chapters lie.
    chapter, heading : str
        As a question names them.

    Returns
    -------
    str
        Empty if the folder has no such notebook, or the notebook no such heading.
    """
    path = folder / f"{chapter}.ipynb"
    try:
        title = _by_name(path, path.stat().st_mtime_ns).get(heading)
    except OSError:
        return ""
    return "#heading=" + title.replace(" ", "-") if title else ""


@functools.lru_cache(maxsize=32)
def _by_name(path: Path, changed: int) -> dict[str, str]:
    """The headings of a notebook by what questions call them; none if it cannot be read."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        sources = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return {_NUMBER.sub("", title, count=1): title for source in sources for title in titles(source)}
