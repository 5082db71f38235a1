"""The explorer's JavaScript and CSS as the two strings that anywidget wants.

A widget's module is imported from a blob, where relative imports fail. So the modules in ``js/`` are
put one after the other in the order in which they need each other, without their import lines and
without comments; no other tool is involved. A name may be exported by one module only.
"""

from __future__ import annotations

import functools
import re
from importlib import resources
from pathlib import Path

MODULES = (
    "packing", "colour", "layout", "words", "dom", "store", "figure", "legend",
    "grid", "head", "scores", "stream", "neurons", "lens", "next", "overview",
    "changes", "save", "bar", "main",
)  # fmt: skip

_IMPORT = re.compile(r"^import [^;]*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class|let))", re.MULTILINE)
_COMMENT = re.compile(r"^\s*//.*\n", re.MULTILINE)
_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)


@functools.cache
def esm() -> str:
    """All modules as one ES module."""
    folder = resources.files("gpt2lab.explorer").joinpath("js")
    parts = [folder.joinpath(f"{name}.mjs").read_text(encoding="utf-8") for name in MODULES]
    source = "".join(_EXPORT.sub("", _IMPORT.sub("", part)) for part in parts)
    return _INDENT.sub("", _COMMENT.sub("", source)) + "export default { render };\n"


@functools.cache
def css() -> str:
    """The style sheet."""
    return resources.files("gpt2lab.explorer").joinpath("explorer.css").read_text(encoding="utf-8")


if __name__ == "__main__":  # python -m gpt2lab.explorer.assemble FILE: for the tests in tests/js
    import sys

    Path(sys.argv[1]).write_text(esm(), encoding="utf-8")
