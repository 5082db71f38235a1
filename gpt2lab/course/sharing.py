"""`gpt2lab share`: prepare one course folder that many users of a computer read and none of them changes.

The learners' copies lie elsewhere (:func:`gpt2lab.course.workspace.home`). What a read-only folder cannot get
later has to be there before: the vocabulary, the compiled modules, and the right to read.
"""

from __future__ import annotations

import argparse
import compileall
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from gpt2lab.course import workspace
from gpt2lab.errors import InputError
from gpt2lab.files.records import HOME
from gpt2lab.tokenizer import vocabulary

SHARED = ("course.py", "pyproject.toml", "constraints.txt", "chapters", "gpt2lab", ".venv")  # what learners read
SHOWN = 5  # paths in a message


def share_command(arguments: list[str]) -> int:
    """`gpt2lab share`: exit code 1 while somebody could not read the course."""
    parser = argparse.ArgumentParser(
        "gpt2lab share", description="Prepare this folder for many learners, who read it and never write it."
    )
    parser.add_argument("--fix", action="store_true", help="let everybody read what they cannot read in it yet")
    options = parser.parse_args(arguments)
    if os.name == "nt":
        raise InputError("Expected Linux or macOS, found Windows, where `gpt2lab share` does not know the permissions.")

    root = workspace.course_root()
    try:
        print(f"vocabulary: {vocabulary.share().parent}")
        compileall.compile_dir(root / "gpt2lab", quiet=2)
    except OSError as error:
        raise InputError(f"Expected a folder of your own, {root} cannot be written ({error}). Ask its owner.") from None
    if options.fix:
        for path in closed(root):
            if path.is_relative_to(root):
                path.chmod(path.stat().st_mode | _needed(path))
    if shut := list(closed(root)):
        return _say("Not everybody can read", shut, "`gpt2lab share --fix` opens what lies in the course's folder.")
    if loose := list(writable(root)):
        return _say("Everybody can change", loose, "`chmod -R o-w` on them keeps one learner from changing all.")
    print(f"permissions: everybody may read {root}, others may not write it")
    print(f"Learners start  {Path(sys.prefix, 'bin', 'gpt2lab')} open")
    print(f"Their copies and answers lie in ~/gpt2lab, or where {HOME} says. For JupyterHub see docs/classroom.md")
    return 0


def closed(root: Path) -> Iterator[Path]:
    """What other users need and cannot read: files, folders and those above them, the interpreter."""
    interpreter = Path(os.path.realpath(sys.executable))
    yield from (path for path in _above(root, interpreter) if not path.stat().st_mode & stat.S_IXOTH)
    yield from (path for path in _shared(root) if _needed(path) & ~path.stat().st_mode)


def writable(root: Path) -> Iterator[Path]:
    """What every user may change, and none should."""
    return (path for path in _shared(root) if path.stat().st_mode & stat.S_IWOTH)


def _above(*paths: Path) -> list[Path]:
    return sorted({folder for path in paths for folder in (path, *path.parents)})


def _shared(root: Path) -> Iterator[Path]:
    for name in SHARED:
        top = root / name
        for path in (top, *top.rglob("*")):
            if path.exists() and not path.is_symlink():
                yield path


def _needed(path: Path) -> int:
    """The permission bits that others need."""
    return stat.S_IROTH | stat.S_IXOTH if path.is_dir() else stat.S_IROTH


def _say(what: str, paths: list[Path], advice: str) -> int:
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    print(f"{what} {', '.join(map(str, paths[:SHOWN]))}{more}. {advice}")
    return 1
