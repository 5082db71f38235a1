"""Atomic writes and file locks."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gpt2lab.errors import CourseError


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
