"""The command `gpt2lab train-lab [ROW or GROUP …]`: run rows of the lab and store their curves.

Every finished row is written at once, so an interrupted run loses one row at most.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from gpt2lab.errors import InputError, whole_number
from gpt2lab.files import atomic_write
from gpt2lab.studies.lab.curves import CURVES, Row, StoredRow, curves_of, read_table
from gpt2lab.studies.lab.rows import GROUPS, ROWS, SEEDS
from gpt2lab.studies.lab.run import make_trained, run_row
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
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"how many (default: {SEEDS})")
    parser.add_argument("--stacked", action=argparse.BooleanOptionalAction, help="train the seeds at once")
    parser.add_argument("--missing", action="store_true", help="only rows that are not in the table yet")
    parser.add_argument("--out", type=Path, default=CURVES, help="the table (default: the course's own)")
    parser.add_argument(
        "--checkpoint", type=Path, nargs="?", const=Path("work") / "trained", metavar="FOLDER",
        help="train each row's median seed only and write the model (default: work/trained)",
    )  # fmt: skip
    parser.add_argument("--list", action="store_true", help="only list the rows")
    options = parser.parse_args(arguments)
    whole_number("--seeds", options.seeds, 1)
    rows = chosen_rows(options.row)
    have = read_table(options.out) if options.out.exists() else {}  # a damaged table is reported before training
    if options.missing:
        rows = [row for row in rows if row.name not in have]
    if not options.list:
        check_writable(options.out.parent if options.checkpoint is None else options.checkpoint)
    for row in rows:
        if options.list:
            print(f"{row.name:<24} {row.title}")
            continue
        if options.checkpoint is not None:
            facts = make_trained(row, options.checkpoint, options.device)
            print(
                f"{row.name:<24} seed {facts['seed']}: {facts['metric']} {facts['value']:.4g} on held-out cases, "
                f"written to {options.checkpoint / row.name}", flush=True,
            )  # fmt: skip
            continue
        result = run_row(row, options.device, options.seeds, options.stacked)
        store(row.name, result, options.out)
        curves = curves_of(row, result)
        last = np.nan_to_num(final_score(curves))  # a diverged seed scores 0
        print(
            f"{row.name:<24} accuracy {last[median_seed(curves)]:.3f} ({last.min():.3f} to {last.max():.3f}), "
            f"{result['facts']['seconds']:.0f} s", flush=True,
        )  # fmt: skip
    return 0
