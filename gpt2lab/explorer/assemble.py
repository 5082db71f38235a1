"""The explorer's JavaScript and CSS as the two strings that anywidget wants.

The modules in ``js/`` are put one after the other in the order in which they need each other; see
``gpt2lab.figures.javascript``.

Which views there are is said once, in ``views``: their JavaScript is found by name, and the program
ends with the table of them.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from importlib import resources

from gpt2lab.explorer.views import VIEWS
from gpt2lab.figures import javascript

MODULES = (
    "packing", "colour", "layout", "words", "dom", "theme", "store", "links", "address", "figure", "legend",
    "thumbnail", "weights", "taken", "together", "patches", "patchmap",
    *(f"views/{name}" for name in VIEWS),
    "generate", "knobs", "prediction", "changes", "save", "bar", "tour", "main",
)  # fmt: skip
# A page without Python needs somebody who answers: recorded answers, or an engine that runs the model.
RECORDED = ("page/model", "page/recorded")
LIVE = (
    "page/model",
    *(f"engine/{name}" for name in ("numbers", "gpt2", "parts", "patches", "tokenizer", "sampling", "bytes", "roles")),
    *(f"engine/{name}" for name in ("attribution", "sentences", "effects", "answers", "scene", "engine", "live")),
)  # fmt: skip


@functools.cache
def module() -> str:
    """All modules as one program that defines ``render``, which draws an explorer into an element."""
    table = ", ".join(f"{json.dumps(name)}: {name}View" for name in VIEWS)
    return f"{_joined(MODULES)}const render = renderer({{ {table} }});\n"


@functools.cache
def page_module(live: bool) -> str:
    """The same, and the program that fills a page: ``openPage(data, element, render, style)``."""
    return module() + (javascript.unpack() + _joined(LIVE) if live else _joined(RECORDED))


def _joined(names: Iterable[str]) -> str:
    folder = resources.files("gpt2lab.explorer").joinpath("js")
    return javascript.joined(folder.joinpath(f"{name}.mjs").read_text(encoding="utf-8") for name in names)


@functools.cache
def esm() -> str:
    """The same as an ES module, packed: it is sent with every explorer, and stored with widget state."""
    return javascript.packed(module() + "export default { render };\n")


@functools.cache
def css() -> str:
    """The style sheet."""
    return resources.files("gpt2lab.explorer").joinpath("explorer.css").read_text(encoding="utf-8")
