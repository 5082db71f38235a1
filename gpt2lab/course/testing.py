"""Run what shows that the course works: the tests, the notebooks, the benchmarks."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from gpt2lab.course import workspace
from gpt2lab.errors import InputError
from gpt2lab.tokenizer import vocabulary

MOST_WORKERS = 4  # each browser, JupyterLab and torch of its own: about 2 GB a worker


def test_command(arguments: list[str]) -> int:
    """`gpt2lab test`"""
    parser = argparse.ArgumentParser(
        "gpt2lab test", description="Run every test, then every notebook. What else is given goes to pytest."
    )
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--no-notebooks", action="store_true", help="the tests alone")
    only.add_argument("--notebooks", action="store_true", help="the notebooks alone")
    options, rest = parser.parse_known_args(arguments)

    root = workspace.course_root()
    _needs_pytest()
    if not vocabulary.available():
        vocabulary.ensure(report=print)
    codes = {}
    if not options.notebooks:
        codes["tests"] = _run(root, "Tests", pytest_arguments(rest))
    if not options.no_notebooks:
        codes["notebooks"] = _run(root, "Notebooks", nbval_arguments(root))
    failed = [name for name, code in codes.items() if code]
    print(f"\nFailed: {' and '.join(failed)}" if failed else f"\nPassed: {' and '.join(codes)}")
    return 1 if failed else 0


def pytest_arguments(rest: list[str]) -> list[str]:
    """The command line of the tests; ``rest`` is what the user gave, for pytest."""
    return [sys.executable, "-m", "pytest", *_workers("worksteal", rest), *rest]


def nbval_arguments(root: Path) -> list[str] | None:
    """The command line of strict nbval over every chapter; None while there is no chapter.

    conftest.py sets what else nbval needs, and checks the solutions in the same run.
    """
    notebooks = sorted(str(path.relative_to(root)) for path in (root / "chapters").glob("*.ipynb"))
    if not notebooks:
        return None
    # A notebook's cells need one kernel, so one worker; several notebooks run at a time.
    return [sys.executable, "-m", "pytest", "--nbval", "-p", "no:cacheprovider", *_workers("loadfile"), *notebooks]


def usable_cores() -> int:
    """How many cores this process may use; taskset and containers may give it fewer than there are."""
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _workers(distribution: str, rest: Sequence[str] = ()) -> list[str]:
    """A pytest worker per core; one more would cost a tenth more of the processor's time and gain nothing.

    None with one core, nor where the user says how many or asks for a debugger.
    """
    cores = usable_cores()
    n = min(cores, MOST_WORKERS)
    own = any(
        re.match(r"-n|--numprocesses|--dist|--pdb|--trace$|-pno:xdist|no:xdist|-s$|--capture=no", word) for word in rest
    )
    return [] if cores < 2 or own else ["-n", str(n), "--dist", distribution]


def bench_command(arguments: list[str]) -> int:
    """`gpt2lab bench`"""
    parser = argparse.ArgumentParser("gpt2lab bench", description="Run the benchmarks: all, or some by name.")
    parser.add_argument("name", nargs="*", help="such as generation (default: all)")
    parser.add_argument("--list", action="store_true", help="only list them")
    options, rest = parser.parse_known_args(arguments)

    root = workspace.course_root()
    scripts = {path.stem: path for path in sorted((root / "benchmarks").glob("[!_]*.py"))}
    if unknown := [name for name in options.name if name not in scripts]:
        choice = ", ".join(scripts) or "none yet"
        raise InputError(f"Expected the name of a benchmark, received {unknown[0]!r}. Choose: {choice}")
    if options.list or not scripts:
        print("\n".join(scripts) or "There is no benchmark yet.")
        return 0
    chosen = options.name or list(scripts)
    codes = [_run(root, name, [sys.executable, str(scripts[name]), *rest]) for name in chosen]
    return max(codes)


def _run(root: Path, title: str, command: list[str] | None) -> int:
    print(f"\n== {title}", flush=True)
    if command is None:
        print("nothing there yet")
        return 0
    # Notebooks start the kernel of this environment, whatever the user has registered elsewhere.
    environment = {**os.environ, "JUPYTER_PREFER_ENV_PATH": "1"}
    # One run starts more than a hundred processes; without __pycache__ each of them compiles the course again.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return subprocess.run(command, cwd=root, env=environment).returncode


def _needs_pytest() -> None:
    from importlib.util import find_spec

    for name in ("pytest", "xdist", "pytest_socket", "nbval", "hypothesis", "transformers"):
        if not find_spec(name):
            raise InputError(f"The test tools are missing ({name} is). Run: python3 course.py test")
