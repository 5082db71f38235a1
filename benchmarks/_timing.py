"""What every benchmark shares: timing things in turn, a table, and a JSON with its provenance.

To add a benchmark, write ``benchmarks/NAME.py`` like its neighbours: call :func:`arguments`, build
functions without arguments, hand them to :func:`compare` (two) or :func:`in_turn` and :func:`row`
(more), collect the rows, and end with :func:`report`. ``gpt2lab bench NAME`` finds it by its file
name. Results go to ``benchmarks/results/NAME.json``.

The candidates are timed in turn, and each ratio belongs to one round: what slows the machine down
for a second slows all of them down. The medians are over at least 15 rounds.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NotRequired, TypedDict

RESULTS = Path(__file__).parent / "results"
PAIRS = 15


class Row(TypedDict):
    """A line of the table; ``ratio`` says how many times as fast ours is, ``target`` what it must reach."""

    name: str
    ours_s: float
    theirs_s: float
    ratio: float
    target: float
    met: bool
    quartiles: NotRequired[list[float]]  # of the ratio
    pairs: NotRequired[int]
    quartiles_ms: NotRequired[list[float]]  # of our time
    times: NotRequired[int]  # how often it was timed, where there are no pairs


def arguments(doc: str | None, quick: bool = False, given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line of a benchmark: ``--help``, and ``--quick`` where there is a quick run."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    if quick:
        parser.add_argument("--quick", action="store_true", help="try the program on small shapes; stores nothing")
    return parser.parse_args(given)


def in_turn(
    runs: Mapping[str, Callable[[], object]],
    rounds: int = PAIRS,
    warm_up: int = 2,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Time all of them in every round; returns the seconds of each, round by round.

    Parameters
    ----------
    runs : mapping from name to function
    rounds : int
        At least 15. Each round begins one further along than the round before.
    warm_up : int
        Untimed rounds before that.

    Raises
    ------
    ValueError
        For fewer rounds.
    """
    if rounds < PAIRS:
        raise ValueError(f"a median needs at least {PAIRS} pairs, got {rounds}")
    for _ in range(warm_up):
        for run in runs.values():
            run()
    names = list(runs)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for i in range(rounds):
        first = i % len(names)
        for name in names[first:] + names[:first]:
            start = clock()
            runs[name]()
            seconds[name].append(clock() - start)
    return seconds


def row(name: str, ours: Sequence[float], theirs: Sequence[float], target: float) -> Row:
    """Compare the seconds of two candidates, round by round.

    Parameters
    ----------
    target : float
        The ratio to reach at least.
    """
    low, ratio, high = statistics.quantiles([slow / fast for fast, slow in zip(ours, theirs, strict=True)], n=4)
    return {
        "name": name,
        "ours_s": statistics.median(ours),
        "theirs_s": statistics.median(theirs),
        "ratio": ratio,
        "quartiles": [low, high],
        "pairs": len(ours),
        "target": target,
        "met": ratio >= target,
    }


def compare(
    name: str,
    ours: Callable[[], object],
    theirs: Callable[[], object],
    target: float,
    pairs: int = PAIRS,
    warm_up: int = 2,
    clock: Callable[[], float] = time.perf_counter,
) -> Row:
    """Time two in turn; for the parameters see :func:`in_turn` and :func:`row`."""
    seconds = in_turn({"ours": ours, "theirs": theirs}, pairs, warm_up, clock)
    return row(name, seconds["ours"], seconds["theirs"], target)


def provenance(*packages: str) -> dict[str, object]:
    """Where and with what the numbers were taken."""
    import torch

    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "device": "cpu",
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load_before": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        **{package: version(package) for package in ("torch", *packages)},
    }


def cpu_name() -> str:
    """The processor's model name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def report(name: str, rows: Sequence[Row], origin: Mapping[str, object], quick: bool = False, **more: object) -> int:
    """Print a table, write the JSON, return the exit code: 1 if a target was missed.

    A quick run shows that the program works. Its figures mean nothing: none is stored, none is a miss.
    """
    width = max(len(line["name"]) for line in rows)
    print(f"{'':{width}}  {'ours':>10}  {'other':>10}  {'ratio':>6}  {'target':>6}")
    for line in rows:
        mark = "" if line["met"] or quick else "  missed"
        print(
            f"{line['name']:{width}}  {line['ours_s'] * 1e3:7.1f} ms  {line['theirs_s'] * 1e3:7.1f} ms  "
            f"{line['ratio']:6.2f}  {line['target']:6.2f}{mark}"
        )
    for key, value in more.items():
        print(f"{key}: {value:.3g}" if isinstance(value, float) else f"{key}: {rounded(value, 3)}")
    sys.stdout.flush()
    if quick:
        print("A quick run: nothing is stored.")
        return 0
    store(name, rows, origin, **more)
    return 0 if all(line["met"] for line in rows) else 1


def store(name: str, rows: Sequence[Mapping[str, object]], origin: Mapping[str, object], **more: object) -> None:
    """Write ``results/NAME.json``."""
    RESULTS.mkdir(exist_ok=True)
    result = {
        "benchmark": name,
        "provenance": origin,
        "rows": rounded(list(rows)),
        **{k: rounded(v) for k, v in more.items()},
    }
    text = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
    (RESULTS / f"{name}.json").write_text(text, encoding="utf-8")


def rounded(value: object, digits: int = 4) -> object:
    """Four significant digits: more would be noise in the history."""
    if isinstance(value, float):
        return float(f"{value:.{digits}g}")
    if isinstance(value, dict):
        return {key: rounded(item, digits) for key, item in value.items()}
    return [rounded(item, digits) for item in value] if isinstance(value, list) else value
