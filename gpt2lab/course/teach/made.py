"""Writing a folder of files that can be made again, without ever losing what somebody changed in it.

A folder that was made holds a list of its files with their checksums. The next run replaces those that are as they
were made, takes away those that are no longer needed, and refuses to touch a folder where something was changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from gpt2lab.errors import CheckpointError, InputError
from gpt2lab.files import atomic_write, read_json

LIST = ".made-by-gpt2lab.json"  # relative path: sha256


def write(folder: Path, files: Mapping[str, bytes], whole: bool = True) -> None:
    """Write files into a folder that is new, empty, or was made by this function.

    Parameters
    ----------
    files : mapping of str to bytes
        By path relative to ``folder``, with slashes.
    whole : bool
        Whether these are all files of the folder: what was made before and is not among them goes.

    Raises
    ------
    InputError
        If the folder holds something that was not made here, or that was changed since.
    UnwritableError
        If nothing can be written there.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"Expected a folder, found a file: {folder}. Choose another place.")
    before = listed(folder)
    ours = before if whole else before.keys() & files.keys()
    changed = [name for name in ours if _digest(folder / name) not in ("", before[name])]
    foreign = [name for name in files if name not in before and (folder / name).exists()]
    if not before and folder.is_dir() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty. Choose a new folder, so that nothing in it is replaced.")
    if changed or foreign:
        first = sorted(changed + foreign)[0]
        raise InputError(f"{folder} holds work of yours, such as {first}. Choose a new folder, or move it away.")
    for name in before.keys() - files.keys() if whole else ():
        (folder / name).unlink(missing_ok=True)
    made = {} if whole else before
    made |= {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    with atomic_write(folder / LIST) as part:
        part.write_text(json.dumps({**before, **made}, indent=1, sort_keys=True), encoding="utf-8")
    for name, data in files.items():
        path = folder / name
        if _digest(path) != made[name]:
            with atomic_write(path) as part:
                part.write_bytes(data)
    with atomic_write(folder / LIST) as part:
        part.write_text(json.dumps(made, indent=1, sort_keys=True), encoding="utf-8")


def listed(folder: Path) -> dict[str, str]:
    """The files that were made in a folder, with their checksums; none if it is new.

    Raises
    ------
    CheckpointError
        If its list cannot be read.
    """
    try:
        found = read_json(folder / LIST)
    except FileNotFoundError:
        return {}
    inside = isinstance(found, dict) and all(
        isinstance(name, str) and ".." not in Path(name).parts and not Path(name).is_absolute() for name in found
    )
    if not inside or not isinstance(found, dict):
        raise CheckpointError(f"{folder / LIST}: not a list of files; choose a new folder")
    return {name: str(digest) for name, digest in found.items()}


def _digest(path: Path) -> str:
    """Of a file; empty if there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
