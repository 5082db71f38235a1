"""Modules of JavaScript as one program.

A widget's module is imported from a blob, where relative imports fail. So modules are put one after the
other, without their import lines, comments, empty lines and the blanks that only people need; no other tool is
involved. A name may be used at the top level of one module only.

A program that is sent often travels packed, as does the data of a page: text gets less than half as long.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterable
from importlib import resources

_IMPORT = re.compile(r"^import [^;]*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class|let))", re.MULTILINE)
_COMMENT = re.compile(r"^\s*//.*\n|[ \t]+// [^\"`\n]*$", re.MULTILINE)  # one after code holds no quotes
_QUOTED = re.compile(r'("(?:[^"\\]|\\.)*"|`[^`]*`)')
_BLANKS = re.compile(r" ?([{}()\[\],;:?=<>*&|!%]+) ?|(?<![+-]) ([+/-]) (?![+-])")
_BREAK = re.compile(r"(?<=[{(\[,;])\n$")
_INDENT = re.compile(r"^\s+", re.MULTILINE)  # and empty lines


def joined(modules: Iterable[str]) -> str:
    """The sources of modules, each after those that it imports from, as one program without exports."""
    source = "".join(_EXPORT.sub("", _IMPORT.sub("", module)) for module in modules)
    return "".join(map(_tight, _INDENT.sub("", _COMMENT.sub("", source)).splitlines(keepends=True)))


def packed(program: str) -> str:
    """An ES module that holds another one, packed, and draws with that one's ``render``; see ``js/packed.mjs``."""
    return unpack() + joined([_own("packed")]).replace("@@PROGRAM@@", deflated(program))


def deflated(text: str) -> str:
    """A text as base64 of a zlib stream; ``unpacked`` in ``unpack`` is the inverse."""
    return base64.b64encode(zlib.compress(text.encode("utf-8"), 9)).decode("ascii")


def unpack() -> str:
    """The module ``js/unpack.mjs`` as part of a program: ``await unpacked(base64)``."""
    return joined([_own("unpack")])


def _own(name: str) -> str:
    return resources.files("gpt2lab.figures").joinpath("js", f"{name}.mjs").read_text(encoding="utf-8")


def _tight(line: str) -> str:
    """A line without the blanks around signs, and without its end where a sign leaves no doubt.

    Where a template may hold another one, or a slash may begin a regular expression, the blanks stay; the end
    stays where there may be a comment.
    """
    line = line if "//" in line else _BREAK.sub("", line)
    parts = _QUOTED.split(line)  # code and quoted text by turns
    code = "".join(parts[::2])
    if line.count("`") > 2 or "`" in code or "'" in code or re.search(r"/(?! )", code):
        return line
    return "".join(part if i % 2 else _BLANKS.sub(r"\1\2", part) for i, part in enumerate(parts))
