"""Return memory that a kernel no longer needs to the system after each cell.

glibc keeps what a program frees for later allocations. After a cell that trained a model or drew many
pictures that is 20 to 50 MB, which a server with a kernel for each learner needs elsewhere. Systems
with another C library (macOS, Windows, musl) are left alone.
"""

from __future__ import annotations

import ctypes
import functools
import platform
import sys


def give_back() -> bool:
    """Return freed pages to the system; about a millisecond.

    Returns
    -------
    bool
        Whether this system can.
    """
    if (trim := _malloc_trim()) is None:
        return False
    trim(0)
    return True


def give_back_after_each_cell() -> bool:
    """Call ``give_back`` whenever a cell of this notebook has ended, however often this is asked for.

    Returns
    -------
    bool
        False outside IPython, where nothing is done.
    """
    if "IPython" not in sys.modules:
        return False
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is None:
        return False
    shell.events.register("post_run_cell", _after_cell)  # IPython keeps one of several equal functions
    return True


def _after_cell(result: object) -> None:
    give_back()


@functools.cache
def _malloc_trim() -> ctypes._NamedFuncPointer | None:
    """glibc's function of that name; None with another C library."""
    if platform.libc_ver()[0] != "glibc":
        return None
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
