"""What a page shows of a panel while cells run that nobody could have asked for after seeing it.

"Run All" sends every cell at once. A later cell that moves a panel would then leave it in a state that
gives away the answer to the question beside it. So such a move counts in Python alone, and the page keeps
what was displayed, until the learner moves a control or runs a cell that moves the panel.

A cell was asked for too early if its request is older than the display. Requests carry the page's time, and
the kernel adds how long cells take: one begins when it is asked for, or when the one before has ended. So the
clocks of two computers are never compared.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime

from IPython.core.getipython import get_ipython


@dataclass
class _Clock:
    """The page's time, as late as is certain: seconds."""

    began: float = 0.0  # the present cell, by the page's clock
    at: float = 0.0  # the same by the kernel's
    free: float = 0.0  # when the cell before had ended, by the page's clock

    def cell_begins(self) -> None:
        self.began, self.at = max(asked_for() or 0.0, self.free), time.monotonic()

    def cell_ends(self) -> None:
        self.free = self.now()

    def now(self) -> float:
        return self.began + time.monotonic() - self.at


_clock = _Clock()


def watch_cells() -> None:
    """Note when each cell of this notebook begins and ends, however often this is asked for."""
    shell = get_ipython()
    if shell is None:
        return
    if not _clock.at:  # the cell that makes the first panel has begun before anything was noted
        _clock.cell_begins()
    shell.events.register("pre_run_cell", _begins)  # IPython keeps one of several equal functions
    shell.events.register("post_run_cell", _ends)


def _begins(info: object) -> None:
    _clock.cell_begins()


def _ends(result: object) -> None:
    _clock.cell_ends()


def _request() -> dict[str, object]:
    """The header of the request for the present cell; empty outside a notebook."""
    shell = get_ipython()
    get_parent = getattr(shell, "get_parent", None)  # ipykernel's; a plain IPython has none
    parent = get_parent() if get_parent is not None else None
    header = parent.get("header") if isinstance(parent, dict) else None
    return header if isinstance(header, dict) else {}


def asked_for() -> float | None:
    """When the page asked for the present cell, in seconds of the page's clock; None outside a notebook."""
    date = _request().get("date")
    return date.timestamp() if isinstance(date, datetime) else None


class Shown:
    """What the page has of one panel.

    Attributes
    ----------
    settings : dict
        Those that the page shows, while ``waiting``.
    waiting : bool
        Whether Python is ahead of the page.
    """

    def __init__(self) -> None:
        self.settings: dict[str, object] = {}
        self.waiting = False
        self._cell: object = None  # the request that displayed it; two may have the same time, to the millisecond
        self._seen = 0.0  # nobody saw it before, by the page's clock

    def display(self, settings: dict[str, object]) -> None:
        """The present cell displays the panel with these settings."""
        self.settings, self.waiting = dict(settings), False
        self._cell, self._seen = _request().get("msg_id"), _clock.now()

    def too_early(self) -> bool:
        """Whether the present cell was asked for before anybody could see the panel."""
        request, asked = _request().get("msg_id"), asked_for()
        return self._cell is not None and request != self._cell and asked is not None and asked < self._seen
