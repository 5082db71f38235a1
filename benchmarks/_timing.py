"""What every benchmark shares: timing two things in turn, a table, and a JSON with its provenance.

To add a benchmark, write ``benchmarks/NAME.py`` like its neighbours: build two functions without
arguments, hand them to :func:`compare`, collect the rows, and end with :func:`report`.
``gpt2lab bench NAME`` finds it by its file name. Results go to ``benchmarks/results/NAME.json``.

The two candidates are timed alternately, and each ratio belongs to one pair: what slows the
machine down for a second slows both down. The medians are over at least 15 pairs.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
PAIRS = 15


def compare(
    name: str,
    ours: Callable[[], Any],
    theirs: Callable[[], Any],
    target: float,
    pairs: int = PAIRS,
    warm_up: int = 2,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Any]:
    """Time both in turn; the ratio says how many times as fast ``ours`` is.

    Parameters
    ----------
    target : float
        The ratio to reach at least.
    pairs : int
        Number of timed pairs, at least 15. Every other pair runs in the opposite order.
    warm_up : int
        Untimed runs of each before that.

    Returns
    -------
    dict
        Medians in seconds, the median ratio with its quartiles, and whether the target is met.
    """
    if pairs < PAIRS:
        raise ValueError(f"a median needs at least {PAIRS} pairs, got {pairs}")
    for _ in range(warm_up):
        ours()
        theirs()
    seconds: dict[Callable[[], Any], list[float]] = {ours: [], theirs: []}
    for pair in range(pairs):
        for run in (ours, theirs) if pair % 2 == 0 else (theirs, ours):
            start = clock()
            run()
            seconds[run].append(clock() - start)
    ratios = [slow / fast for fast, slow in zip(seconds[ours], seconds[theirs], strict=True)]
    low, ratio, high = statistics.quantiles(ratios, n=4)
    return {
        "name": name,
        "ours_s": statistics.median(seconds[ours]),
        "theirs_s": statistics.median(seconds[theirs]),
        "ratio": ratio,
        "quartiles": [low, high],
        "pairs": pairs,
        "target": target,
        "met": ratio >= target,
    }


def provenance(*packages: str) -> dict[str, Any]:
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


def report(name: str, rows: list[dict[str, Any]], origin: dict[str, Any], **more: Any) -> int:
    """Print a table, write the JSON, return the exit code: 1 if a target was missed."""
    width = max(len(row["name"]) for row in rows)
    print(f"{'':{width}}  {'ours':>10}  {'other':>10}  {'ratio':>6}  {'target':>6}")
    for row in rows:
        mark = "" if row["met"] else "  missed"
        print(
            f"{row['name']:{width}}  {row['ours_s'] * 1e3:7.1f} ms  {row['theirs_s'] * 1e3:7.1f} ms  "
            f"{row['ratio']:6.2f}  {row['target']:6.2f}{mark}"
        )
    for key, value in more.items():
        print(f"{key}: {value:.3g}" if isinstance(value, float) else f"{key}: {value}")
    RESULTS.mkdir(exist_ok=True)
    result = {"benchmark": name, "provenance": origin, "rows": rounded(rows), **rounded(more)}
    text = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
    (RESULTS / f"{name}.json").write_text(text, encoding="utf-8")
    sys.stdout.flush()
    return 0 if all(row["met"] for row in rows) else 1


def rounded(value: Any) -> Any:
    """Four significant digits: more would be noise in the history."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, list) else value
