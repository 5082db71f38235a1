"""Atomic writes, file locks, and careful reading of files from elsewhere."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError, safe_open

from gpt2lab.errors import CheckpointError, CourseError, shorten

LARGEST_JSON = 50_000_000  # bytes; an index of a thousand shards has less than a tenth of it


class UnwritableError(CourseError, OSError):
    """A place where nothing can be written; the message names it and says why."""


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` when the block ends well.

    After a crash, a full disk or an exception the old file is still there, untouched.

    Raises
    ------
    UnwritableError
        If the folder cannot be made or written to; it is an ``OSError``.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    except OSError as error:
        raise UnwritableError(f"{path} cannot be written ({error.strerror}); choose another place") from error
    os.close(handle)
    part = Path(name)
    try:
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        os.chmod(part, 0o644)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file ``path``, so that other processes wait here; the system frees it when a process ends.

    On a file system without locks nothing is held, as for every program there.

    Raises
    ------
    UnwritableError
        If the lock file cannot be made.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise UnwritableError(f"{path} cannot be written ({error.strerror}); choose another place") from error
    try:
        try:
            _lock(handle)
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL):
                raise UnwritableError(f"{path} cannot be locked ({error.strerror})") from error
        yield
    finally:
        os.close(handle)


def _lock(handle: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_LOCK, 1)  # tries for ten seconds
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX)


def read_json(path: Path) -> object:
    """The content of a JSON file from an untrusted source.

    Raises
    ------
    CheckpointError
        If it cannot be read, is too large to be what it should be, or is nested too deeply.
    FileNotFoundError
        If it is not there: only the caller knows what that means.
    """
    try:
        if (size := path.stat().st_size) > LARGEST_JSON:
            raise CheckpointError(f"{path}: expected a JSON file of at most {LARGEST_JSON:,} bytes, got {size:,}")
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise
    except RecursionError:
        raise CheckpointError(f"{path}: not a readable JSON file (nested too deeply)") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: not a readable JSON file ({shorten(str(error))})") from error


def read_checked(path: Path, sha256: str, described_by: str, advice: str = "") -> bytes:
    """The bytes of a file that must be the one whose SHA-256 another file holds.

    Parameters
    ----------
    path : Path
    sha256 : str
        In hexadecimal.
    described_by : str
        What holds the checksum, for the message.
    advice : str
        What to do about it, appended to the message.

    Raises
    ------
    CheckpointError
        If it cannot be read, or differs by as little as one bit.
    """
    end = f"; {advice}" if advice else ""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}){end}") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise CheckpointError(f"{path}: not the file that {described_by} describes (its checksum differs){end}")
    return data


@contextmanager
def open_tensors(path: Path) -> Iterator[safe_open]:
    """Open a safetensors file; only its header is read until a tensor is asked for.

    Raises
    ------
    CheckpointError
        If the file cannot be read or is not a whole safetensors file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: not a whole safetensors file ({shorten(str(error))})") from error
