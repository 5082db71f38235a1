"""Modules of JavaScript as one program.

A widget's module is imported from a blob, where relative imports fail. So modules are put one after the
other, without their import lines, comments and empty lines; no other tool is involved. A name may be used at
the top level of one module only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_IMPORT = re.compile(r"^import [^;]*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class|let))", re.MULTILINE)
_COMMENT = re.compile(r"^\s*//.*\n|[ \t]+// [^\"`\n]*$", re.MULTILINE)  # one after code holds no quotes
_INDENT = re.compile(r"^\s+", re.MULTILINE)  # and empty lines


def joined(modules: Iterable[str]) -> str:
    """The sources of modules, each after those that it imports from, as one program without exports."""
    source = "".join(_EXPORT.sub("", _IMPORT.sub("", module)) for module in modules)
    return _INDENT.sub("", _COMMENT.sub("", source))
