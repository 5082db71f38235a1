"""Text that is on every machine: the source of Python's own standard library."""

from __future__ import annotations

import sysconfig
from collections.abc import Iterator
from pathlib import Path


def standard_library_files(max_bytes: int = 4_000_000) -> Iterator[tuple[str, str]]:
    """Python's own source, file by file in alphabetical order: real text that is on every machine.

    Tests and files that are not UTF-8 are left out. The files differ between Python versions.

    Yields
    ------
    name, text : str
        The path below the library's folder, with "/" on every system, and the content. Ends with
        the file that reaches ``max_bytes``.
    """
    root = Path(sysconfig.get_paths()["stdlib"])
    skip = {"site-packages", "test", "tests", "idle_test", "__pycache__", "lib2to3", "dist-packages"}
    size = 0
    for file in sorted(root.rglob("*.py")):
        name = file.relative_to(root)
        if skip & set(name.parts):
            continue
        try:
            text = file.read_text(encoding="utf-8")
        except (UnicodeDecodeError, OSError):
            continue
        yield name.as_posix(), text
        size += len(text.encode("utf-8"))
        if size >= max_bytes:
            return


def standard_library_text(max_bytes: int = 4_000_000) -> str:
    """``standard_library_files`` as one text."""
    return "\n".join(text for _, text in standard_library_files(max_bytes))
