"""`gpt2lab doctor`: one line for each thing the course needs, with advice where something is amiss."""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import re
import shutil
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from gpt2lab import local_server
from gpt2lab.course import workspace
from gpt2lab.tokenizer import vocabulary

OLDEST, NEWEST = (3, 11), (3, 13)
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome", "msedge")


class Finding(NamedTuple):
    """What one check found. ``state`` is "ok", "note" (works without it) or "fault"."""

    state: str
    text: str
    advice: str = ""


def doctor_command(arguments: list[str]) -> int:
    """`gpt2lab doctor`: exit code 1 if anything is at fault."""
    parser = argparse.ArgumentParser("gpt2lab doctor", description="What is installed and what is missing.")
    parser.add_argument("--fix", action="store_true", help="fetch GPT-2's vocabulary if it is missing")
    if parser.parse_args(arguments).fix and not vocabulary.available():
        vocabulary.ensure(report=print)
    findings = {name: _look(check) for name, check in CHECKS.items()}
    for name, found in findings.items():
        advice = f" → {found.advice}" if found.advice else ""
        print(f"{found.state:<5} {name:<11} {found.text}{advice}")
    return int(any(found.state == "fault" for found in findings.values()))


def _look(check: Callable[[], Finding]) -> Finding:
    """A check that raises is a finding too, so that the other lines still appear."""
    try:
        return check()
    except Exception as error:
        return Finding("fault", f"could not be checked: {type(error).__name__}: {error}", "python3 course.py")


def check_python() -> Finding:
    text = f"{sys.version.split()[0]} at {sys.executable}"
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return Finding("ok", text)
    return Finding("fault", text, "delete .venv, then run course.py with Python 3.11 to 3.13")


def check_packages() -> Finding:
    """Every dependency, and the versions that were tested."""
    missing: list[str] = []
    needed: list[str] = []
    for requirement in importlib.metadata.requires("gpt2lab") or []:
        if "extra ==" not in requirement:
            needed += re.findall(r"^[\w.-]+", requirement)
    for name in needed:
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return Finding("fault", f"missing: {', '.join(missing)}", "python3 course.py")
    if broken := half_installed(Path(sysconfig.get_path("purelib"))):
        advice = "delete .venv/gpt2lab-setup.json, then: python3 course.py"
        return Finding("fault", f"not completely installed: {', '.join(broken)}", advice)
    others = _other_versions(needed)
    text = f"{len(needed)} of {len(needed)}"
    if others:
        text += f"; not the tested version: {', '.join(others)}"
        return Finding("note", text, "fine unless a test fails")
    return Finding("ok", f"{text}, in the tested versions")


def half_installed(folder: Path) -> list[str]:
    """Packages in ``folder`` whose installation was interrupted, by the rule of course.py."""
    spec = importlib.util.spec_from_file_location("course", workspace.course_root() / "course.py")
    if spec is None or spec.loader is None:
        raise ImportError("course.py cannot be loaded")
    course = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(course)
    return [name.split("-")[0] for name in course.half_installed(str(folder))]


def _other_versions(names: list[str]) -> list[str]:
    lines = (workspace.course_root() / "constraints.txt").read_text().splitlines()
    tested = dict(line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    found = {name: importlib.metadata.version(name) for name in names}
    return [
        f"{name} {version}"
        for name, version in found.items()
        if version.split("+")[0] != tested.get(name.lower().replace("_", "-"))
    ]


def check_kernel() -> Finding:
    """The kernel named python3, which the notebooks ask for, has to be this environment."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        program = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        return Finding("fault", "no kernel named python3", "python3 course.py")
    # Jupyter replaces a bare "python" by the interpreter it runs in itself.
    if Path(program).name == program or Path(program).absolute() == Path(sys.executable).absolute():
        return Finding("ok", "python3 is this environment")
    advice = "`gpt2lab open` uses this environment all the same; VS Code: choose .venv as the kernel"
    return Finding("note", f"python3 outside the course is {program}", advice)


def check_vocabulary() -> Finding:
    if folder := vocabulary.found_in():
        return Finding("ok", f"GPT-2's 50,257 tokens in {folder}")
    return Finding("note", "GPT-2's tokens are missing", "online: gpt2lab doctor --fix")


def check_home() -> Finding:
    """Jupyter, IPython and Matplotlib keep files in the home folder."""
    if moved := [name for _, name in local_server.unusable_folders()]:
        text = f"cannot be written for {', '.join(moved)}"
        return Finding("note", text, "`gpt2lab open` uses work/.jupyter instead; VS Code: make it writable")
    return Finding("ok", "can be written for Jupyter's own files")


def check_gpu() -> Finding:
    import torch

    if torch.cuda.is_available():
        return Finding("ok", f"{torch.cuda.get_device_name(0)}, torch {torch.__version__}")
    if shutil.which("nvidia-smi"):
        advice = "delete .venv and run course.py again (Windows: install torch from pytorch.org with CUDA)"
        return Finding("note", f"an NVIDIA driver, but torch {torch.__version__} cannot use it", advice)
    kind = "Apple GPU (the course computes on the CPU)" if torch.backends.mps.is_available() else "none"
    return Finding("ok", f"{kind}; everything in the course runs on the CPU, torch {torch.__version__}")


def check_disk() -> Finding:
    free = shutil.disk_usage(workspace.course_root()).free / 1e9
    text = f"{free:.1f} GB free"
    return Finding("ok", text) if free >= 1 else Finding("fault", text, "make at least 1 GB of room")


def check_browser() -> Finding:
    """Only the browser tests need Chromium; JupyterLab opens in any browser."""
    if path := next(filter(None, map(shutil.which, BROWSERS)), None):
        return Finding("ok", path)
    return Finding("note", "no Chromium: browser tests skip", "Debian or Ubuntu: sudo apt install chromium")


CHECKS: dict[str, Callable[[], Finding]] = {
    "Python": check_python,
    "packages": check_packages,
    "kernel": check_kernel,
    "vocabulary": check_vocabulary,
    "home": check_home,
    "GPU": check_gpu,
    "disk": check_disk,
    "Chromium": check_browser,
}
