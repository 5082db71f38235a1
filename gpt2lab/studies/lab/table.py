"""A group of rows side by side: which rate each found, when it had learned, what it can do at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gpt2lab.errors import InputError
from gpt2lab.studies.lab.curves import Curves
from gpt2lab.studies.lab.rows import GROUPS

SHARE = 0.9  # of the letters: a row that has them right counts as having learned
ALL = 0.995  # a share that is printed as 1.00


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
    wrong: np.ndarray  # share of the letters wrong, mean over all evaluations: it moves where the ends are the same

    @property
    def learned(self) -> int:
        """How many seeds had SHARE of the letters right at some time."""
        return int(np.isfinite(self.steps).sum())

    @property
    def at_ceiling(self) -> bool:
        """Whether every seed ends with everything right, so that the end can tell it from no other such row."""
        return bool(min(self.letters.min(), self.sequences.min()) >= ALL)


@dataclass(frozen=True)
class Table:
    """The rows of a group, printed as a table: medians, with the lowest and the highest seed.

    A table whose rows are all at the ceiling shows their ways there instead of their ends.
    """

    group: str
    rows: tuple[TableRow, ...]

    def __getitem__(self, name: str) -> TableRow:
        """A row by the second half of its name, such as "no-residual"."""
        for row in self.rows:
            if name in (row.name, row.name.split("/", 1)[1]):
                return row
        raise InputError(f"the table {self.group!r} has no row {name!r}; it has {', '.join(r.name for r in self.rows)}")

    def at_ceiling(self) -> Table:
        """The rows whose ends tell nothing, the one with the fewest wrong letters on the way first."""
        rows = (row for row in self.rows if row.at_ceiling)
        return Table(self.group, tuple(sorted(rows, key=lambda row: float(np.median(row.wrong)))))

    def below_ceiling(self) -> Table:
        """The rows that differ at the end, in their order."""
        return Table(self.group, tuple(row for row in self.rows if not row.at_ceiling))

    def __repr__(self) -> str:
        ends = not all(row.at_ceiling for row in self.rows)
        last = ["letters right", "sequences right"] if ends else ["wrong on the way"]
        cells = [["", "rate", f"steps to {SHARE:.0%}", *last]]
        for row in self.rows:
            rate = f"{row.rate:g}{'*' * row.at_edge}"
            shares = [_share(row.letters), _share(row.sequences)] if ends else [_percent(row.wrong)]
            cells.append([row.title, rate, _steps(row.steps), *shares])
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
        wrong=1 - np.nan_to_num(curves.scores["token_accuracy"]).mean(axis=0),
    )


def _steps(values: np.ndarray) -> str:
    def word(value: float) -> str:
        return f"{value:.0f}" if np.isfinite(value) else "never"

    low, middle, high = (word(float(v)) for v in (values.min(), np.median(values), values.max()))
    return middle if low == high else f"{middle} ({low} to {high})"


def _share(values: np.ndarray) -> str:
    low, middle, high = values.min(), float(np.median(values)), values.max()
    return f"{middle:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"{middle:.2f} ({low:.2f} to {high:.2f})"


def _percent(values: np.ndarray) -> str:
    low, middle, high = (f"{value:.1%}".replace("%", " %") for value in np.quantile(values, (0, 0.5, 1)))
    return middle if low == high else f"{middle} ({low[:-2]} to {high[:-2]})"
