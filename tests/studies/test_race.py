"""The study of steps: the table belongs to the code, rates are inside what was tried, a run stops when it is there."""

from statistics import median

import pytest

from gpt2lab.studies import race
from gpt2lab.studies.race import MOST, NAMES, RATES, SEEDS, race_table, steps_to_solve


def test_the_table_belongs_to_the_study():
    rows = race_table()["rows"]
    assert list(rows) == list(NAMES.values())
    parameters = [row["parameters"] for row in rows.values()]
    assert max(parameters) < 1.2 * min(parameters)
    for row in rows.values():
        assert len(row["steps"]) == len(SEEDS) and max(row["steps"]) <= MOST
        tried = {float(rate): steps for rate, steps in row["tried"].items()}
        assert tried[row["rate"]] == min(tried.values()) and len(tried) >= 3
        assert row["rate"] in (RATES[0], RATES[-1]) or min(tried) < row["rate"] < max(tried)


def test_no_architecture_is_clearly_sooner():
    steps = [row["steps"] for row in race_table()["rows"].values()]
    assert max(map(min, steps)) < min(map(max, steps))  # all ranges of the seeds have a part in common
    middles = [median(one) for one in steps]
    assert max(middles) < 1.5 * min(middles)


@pytest.mark.parametrize(("share", "steps"), [(0.0, 4), (1.1, 9)])
def test_a_run_stops_when_it_is_there(monkeypatch, share, steps):
    for name, value in {"SOLVED": share, "MOST": 8, "EVERY": 4, "CASES": 8}.items():
        monkeypatch.setattr(race, name, value)
    assert steps_to_solve("words-to-digits", 0.003, 0, "held_out", 1) == steps
