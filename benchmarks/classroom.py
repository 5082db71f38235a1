"""A room full of people on one computer: how much memory does a learner take, and how much longer do they wait?

Every learner has a JupyterLab of their own, as `gpt2lab open` and JupyterHub start it, and a kernel that runs chapter
00 or 03 from top to bottom, all at once: the worst case, for people read and think between two cells. The kernels stay
until everybody is through; then memory is read. MB are 10^6 bytes, and count shared pages once ("proportional set
size"). Linux only.

    python benchmarks/classroom.py             2, 4, 8 … learners, stored in results/classroom.json
    python benchmarks/classroom.py --quick     two learners; nothing is stored
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TypedDict

from _timing import provenance, store

from gpt2lab.course import notebooks, workspace
from gpt2lab.course.browser import jupyterlab

CHAPTERS = ("00_map", "03_attention")
AT_MOST = 600.0  # MB a learner may take, with one chapter open
SPARE = 2_000.0  # MB that stay free: the next step is not taken if it would leave less
LONGEST = 600.0  # seconds for a chapter, after which nobody would wait


class Line(TypedDict):
    """A row of the table."""

    learners: int
    mb_each: float
    server_mb: float
    kernel_mb: float
    chapter_s: float
    free_mb: float
    target_mb: float
    met: bool


def proportional_mb(pid: int) -> float:
    """A process's memory in MB, of pages that several processes share its part."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024 / 1e6


def free_mb() -> float:
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) * 1024 / 1e6


class LearnerEndedError(RuntimeError):
    """A learner's process ended before its chapter did; what it said stands above."""


def be_learner(stem: str) -> None:
    """Run a chapter; say the seconds and the kernel's process id; keep the kernel until the input ends."""
    path = workspace.course_root() / "chapters" / f"{stem}.ipynb"
    notebook = notebooks.read(path)
    last = max(i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code")
    start = time.perf_counter()

    def note(number: int, pid: int) -> None:
        if number == last:
            print(json.dumps([time.perf_counter() - start, pid]), flush=True)
            sys.stdin.read()

    with tempfile.TemporaryDirectory() as folder:
        notebooks.execute(notebook, Path(folder), after_cell=note)


def stream(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None  # it was asked for
    return pipe


def said_by(process: subprocess.Popen[str]) -> tuple[float, int]:
    """Seconds of the chapter and the kernel's process id, once the chapter is through."""
    if not (line := stream(process.stdout).readline()):
        raise LearnerEndedError(f"a chapter did not get to its end (exit code {process.wait()})")
    seconds, pid = json.loads(line)
    return seconds, pid


@contextlib.contextmanager
def learner(stem: str) -> Iterator[subprocess.Popen[str]]:
    """A process of :func:`be_learner`, ended with its kernel when the block ends."""
    command = [sys.executable, __file__, "--learner", stem]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            stream(process.stdin).close()


def servers(folder: Path) -> list[int]:
    """Process ids of the JupyterLabs below a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"root_dir={folder}" in (process / "cmdline").read_text(encoding="utf-8", errors="replace"):
                found.append(int(process.name))
    return found


def room(n: int) -> Line:
    """``n`` learners at once."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        for i in range(n):
            (folder / str(i)).mkdir()
            stack.enter_context(jupyterlab(folder / str(i)))
        running = [stack.enter_context(learner(CHAPTERS[i % len(CHAPTERS)])) for i in range(n)]
        said = [said_by(process) for process in running]
        kernel = statistics.mean(proportional_mb(pid) for _, pid in said)
        server = sum(proportional_mb(pid) for pid in servers(folder)) / n
        free = free_mb()
    return {
        "learners": n, "mb_each": kernel + server, "server_mb": server, "kernel_mb": kernel,
        "chapter_s": statistics.median(seconds for seconds, _ in said), "free_mb": free,
        "target_mb": AT_MOST, "met": kernel + server <= AT_MOST,
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two learners; nothing is stored")
    parser.add_argument("--learner", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.learner:
        be_learner(options.learner)
        return 0
    if not os.access("/proc/self/smaps_rollup", os.R_OK):
        raise SystemExit("This benchmark needs Linux with /proc/PID/smaps_rollup.")
    origin = provenance("jupyterlab", "ipykernel")
    print("learners   MB each   (server + kernel)   a chapter takes   MB left")
    rows: list[Line] = []
    n = 2
    while True:
        try:
            line = room(n)
        except LearnerEndedError as error:  # a kernel that could not start in time, for instance
            if not rows:
                raise
            print(f"{n:8}   {error}: the count before is the last that worked here")
            break
        rows.append(line)
        print(
            f"{n:8}   {line['mb_each']:7.0f}   ({line['server_mb']:6.0f} + {line['kernel_mb']:6.0f})   "
            f"{line['chapter_s']:13.0f} s   {line['free_mb']:7.0f}",
            flush=True,
        )
        more = line["free_mb"] - n * line["mb_each"]  # with as many again
        if options.quick or more < SPARE or 2 * line["chapter_s"] > LONGEST:
            break
        n *= 2
    if options.quick:
        print("A quick run: nothing is stored.")
        return 0
    store("classroom", rows, origin)
    return 0 if all(line["met"] for line in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
