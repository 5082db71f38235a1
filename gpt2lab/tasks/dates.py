"""Dates as people write them into dates as computers sort them: a translation that turns the order round.

    3 march 1815=1815-03-03
    march 23, 1815=1815-03-23

The year comes last in the source and first in the target, and the month is a word on one side and a number on
the other. Both ways of writing occur, so counting places does not help: whoever writes the target has to look
for what comes next.
"""

from __future__ import annotations

import calendar

import torch
from torch import Tensor

from gpt2lab.errors import InputError
from gpt2lab.tasks.base import word_encoding
from gpt2lab.tasks.drawing import draw_split
from gpt2lab.tasks.pairs import NOTHING, Case, PairTask

MONTHS = (
    "january february march april may june july august september october november december"
).split()  # calendar.month_name follows the machine's language
FIRST_YEAR, LAST_YEAR = 1500, 2099


def date_text(year: int, month: int, day: int, month_first: bool = False) -> str:
    """3 march 1815, or march 3, 1815.

    Raises ValueError for a day that is not in the calendar.
    """
    if not 1 <= month <= 12 or not 1 <= day <= calendar.monthrange(year, month)[1]:
        raise InputError(f"there is no day {day} in month {month} of {year}")
    name = MONTHS[month - 1]
    return f"{name} {day}, {year}" if month_first else f"{day} {name} {year}"


class Dates(PairTask):
    """Days of the years 1500 … 2099; one in ten is held out, in both ways of writing."""

    name = "dates"
    summary = "translate a date as people write it into year-month-day"
    source_length = 8  # september 30, 1815: the month, two digits, the comma, four digits

    def __init__(self) -> None:
        # A word or a digit at the start of a text and one after a space are different tokens.
        digits = [*"0123456789", *(f" {digit}" for digit in range(10))]
        self.encoding = word_encoding("dates", [*digits, *MONTHS, *(f" {name}" for name in MONTHS), ",", "-", "="])
        self.length = self.source_length + 1 + len("1815-03-03")

    def cases(self, n: int, generator: torch.Generator, split: str) -> list[Case]:
        def make(m: int) -> Tensor:
            year = torch.randint(FIRST_YEAR, LAST_YEAR + 1, (m,), generator=generator)
            month = torch.randint(1, 13, (m,), generator=generator)
            share = torch.rand(m, generator=generator, dtype=torch.float64)
            lengths = torch.tensor(
                [calendar.monthrange(*ym)[1] for ym in zip(year.tolist(), month.tolist(), strict=True)]
            )
            day = (share * lengths).long() + 1
            return torch.stack([year, month, day, torch.randint(2, (m,), generator=generator)], dim=1)  # (m, 4)

        rows = draw_split(make, n, split, key=lambda rows: rows[:, :3]).tolist()
        return [self.case(year, month, day, bool(month_first)) for year, month, day, month_first in rows]

    def case(self, year: int, month: int, day: int, month_first: bool = False) -> Case:
        """One date, written in one of the two ways."""
        source = self.encoding.encode_ordinary(date_text(year, month, day, month_first))
        target = self.encoding.encode_ordinary(f"{year:04}-{month:02}-{day:02}")
        n_day = len(str(day))
        month_at, day_at, year_at = (0, 1, n_day + 2) if month_first else (n_day, 0, n_day + 1)
        days = [day_at, day_at + 1] if n_day == 2 else [NOTHING, day_at]  # nothing says the 0 of 03
        years = [year_at + i for i in range(4)]
        return Case(source, target, [*years, NOTHING, month_at, month_at, NOTHING, *days])
