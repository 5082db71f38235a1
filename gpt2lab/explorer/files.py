"""Files of what is on screen: a picture, the numbers, or the explorer itself as one HTML page.

The page holds the widget's own JavaScript and its state. It needs no kernel and no network: either it holds
the model and runs it (``live``), or it holds the answers to questions a reader may ask, recorded here. What
was not recorded says so.
"""

from __future__ import annotations

import base64
import csv
import html
import io
import json
import os
from importlib import resources
from pathlib import Path

from gpt2lab.errors import InputError
from gpt2lab.explorer import live, picture
from gpt2lab.explorer.answers import answer, likely_questions
from gpt2lab.explorer.assemble import css, page_module
from gpt2lab.explorer.scene import make_scene
from gpt2lab.explorer.screen import Screen
from gpt2lab.explorer.script import script
from gpt2lab.explorer.views import VIEWS
from gpt2lab.explorer.views.base import Answer
from gpt2lab.files import atomic_write

PAGE_BYTES = 6_000_000  # answers recorded in a page, before base64
MANY_WORDS = 5_000  # above this vocabulary, next tokens and the lens are recorded around the selection only
NEAR = 16
FILES = ("csv", "html", "code")  # what the browser may ask for beside the views' questions


def save(screen: Screen, path: str | os.PathLike[str], recorded: bool | None = None) -> None:
    """Write what is on screen to ``path``; the ending picks the kind, and ``recorded`` that of a page.

    Raises
    ------
    InputError
        For any ending but .png, .svg, .csv and .html, and for a page that was to run what it cannot run.
    """
    path = Path(path)
    kinds = {
        ".png": lambda: picture.draw(screen).png(),
        ".svg": lambda: picture.draw(screen).svg(),
        ".csv": lambda: csv_text(screen).encode("utf-8"),
        ".html": lambda: html_page(screen, recorded).encode("utf-8"),
    }
    if path.suffix.lower() not in kinds:
        raise InputError(f"the file must end in {', '.join(kinds)}, got {path.name!r}")
    data = kinds[path.suffix.lower()]()
    with atomic_write(path) as part:
        part.write_bytes(data)


def file_answer(screen: Screen, kind: str) -> Answer:
    """A file for the browser to save, or the code for it to show: ``kind`` is one of ``FILES``."""
    if kind == "csv":
        return {"name": f"{screen.view}.csv"}, [csv_text(screen).encode("utf-8")]
    if kind == "html":
        return {"name": "explorer.html"}, [html_page(screen).encode("utf-8")]
    return {"code": script(screen)}, []


def csv_text(screen: Screen) -> str:
    """The exact numbers of the present view, one row per item, with a header."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerows(VIEWS[screen.view].rows(screen))
    return buffer.getvalue()


def html_page(screen: Screen, recorded: bool | None = None) -> str:
    """The explorer as one file that works from disk, without a kernel and without a network.

    Parameters
    ----------
    recorded : bool, optional
        False: the page runs the model itself, or InputError. True: it holds answers. None: whichever is possible.
    """
    recorded = not live.can_run(screen) if recorded is None else recorded
    held = {"answers": _recorded(screen)} if recorded else live.page_data(screen, css())
    data = json.dumps({"state": _state(screen, recorded), **held}, default=_base64)
    template = resources.files("gpt2lab.explorer").joinpath("page.html").read_text(encoding="utf-8")
    parts = {
        "TITLE": html.escape(screen.title or "GPT-2 explorer"),
        "CSS": css() if recorded else "",
        "MODULE": page_module(live=not recorded),
        # Inside a script element only "<" can end it; as \u003c it is the same JSON.
        "DATA": data.replace("<", "\\u003c"),
    }
    first, *rest = template.split("@@")
    return first + "".join(parts[piece] if i % 2 == 0 else piece for i, piece in enumerate(rest))


def _state(screen: Screen, recorded: bool) -> dict[str, object]:
    """The traits that the page's JavaScript reads. In a recording nothing can be switched off; a page that runs
    the model makes its scene itself.
    """
    scene = make_scene(screen, fixed=True) if recorded else {}
    names: tuple[str, ...] = ("text", "text_b", "layer", "head", "token", "key", "view", "ablated", "patched")
    names += ("presenter", "title", "step", "also", "span", "which_run", "weighted")
    traits = {**{name: getattr(screen, name) for name in names}, **vars(screen.knobs)}
    ids = screen.runs[0].tokens[0].tolist() if screen.given and not recorded else []
    said: dict[str, object] = {"message": "", "notice": "", "_answered": 0, "_tour": screen.tour, "_page": True}
    if screen.named:
        said["_names"] = screen.names  # else the page makes them, with its scene
    return {**traits, **said, "_scene": scene, "_recorded": recorded, "_tokens": ids}


def _recorded(screen: Screen) -> dict[str, object]:
    """Answers by question, until the page is full."""
    recorded: dict[str, object] = {}
    size = 0
    for question in likely_questions(screen, MANY_WORDS, NEAR):
        if question in recorded:
            continue
        try:
            meta, buffers = answer(screen, question)
        except ValueError as error:
            recorded[question] = {"error": str(error)}
            continue
        size += sum(map(len, buffers)) + (len(json.dumps(meta)) if not buffers else 300)
        if size > PAGE_BYTES:
            break
        recorded[question] = {"meta": meta, "buffers": buffers}
    return recorded


def _base64(value: bytes) -> dict[str, str]:
    return {"base64": base64.b64encode(value).decode("ascii")}
