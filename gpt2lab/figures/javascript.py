"""Modules of JavaScript as one program.

A widget's module is imported from a blob, where relative imports fail. So modules are put one after the
other, without their import lines, and without the comments and blanks that only people need. A name may be used at
the top level of one module only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from rjsmin import jsmin

_IMPORT = re.compile(r"^import [^;]*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class|let))", re.MULTILINE)


def joined(modules: Iterable[str]) -> str:
    """The sources of modules, each after those that it imports from, as one program without exports."""
    source = jsmin("".join(_EXPORT.sub("", _IMPORT.sub("", module)) for module in modules))
    assert isinstance(source, str)
    return f"{source}\n"
