"""Memory of a kernel after each chapter, and how many learners a server of 24 GB takes.

Every notebook runs from top to bottom in a fresh kernel, as when its outputs are stored. "final" is
what the kernel holds after the last cell (resident set), "peak" the most it ever held, "own" the part
of the final memory that several kernels on one machine do not share (anonymous pages). MB are 10^6
bytes. Linux only: the figures come from /proc.

    python benchmarks/memory.py                 all chapters; stored in results/memory.json
    python benchmarks/memory.py 03_attention    some, by the beginning of their names; nothing is stored
    python benchmarks/memory.py 03 --cells      with the cells that took most
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple, TypedDict

from _timing import provenance, store

from gpt2lab.course import notebooks

SERVER = 24e9  # bytes
AT_MOST = 450.0  # MB that a kernel may hold after a chapter
SHOWN = 8  # cells in the list of those that took most
FIELDS = {"VmRSS": "final", "VmHWM": "peak", "RssAnon": "own"}


class Cell(NamedTuple):
    """A cell that was run, and the kernel's memory in MB: after it, the most during it, and the unshared part."""

    number: int
    first_line: str
    final: float
    peak: float
    own: float


class Chapter(TypedDict):
    """A line of the table; memory in MB."""

    name: str
    final_mb: float
    peak_mb: float
    own_mb: float
    learners: int
    target_mb: float
    met: bool


def megabytes(pid: int | str) -> dict[str, float]:
    """``final``, ``peak`` and ``own`` of a process, as the module says; the keys of ``FIELDS``."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    entries = (line.split(":", 1) for line in lines if ":" in line)
    return {FIELDS[key]: int(value.split()[0]) * 1024 / 1e6 for key, value in entries if key in FIELDS}


def forget_peak(pid: int) -> None:
    """From now on the process's peak is that of what follows."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


def run(path: Path) -> list[Cell]:
    """Run a notebook in a fresh kernel; the file stays as it is."""
    notebook = notebooks.read(path)
    cells: list[Cell] = []

    def note(number: int, pid: int) -> None:
        source = notebook.cells[number].source.strip()
        cells.append(Cell(number, source.split("\n")[0], **megabytes(pid)))
        forget_peak(pid)

    notebooks.execute(notebook, path.parent, after_cell=note)
    if not cells:
        raise SystemExit(f"{path} has no code cell to run")
    return cells


def summary(name: str, cells: list[Cell]) -> Chapter:
    """What a chapter comes to."""
    final = cells[-1].final
    return {
        "name": name,
        "final_mb": final,
        "peak_mb": max(cell.peak for cell in cells),
        "own_mb": cells[-1].own,
        "learners": int(SERVER / 1e6 / final),
        "target_mb": AT_MOST,
        "met": final <= AT_MOST,
    }


def growth(cells: list[Cell]) -> list[tuple[float, float, Cell]]:
    """The cells by what they added for good or for a while: (MB that stayed, MB at their peak, cell)."""
    before = [0.0, *(cell.final for cell in cells)]
    steps = [(cell.final - held, cell.peak - held, cell) for held, cell in zip(before, cells, strict=False)]
    return sorted(steps, key=lambda step: -max(step[:2]))[:SHOWN]


def torch_alone() -> float:
    """MB of a Python that has imported torch and nothing else: the floor."""
    code = "import torch; print(next(line for line in open('/proc/self/status') if line.startswith('VmRSS')))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return int(done.stdout.split()[1]) * 1024 / 1e6


def wanted(names: list[str]) -> list[Path]:
    """The chapters whose names begin with one of these; all if there is none."""
    every = notebooks.chapters()
    found = [path for path in every if not names or any(path.name.startswith(name) for name in names)]
    for name in names:
        if not any(path.name.startswith(name) for path in found):
            raise SystemExit(
                f"Expected the beginning of a chapter's name, received {name!r}: {[p.stem for p in every]}"
            )
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chapter", nargs="*", help="beginning of a chapter's name, such as 03 (default: all)")
    parser.add_argument("--cells", action="store_true", help=f"list the {SHOWN} cells of each chapter that took most")
    options = parser.parse_args()
    if not os.access("/proc/self/clear_refs", os.W_OK):
        raise SystemExit("This benchmark needs Linux with a writable /proc/PID/clear_refs.")
    origin, floor = provenance("ipykernel", "matplotlib"), torch_alone()
    paths = wanted(options.chapter)
    width = max(len(path.stem) for path in paths)
    print(f"{'':{width}}  {'final':>8}  {'peak':>8}  {'own':>8}  learners per {SERVER / 1e9:.0f} GB")
    print(f"{'import torch':{width}}  {floor:5.0f} MB")
    rows = []
    for path in paths:
        cells = run(path)
        line = summary(path.stem, cells)
        rows.append(line)
        memory = "  ".join(f"{line[key]:5.0f} MB" for key in ("final_mb", "peak_mb", "own_mb"))
        print(
            f"{path.stem:{width}}  {memory}  {line['learners']:5}{'' if line['met'] else '  over the target'}",
            flush=True,
        )
        for stayed, most, cell in growth(cells) if options.cells else ():
            print(f"    cell {cell.number:3}  {stayed:+5.0f} MB, at its peak {most:+5.0f} MB  {cell.first_line[:70]}")
    if not options.chapter:
        store("memory", rows, origin, import_torch_mb=floor, learners=min(line["learners"] for line in rows))
    return 0 if all(line["met"] for line in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
