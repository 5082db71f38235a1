"""The explorer's JavaScript and CSS as the two strings that anywidget wants.

A widget's module is imported from a blob, where relative imports fail. So the modules in ``js/`` are
put one after the other in the order in which they need each other, without their import lines and
without comments; no other tool is involved. A name may be exported by one module only.

Which views there are is said once, in ``views``: their JavaScript is found by name, and the program
ends with the table of them.
"""

from __future__ import annotations

import functools
import json
import re
from importlib import resources

from gpt2lab.explorer.views import VIEWS

MODULES = (
    "packing", "colour", "layout", "words", "dom", "store", "figure", "legend", "thumbnail", "weights",
    *(f"views/{name}" for name in VIEWS),
    "changes", "save", "bar", "main",
)  # fmt: skip

_IMPORT = re.compile(r"^import [^;]*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class|let))", re.MULTILINE)
_COMMENT = re.compile(r"^\s*//.*\n", re.MULTILINE)
_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)


@functools.cache
def module() -> str:
    """All modules as one program that defines ``render``, which draws an explorer into an element."""
    folder = resources.files("gpt2lab.explorer").joinpath("js")
    parts = [folder.joinpath(f"{name}.mjs").read_text(encoding="utf-8") for name in MODULES]
    source = "".join(_EXPORT.sub("", _IMPORT.sub("", part)) for part in parts)
    table = ", ".join(f"{json.dumps(name)}: {name}View" for name in VIEWS)
    return f"{_INDENT.sub('', _COMMENT.sub('', source))}const render = renderer({{ {table} }});\n"


@functools.cache
def esm() -> str:
    """The same as an ES module."""
    return module() + "export default { render };\n"


@functools.cache
def css() -> str:
    """The style sheet."""
    return resources.files("gpt2lab.explorer").joinpath("explorer.css").read_text(encoding="utf-8")
