"""A group of rows side by side: which rate each found, when it had learned, what it can do at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gpt2lab.errors import InputError
from gpt2lab.studies.lab.curves import Curves
from gpt2lab.studies.lab.rows import GROUPS

SHARE = 0.9  # of the letters: a row that has them right counts as having learned


@dataclass(frozen=True)
class TableRow:
    """One row; arrays hold one number per seed."""

    name: str
    title: str
    rate: float
    at_edge: bool  # the rate is the lowest or highest that was tried
    steps: np.ndarray  # until SHARE of the letters are right; infinity where they never are
    letters: np.ndarray  # share right at the end, of held-out cases
    sequences: np.ndarray  # share right from the first letter to the last

    @property
    def learned(self) -> int:
        """How many seeds had SHARE of the letters right at some time."""
        return int(np.isfinite(self.steps).sum())


@dataclass(frozen=True)
class Table:
    """The rows of a group, printed as a table: medians, with the lowest and the highest seed."""

    group: str
    rows: tuple[TableRow, ...]

    def __getitem__(self, name: str) -> TableRow:
        """A row by the second half of its name, such as "no-residual"."""
        for row in self.rows:
            if name in (row.name, row.name.split("/", 1)[1]):
                return row
        raise InputError(f"the table {self.group!r} has no row {name!r}; it has {', '.join(r.name for r in self.rows)}")

    def __repr__(self) -> str:
        cells = [["", "rate", f"steps to {SHARE:.0%}", "letters right", "sequences right"]]
        for row in self.rows:
            rate = f"{row.rate:g}{'*' * row.at_edge}"
            cells.append([row.title, rate, _steps(row.steps), _share(row.letters), _share(row.sequences)])
        wide = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join(map(str.ljust, line, wide)).rstrip() for line in cells]
        if any(row.at_edge for row in self.rows):
            lines.append("* the lowest or highest rate tried: a better one may lie beyond")
        return "\n".join(lines)


def group_table(lab: Mapping[str, Curves], group: str) -> Table:
    """The table of one group.

    A model without a causal mask has its answers in its input; its letters and sequences are those that it
    writes by itself.

    Raises
    ------
    ValueError
        For a group that the lab does not have.
    """
    found = [curves for curves in lab.values() if curves.row.group == group]
    if not found:
        raise InputError(f"the lab has no group {group!r}; groups: {', '.join(GROUPS)}")
    return Table(group, tuple(map(_row, found)))


def _row(curves: Curves) -> TableRow:
    generated = "generated_accuracy" in curves.scores
    kind = "generated_" if generated else ""
    return TableRow(
        name=curves.row.name,
        title=curves.row.title + ", writing" * generated,
        rate=curves.rate,
        at_edge=curves.at_edge,
        steps=curves.steps_to(SHARE),
        letters=np.nan_to_num(curves.final(f"{kind}token_accuracy")),
        sequences=np.nan_to_num(curves.final(f"{kind}accuracy")),
    )


def _steps(values: np.ndarray) -> str:
    def word(value: float) -> str:
        return f"{value:.0f}" if np.isfinite(value) else "never"

    low, middle, high = (word(float(v)) for v in (values.min(), np.median(values), values.max()))
    return middle if low == high else f"{middle} ({low} to {high})"


def _share(values: np.ndarray) -> str:
    low, middle, high = values.min(), float(np.median(values)), values.max()
    return f"{middle:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"{middle:.2f} ({low:.2f} to {high:.2f})"
