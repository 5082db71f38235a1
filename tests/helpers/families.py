"""A process and all it has started, some of which may end while one asks."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TypeVar

import psutil

T = TypeVar("T")


def of_family(pid: int, ask: Callable[[psutil.Process], T]) -> list[T]:
    """What ``ask`` says of a process and its descendants; nothing of those that have ended."""
    return list(_answers(psutil.Process(pid), ask))


def addresses(pid: int) -> set[tuple[str, int]]:
    """(address, port) of every place at which a process or a descendant takes connections."""
    sockets = of_family(pid, lambda one: one.net_connections("inet"))
    return {s.laddr for some in sockets for s in some if s.status == psutil.CONN_LISTEN}


def command_lines(pid: int) -> list[str]:
    """The command lines of a process and its descendants, which every user of the computer can read."""
    return of_family(pid, lambda one: " ".join(one.cmdline()))


def _answers(starter: psutil.Process, ask: Callable[[psutil.Process], T]) -> Iterator[T]:
    for one in (starter, *starter.children(recursive=True)):
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess, FileNotFoundError):
            yield ask(one)
