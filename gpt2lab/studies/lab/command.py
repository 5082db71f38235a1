"""The command `gpt2lab train-lab [ROW or GROUP …]`: run rows of the lab and store their curves.

Every finished row is written at once, so an interrupted run loses the rows in work at most.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from gpt2lab.errors import InputError, whole_number
from gpt2lab.files import atomic_write
from gpt2lab.studies.lab.curves import CURVES, Row, StoredRow, curves_of, read_table
from gpt2lab.studies.lab.rows import GROUPS, ROWS, SEEDS
from gpt2lab.studies.lab.run import run_rows, save_median
from gpt2lab.studies.lab.trained import final_score, median_seed
from gpt2lab.training.checkpoint import check_writable


def store(name: str, result: StoredRow, path: Path = CURVES) -> None:
    """Add or replace one row in the table; CheckpointError if the table is damaged."""
    stored = read_table(path) if path.exists() else {}
    stored[name] = result
    ordered = [key for key in ROWS if key in stored]
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(stored[key])}" for key in ordered)  # one row, one line
    with atomic_write(path) as part:
        part.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


def chosen_rows(names: list[str]) -> list[Row]:
    """Rows by their own names or by their group's; without names, all rows.

    Raises
    ------
    ValueError
        For an unknown name, listing the groups.
    """
    rows: list[Row] = []
    for name in names or list(GROUPS):
        found = [row for row in ROWS.values() if name in (row.name, row.group)]
        if not found:
            raise InputError(f"the lab has no row or group {name!r}; groups: {', '.join(GROUPS)}; see --list")
        rows += [row for row in found if row not in rows]
    return rows


def lab_command(arguments: list[str]) -> int:
    """`gpt2lab train-lab parts/no-residual --device cuda`"""
    parser = argparse.ArgumentParser("gpt2lab train-lab", description="Train rows of the ablation lab.")
    parser.add_argument("row", nargs="*", help=f"a row or a group: {', '.join(GROUPS)} (default: all)")
    parser.add_argument("--device", default="cpu", help="auto, cpu, cuda, cuda:N or mps (default: cpu)")
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"how many are reported (default: {SEEDS})")
    parser.add_argument("--stacked", action=argparse.BooleanOptionalAction, help="train seeds and rates at once")
    parser.add_argument("--jobs", type=int, default=1, help="settings to train side by side, each in a process")
    parser.add_argument("--missing", action="store_true", help="only rows that are not in the table yet")
    parser.add_argument("--out", type=Path, default=CURVES, help="the table (default: the course's own)")
    parser.add_argument(
        "--checkpoint", type=Path, nargs="?", const=Path("work") / "trained", metavar="FOLDER",
        help="also write the model of each row's median seed (default: work/trained)",
    )  # fmt: skip
    parser.add_argument("--list", action="store_true", help="only list the rows")
    options = parser.parse_args(arguments)
    whole_number("--seeds", options.seeds, 1)
    whole_number("--jobs", options.jobs, 1)
    rows = chosen_rows(options.row)
    if options.list:
        print("\n".join(f"{row.name:<24} {row.title}" for row in rows))
        return 0
    have = read_table(options.out) if options.out.exists() else {}  # a damaged table is reported before training
    for place in (options.out.parent, options.checkpoint):
        if place is not None:
            check_writable(place)
    settings: dict[str, list[Row]] = {}
    for row in rows:
        if not (options.missing and row.name in have):
            settings.setdefault(row.setting, []).append(row)
    work = partial(
        run_and_save, device=options.device, seeds=options.seeds, stacked=options.stacked, folder=options.checkpoint
    )
    for row, stored in finished(work, list(settings.values()), options.jobs):
        store(row.name, stored, options.out)
        print(f"{row.name:<24} {summary(row, stored)}", flush=True)
    return 0


def run_and_save(
    rows: Sequence[Row], device: str, seeds: int, stacked: bool | None, folder: Path | None
) -> list[tuple[Row, StoredRow]]:
    """``run_rows``; models stay in this process, so their files are written here too."""
    done = run_rows(rows, device, seeds, stacked)
    if folder is not None:
        for outcome in done:
            save_median(outcome, folder)
    return [(outcome.row, outcome.stored) for outcome in done]


def finished(
    work: Callable[[Sequence[Row]], list[tuple[Row, StoredRow]]], settings: Sequence[Sequence[Row]], jobs: int
) -> Iterator[tuple[Row, StoredRow]]:
    """Each row as soon as it is finished, with so many processes at once."""
    if jobs == 1:
        for rows in settings:
            yield from work(rows)
        return
    with ProcessPoolExecutor(jobs, get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)) as pool:
        waiting = [pool.submit(work, rows) for rows in settings]
        try:
            for one in as_completed(waiting):
                yield from one.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def summary(row: Row, stored: StoredRow) -> str:
    """One line: the rate, when the median seed had 90 % of the letters, and what was right at the end."""
    curves = curves_of(row, stored)
    last = np.nan_to_num(final_score(curves))  # a diverged seed scores 0
    steps = float(np.median(curves.steps_to(0.9)))
    return (
        f"rate {curves.rate:g}, 90 % of the letters after {steps:g} steps, accuracy {last[median_seed(curves)]:.3f} "
        f"({last.min():.3f} to {last.max():.3f}), {stored['facts']['seconds']:.0f} s"
    )
