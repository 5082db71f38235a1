"""benchmarks: the arithmetic of the comparison, and what its results carry."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture
def timing(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import _timing

    yield _timing
    sys.modules.pop("_timing", None)


class Clock:
    """Time that passes only when somebody works."""

    now = 0.0

    def __call__(self) -> float:
        return self.now

    def work(self, seconds: float) -> None:
        self.now += seconds


def test_the_ratio_says_how_many_times_as_fast_ours_is(timing):
    clock, calls = Clock(), []

    def ours():
        calls.append("ours")
        clock.work(2.0)

    def theirs():
        calls.append("theirs")
        clock.work(3.0)

    row = timing.compare("x", ours, theirs, target=1.5, warm_up=1, clock=clock)
    assert (row["ours_s"], row["theirs_s"], row["ratio"], row["pairs"]) == (2.0, 3.0, 1.5, 15)
    assert row["met"]
    assert not timing.compare("x", ours, theirs, target=1.51, clock=clock)["met"]
    assert calls[:6] == ["ours", "theirs"] + ["ours", "theirs"] + ["theirs", "ours"]


def test_a_machine_that_slows_down_does_not_change_the_ratio(timing):
    clock = Clock()

    def busy(seconds):
        return lambda: clock.work(seconds * (1 + clock.now / 20))

    row = timing.compare("x", busy(0.1), busy(0.2), target=1, pairs=101, clock=clock)
    assert abs(row["ratio"] - 2) < 0.05


def test_too_few_pairs_are_refused(timing):
    with pytest.raises(ValueError, match="at least 15 pairs, got 3"):
        timing.compare("x", int, int, target=1, pairs=3)


@pytest.mark.parametrize(("target", "code"), [(1.0, 0), (2.0, 1)])
def test_the_report_is_a_table_a_file_and_an_exit_code(timing, monkeypatch, tmp_path, capsys, target, code):
    monkeypatch.setattr(timing, "RESULTS", tmp_path / "results")
    clock = Clock()
    row = timing.compare("speed", lambda: clock.work(2 / 3), lambda: clock.work(1), target, clock=clock)
    assert timing.report("speed", [row], {"date": "today"}, share=0.123456) == code
    out = capsys.readouterr().out
    assert "1.50" in out and ("missed" in out) == bool(code)
    stored = json.loads((tmp_path / "results" / "speed.json").read_text(encoding="utf-8"))
    assert stored["rows"][0]["ratio"] == 1.5 and stored["share"] == 0.1235


@pytest.mark.parametrize("file", sorted((FOLDER / "results").glob("*.json")), ids=lambda file: file.stem)
def test_every_stored_result_belongs_to_a_script_and_has_its_provenance(file):
    result = json.loads(file.read_text(encoding="utf-8"))
    assert result["benchmark"] == file.stem
    assert (FOLDER / f"{file.stem}.py").exists()
    assert {"date", "device", "cpu", "threads", "python", "torch"} <= set(result["provenance"])
    assert all(row["pairs"] >= 15 for row in result["rows"] if "pairs" in row)
