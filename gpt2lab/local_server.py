"""A server for this computer alone: its port, its private files, its start and its end.

Used by `gpt2lab open` (JupyterLab) and `gpt2lab explore` (Voilà).
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import webbrowser
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from gpt2lab.errors import InputError

HOST = "localhost"
TAIL = 5  # lines of the log that are shown when a server did not start
POLL = 0.2  # seconds between two looks at a starting server
GRACE = 15  # seconds that a server has to end by itself


# ---------------------------------------------------------------- ports


def free_port() -> int:
    """A port of this computer that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int) -> bool:
    """Whether a server could listen on ``port`` now, on every address that localhost stands for.

    A port whose server has just ended is free, although its last connections linger for a minute.
    """
    for family, kind, protocol, _, address in socket.getaddrinfo(HOST, port, type=socket.SOCK_STREAM):
        try:
            with socket.socket(family, kind, protocol) as probe:
                if os.name == "nt":  # where SO_REUSEADDR would share the port with its present user
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)  # type: ignore[attr-defined, unused-ignore]  # Windows
                else:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
                probe.listen()
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False  # another error: localhost has an address of a kind that is off here
    return True


def listens(port: int) -> bool:
    """Whether a server of this computer takes connections on ``port`` now."""
    try:
        socket.create_connection((HOST, port)).close()
    except OSError:
        return False
    return True


def check_port(port: int) -> None:
    """Refuse a ``--port`` that cannot be used.

    Raises
    ------
    InputError
        If it is not a port number, or is taken.
    """
    if not 1 <= port <= 65535:
        raise InputError(f"Expected a port from 1 to 65535, received {port}. Leave --port out to get a free one.")
    if not port_is_free(port):
        raise InputError(f"Expected a free port, received {port}, which is taken or reserved. Try another --port.")


# ---------------------------------------------------------------- what other users must not read


def private_folder(path: Path) -> Path:
    """Make a folder that this user alone may enter, or close one that exists to the others."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.chmod(0o700)
    return path


def open_private(path: Path) -> int:
    """Open a file for writing, empty, that this user alone may read; returns its descriptor."""
    path.unlink(missing_ok=True)  # whoever has an older, readable one open keeps that one
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def write_private(path: Path, text: str) -> None:
    """Write a file that this user alone may read, such as one with a token."""
    with os.fdopen(open_private(path), "w", encoding="utf-8") as file:
        file.write(text)


# ---------------------------------------------------------------- a home folder that cannot be written


def unusable_folders() -> Iterator[tuple[str, str]]:
    """What Jupyter and its kernels cannot write where it belongs: (variable that moves it, its name)."""
    from jupyter_core.paths import jupyter_data_dir, jupyter_runtime_dir

    places: dict[str, tuple[str, Callable[[], str | Path]]] = {
        "JUPYTER_RUNTIME_DIR": ("runtime", jupyter_runtime_dir),
        "JUPYTER_DATA_DIR": ("data", jupyter_data_dir),
        "IPYTHONDIR": ("ipython", lambda: os.environ.get("IPYTHONDIR") or Path.home() / ".ipython"),
        "MPLCONFIGDIR": ("matplotlib", _matplotlib_folder),
    }
    for variable, (name, place) in places.items():
        try:
            usable = can_write(Path(place()))
        except RuntimeError:  # Path.home(): a user without a home folder
            usable = False
        if not usable:
            yield variable, name


def instead_of_home(folder: Path) -> dict[str, str]:
    """Environment variables that put those folders below ``folder``; empty if all can be written."""
    return {variable: str(private_folder(folder / name)) for variable, name in unusable_folders()}


def can_write(folder: Path) -> bool:
    """Whether a folder can be written, or made if it does not exist. Tried, because root may do more."""
    folder = folder.absolute()
    while not os.path.lexists(folder):
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _matplotlib_folder() -> Path:
    if chosen := os.environ.get("MPLCONFIGDIR"):
        return Path(chosen)
    on_linux = sys.platform.startswith("linux")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "matplotlib"
    return cache if on_linux else Path.home() / ".matplotlib"


# ---------------------------------------------------------------- the browser


def can_show_browser() -> bool:
    """False where a browser would open in the terminal, or where there is no display."""
    if os.environ.get("CI") or os.environ.get("SSH_CONNECTION"):
        return False
    if not sys.platform.startswith("linux"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"))


def show(address: str, folder: Path) -> None:
    """Open an address that holds a token in the browser.

    On Linux every user sees the command line of a starting browser. It therefore receives the name of
    a private page in ``folder`` that leads to the address. (Not under WSL, where the browser belongs to
    Windows and does not find such a page.)
    """
    if sys.platform.startswith("linux") and not os.environ.get("WSL_DISTRO_NAME"):
        page = folder / "open.html"
        write_private(page, f'<!DOCTYPE html><meta http-equiv="refresh" content="0; url={address}">')
        address = page.as_uri()
    webbrowser.open(address)


# ---------------------------------------------------------------- start and end


@contextlib.contextmanager
def stop_on_signals() -> Iterator[None]:
    """Make every request to stop a KeyboardInterrupt: a server that was started is then ended, too."""
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def serve(
    command: list[str],
    *,
    name: str,
    log: Path,
    environment: Mapping[str, str],
    address: Callable[[int], str | None],
    started: Callable[[str], None] = lambda address: None,
    cwd: Path | None = None,
) -> int:
    """Run a server until it ends or is asked to stop.

    Parameters
    ----------
    command, environment, cwd
        How it is started. Other users can read the command, so that no token may stand in it.
    name : str
        What a message calls it.
    log : Path
        Where its output goes: a new file that this user alone may read.
    address
        Called repeatedly with the process's id, until it returns the address or the server ends.
    started
        Called with the address once.

    Returns
    -------
    int
        0 after a request to stop, otherwise the server's own exit code.

    Raises
    ------
    InputError
        If the server ends before it has an address; with its last lines.
    """
    process: subprocess.Popen[bytes] | None = None
    with stop_on_signals():
        try:
            output = open_private(log)
            try:
                # A session of its own, so that Ctrl+C comes here alone and is passed on as a request to
                # stop: JupyterLab then shuts its kernels down without asking.
                process = subprocess.Popen(
                    command, env=environment, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                    start_new_session=os.name != "nt",
                )  # fmt: skip
            finally:
                os.close(output)
            found = None
            while process.poll() is None and not (found := address(process.pid)):
                time.sleep(POLL)
            if found:
                started(found)
                return process.wait()
        except KeyboardInterrupt:
            return 0
        finally:
            if process:
                end(process)
    last = log.read_text(errors="replace").strip().splitlines()[-TAIL:]
    raise InputError("\n  ".join([f"{name} did not start. Its last lines:", *last]))


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask a server, in a session of its own, to end; make it if it does not, or if the person asks once more.

    JupyterLab may hang at its end: a thread of its event loop that was at work outlives the loop.
    """
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(timeout=GRACE)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        if os.name == "nt":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)  # its session: its kernels as well
        process.wait()
