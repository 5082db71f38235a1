"""A function that does not end is stopped, so that a check always answers."""

from __future__ import annotations

import ctypes
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

SECONDS = 30.0  # for one call; those of the course take milliseconds
_AGAIN = 5.0  # seconds after which a function that caught the first attempt is stopped once more


class TooLong(BaseException):
    """Raised inside a function whose time is up. Not an Exception, so that `except Exception` lets it pass."""


class Patience:
    """Stops what runs longer than it may, on every system and in every thread.

    A second thread looks at the clock. Python raises an exception in the first one as soon as that is between two
    steps of Python code; a single endless step inside a library cannot be stopped, by a keyboard either.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._end: float | None = None  # of the time of the running call
        self._caller = 0

    def __enter__(self) -> Patience:
        self._watcher = threading.Thread(target=self._watch, args=(SECONDS / 100,), daemon=True)
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watcher.join()

    @contextmanager
    def lasts(self, seconds: float) -> Iterator[None]:
        """Raise TooLong in this block if it takes longer."""
        self._caller = threading.get_ident()
        with self._lock:
            self._end = time.monotonic() + seconds
        try:
            yield
        finally:
            try:
                self._rest()
            except TooLong:  # it arrives while the call ends by itself
                self._rest()

    def _rest(self) -> None:
        with self._lock:
            self._end = None
            _raise_in(self._caller, None)  # what has not arrived yet shall not arrive later

    def _watch(self, pause: float) -> None:
        while not self._over.wait(pause):
            with self._lock:
                late = self._end is not None and time.monotonic() >= self._end
                if late and not is_debugged(self._caller):
                    self._end = time.monotonic() + _AGAIN
                    _raise_in(self._caller, TooLong)


def is_debugged(thread: int) -> bool:
    """Whether a person goes through the thread's code step by step, as with breakpoint()."""
    frame = sys._current_frames().get(thread)
    while frame is not None:
        if frame.f_trace is not None:
            return True
        frame = frame.f_back
    return False


def _raise_in(thread: int, what: type[BaseException] | None) -> None:
    """Let a thread raise ``what`` before its next step of Python code; None takes it back."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(what) if what else None)
