"""Open the course in JupyterLab: the learner's copies, this computer only, token on, no pop-ups."""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from gpt2lab.course import workspace
from gpt2lab.errors import InputError
from gpt2lab.tokenizer import vocabulary

# The questions JupyterLab asks on a first start, answered once: no news, no update check.
QUIET = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}


def open_command(arguments: list[str]) -> int:
    """`gpt2lab open`"""
    parser = argparse.ArgumentParser("gpt2lab open", description="Open the course in JupyterLab.")
    parser.add_argument("chapter", nargs="?", default="0", help="such as 3 or attention (default: 0)")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_argument("--port", type=int, help="this port or none (default: the first free from 8888)")
    parser.add_argument("--edit", action="store_true", help="open chapters/ itself, for authors")
    options = parser.parse_args(arguments)

    root = workspace.course_root()
    if options.port is not None and not port_is_free(options.port):
        raise InputError(f"Expected a free port, received {options.port}, which is not. Try another --port.")
    if not options.edit:
        _prepare_work(root)
    _prepare_vocabulary()
    page = _page(root, options.chapter, options.edit)
    environment = jupyter_environment(root)
    command = jupyter_command(root, page, options.port, browser=not options.no_browser and can_show_browser())
    return _serve(command, environment, log=root / "work" / ".jupyter" / "jupyter.log")


def jupyter_command(root: Path, page: str, port: int | None, browser: bool) -> list[str]:
    """The command line that starts JupyterLab. Its token is made by Jupyter and never appears here."""
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={root}"]
    command += ["--ServerApp.ip=localhost", "--ServerApp.allow_remote_access=False"]
    command += [f"--LabApp.default_url=/lab/{page}", f"--ServerApp.open_browser={browser}"]
    if port is not None:
        command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command += ["--allow-root"]
    return command


def jupyter_environment(root: Path) -> dict[str, str]:
    """Jupyter's settings live in work/.jupyter: apart from the user's own, where a token may be off."""
    settings = root / "work" / ".jupyter"
    quiet = settings / "labconfig" / "default_setting_overrides.json"
    quiet.parent.mkdir(parents=True, exist_ok=True)
    quiet.write_text(json.dumps(QUIET, indent=1))
    # The kernel named python3 is this environment's, whatever the user has registered elsewhere.
    ours = {"JUPYTER_CONFIG_DIR": str(settings), "JUPYTER_PREFER_ENV_PATH": "1"}
    off = {"JUPYTER_TOKEN", "JUPYTER_CONFIG_PATH", "JUPYTER_NO_CONFIG"}
    return {**{name: value for name, value in os.environ.items() if name not in off}, **ours}


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("localhost", port))
        except (OSError, OverflowError):
            return False
    return True


def can_show_browser() -> bool:
    """False where a browser would open in the terminal, or on nobody's screen."""
    if os.environ.get("CI") or os.environ.get("SSH_CONNECTION"):
        return False
    if not sys.platform.startswith("linux"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"))


def _prepare_work(root: Path) -> None:
    if copied := workspace.fill(root):
        print(f"Copied {len(copied)} files into work/: yours to change.")
    for file in workspace.outdated(root):
        print(f"The course has a newer {file.stem}. To take it: gpt2lab reset {file.stem} (yours is kept)")


def _prepare_vocabulary() -> None:
    if not vocabulary.available():
        try:
            vocabulary.ensure(report=print, timeout=20)
        except vocabulary.VocabularyError as error:
            print(error)


def _page(root: Path, chapter: str, edit: bool) -> str:
    folder = "chapters" if edit else "work"
    try:
        return f"tree/{folder}/{workspace.find_chapter(root, chapter).as_posix()}"
    except ValueError:
        if chapter != "0":
            raise
        return ""  # a course without a chapter yet still opens


def _serve(command: list[str], environment: dict[str, str], log: Path) -> int:
    """Run JupyterLab until it ends or is stopped, and print its address once it answers."""
    with log.open("wb") as output:
        # A session of its own, so that Ctrl+C comes here alone and is passed on as a request to stop:
        # JupyterLab then shuts its kernels down without asking.
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=output, start_new_session=os.name != "nt"
        )
    stop_on_signals()
    try:
        server = None
        while process.poll() is None and not (server := _running(process.pid)):
            time.sleep(0.2)
        if server:
            print(f"\nThe course is open at\n\n    {_address(server, command)}\n")
            print("Ctrl+C in this window stops it.", flush=True)
            return process.wait()
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        return 0
    last = log.read_text(errors="replace").strip().splitlines()[-5:]
    raise InputError("\n  ".join(["JupyterLab did not start. Its last lines:", *last]))


def stop_on_signals() -> None:
    """Make every request to stop a KeyboardInterrupt: a server that was started is then ended, too."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)


def _address(server: dict, command: list[str]) -> str:
    page = next(part for part in command if "default_url" in part).split("=", 1)[1]
    return f"{server['url'].rstrip('/')}{page}?token={server['token']}"


def _running(pid: int) -> dict | None:
    """What Jupyter notes about a server of its own once it listens: address, port, token."""
    from jupyter_server.serverapp import list_running_servers

    return next((server for server in list_running_servers() if server["pid"] == pid), None)
