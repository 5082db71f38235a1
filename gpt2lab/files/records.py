"""What a learner has done, kept through restarts: one small file, ``work/answers.json``.

    records.keep("predictions", question, {"choice": "10 m"})      # "" or one sentence: why it was not kept
    records.kept("predictions", question)                          # that entry, or None

Entries are filed by kind (predictions, exercises, quizzes, claims), by chapter, and by a key of their own. The
chapter is the notebook that runs. Nothing is read or written unless that notebook lies in a learner's
work/, so that stored chapters do not depend on whoever stores them.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias, get_args

from gpt2lab.errors import CheckpointError
from gpt2lab.files.reading import read_json
from gpt2lab.files.writing import UnwritableError, atomic_write, locked

Kind: TypeAlias = Literal["predictions", "exercises", "quizzes", "claims"]
Entry: TypeAlias = dict[str, object]  # what JSON can hold
Records: TypeAlias = dict[str, dict[str, dict[str, Entry]]]  # kind: chapter: key: entry

KINDS: tuple[Kind, ...] = get_args(Kind)
FILE, LOCK = "answers.json", ".answers.lock"  # in work/
LEARNER = "learner"  # what belongs to no chapter: the seed
HOME = "GPT2LAB_HOME"  # the folder that holds the learner's work/, where that is not the course's own
SWITCH = "GPT2LAB_RECORDS"  # "off": nothing is read or written, whatever the folder


class Place(NamedTuple):
    """Where the notebook of this process keeps its records."""

    work: Path
    chapter: str  # such as 03_attention; empty if the notebook's name is not known


def place() -> Place | None:
    """The learner's work/ and the chapter that runs; None outside of a learner's workspace."""
    if os.environ.get(SWITCH) == "off":
        return None
    notebook = _notebook()
    start = Path.cwd() if notebook is None else notebook.parent
    for folder in (start, *start.parents):
        if folder.name == "work" and _is_home(folder.parent):
            return Place(folder, "" if notebook is None else notebook.name.split(".")[0])
    return None


def _is_home(folder: Path) -> bool:
    """Whether a folder is the course's own, or the one that ``GPT2LAB_HOME`` names."""
    if (named := os.environ.get(HOME)) and folder == Path(named).expanduser().absolute():
        return True
    return (folder / "course.py").is_file() and (folder / "chapters").is_dir()


def kept(kind: Kind, key: str) -> Entry | None:
    """The entry of this chapter with that key; None if there is none, or if the file cannot be read."""
    return filed(kind).get(key)


def filed(kind: Kind) -> dict[str, Entry]:
    """All entries of this chapter of one kind, by key; none if the file cannot be read."""
    if (here := place()) is None:
        return {}
    try:
        return read(here.work)[kind].get(here.chapter, {})
    except CheckpointError:
        return {}


def keep(kind: Kind, key: str, entry: Entry) -> str:
    """File an entry of this chapter, adding to what is filed under that key.

    The file is read again and written under a lock, so that two notebooks do not overwrite each other's entries.

    Returns
    -------
    str
        Empty, or one sentence: why the entry was not kept, or what became of a damaged file.
    """
    if (here := place()) is None:
        return ""

    def add(records: Records) -> None:
        keys = records[kind].setdefault(here.chapter, {})
        keys[key] = {**keys.get(key, {}), **entry}

    return _change(here.work, add)


def seed() -> int:
    """A number that is drawn once for each learner and then stays; 0 outside of a learner's workspace."""
    if (here := place()) is None:
        return 0
    drawn = secrets.randbelow(2**31)

    def add(records: Records) -> None:
        if _seed(records) is None:  # another notebook may have been first
            records.setdefault(LEARNER, {}).setdefault("", {})["seed"] = {"value": drawn}

    try:
        if (known := _seed(read(here.work))) is None:
            _change(here.work, add)
            known = _seed(read(here.work))
    except CheckpointError:  # the first answer that is kept sets the damaged file aside
        return 0
    return known or 0


def _seed(records: Records) -> int | None:
    value = records.get(LEARNER, {}).get("", {}).get("seed", {}).get("value")
    return value if isinstance(value, int) and 0 <= value < 2**31 else None


def _change(work: Path, change: Callable[[Records], None]) -> str:
    """Change the file under its lock; empty, or the sentence that ``keep`` gives."""
    path, sentence = work / FILE, ""
    try:
        with locked(work / LOCK):
            try:
                records = read(work)
            except CheckpointError:
                aside = path.with_name(f"answers.damaged-{datetime.now():%Y-%m-%d_%H-%M-%S-%f}.json")
                path.rename(aside)
                records = read(work)
                sentence = f"work/{FILE} was damaged: it is kept as work/{aside.name}, and a new one begins."
            change(records)
            with atomic_write(path) as part:
                part.write_text(json.dumps(records, indent=1, ensure_ascii=False), encoding="utf-8")
    except OSError as error:
        reason = str(error) if isinstance(error, UnwritableError) else f"{path}: {error.strerror}"
        return f"This is kept only until the kernel restarts: {reason}."
    return sentence


def read(work: Path) -> Records:
    """Everything in the file of a work/ folder; empty if there is none yet.

    Raises
    ------
    CheckpointError
        If the file is damaged, or is not what it should be.
    """
    path = work / FILE
    try:
        found = read_json(path)
    except FileNotFoundError:
        found = {}
    if not isinstance(found, dict):
        raise CheckpointError(f"{path}: expected kinds of records, got a {type(found).__name__}")
    for kind in (*KINDS, *found):  # kinds of a later edition are kept as well
        chapters = found.setdefault(kind, {})
        levels = [chapters, *chapters.values()] if isinstance(chapters, dict) else [chapters]
        entries = [entry for level in levels[1:] if isinstance(level, dict) for entry in level.values()]
        if not all(isinstance(item, dict) for item in (*levels, *entries)):
            raise CheckpointError(f"{path}: {kind} are not filed by chapter and key")
    return found


def now() -> str:
    """The time as records hold it, with the local zone."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def _notebook() -> Path | None:
    """The file of the notebook that this kernel runs, as Jupyter or VS Code tell it."""
    name: object = os.environ.get("JPY_SESSION_NAME")
    if not name and (interactive := sys.modules.get("IPython")):
        shell = interactive.get_ipython()
        name = shell.user_ns.get("__vsc_ipynb_file__") if shell else None
    path = Path(name) if isinstance(name, str) and name else None
    return path if path and path.suffix == ".ipynb" else None  # consoles have sessions, too
