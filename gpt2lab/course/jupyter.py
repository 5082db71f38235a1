"""Open the course in JupyterLab: the learner's copies, this computer only, token on, no pop-ups."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict, cast

from gpt2lab import local_server
from gpt2lab.course import presenting, workspace
from gpt2lab.errors import InputError
from gpt2lab.files.records import HOME
from gpt2lab.tokenizer import vocabulary

# The questions JupyterLab asks on a first start, answered once: no news, no update check. The list of
# chapters, README.md, opens as a page with links.
QUIET = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension:plugin": {"defaultViewers": {"markdown": "Markdown Preview"}},
}
# Whether JupyterLab itself should be built again: it starts Node.js twice for each page to find out, and the
# course's widgets need no build.
BUILT = {"buildCheck": False, "buildAvailable": False}

# Pictures are drawn dark on white, which is what GitHub, paper and the light theme need. In the dark theme they are
# turned over, and their hues back: white maps become black ones, and blue stays blue. The course's pictures state their
# width. On a projector they grow with the page; they hold 1.5 pixels for each one, so they stay sharp. Where
# JupyterLab's colours of code have a contrast below 4.5 to the cell, they are a shade darker, or lighter.
LOOK = """
body[data-jp-theme-light="true"] { --jp-cell-prompt-not-active-opacity: 1;
  --jp-mirror-editor-comment-color: #387070; --jp-mirror-editor-bracket-color: #6e6e46;
  --jp-mirror-editor-number-color: #007000; --jp-mirror-editor-meta-color: #9518e0; }
body[data-jp-theme-light="false"] {
  --jp-mirror-editor-comment-color: #66a9a9; --jp-mirror-editor-def-color: #3d9df2;
  --jp-mirror-editor-meta-color: #c58bff; }
body[data-jp-theme-light="false"] .jp-RenderedImage img[width] {
  filter: invert(0.94) hue-rotate(180deg) brightness(1.15); }
@media (min-width: 1700px) { .jp-RenderedImage img[width] { zoom: 1.25; } }
"""


class Server(TypedDict):
    """What Jupyter notes about a running server of this user; of its entries, those used here."""

    pid: int
    port: int
    url: str
    token: str


def open_command(arguments: list[str]) -> int:
    """`gpt2lab open`"""
    parser = argparse.ArgumentParser("gpt2lab open", description="Open the course in JupyterLab.")
    parser.add_argument("chapter", nargs="?", default="0", help="such as 3 or attention (default: 0)")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_argument("--port", type=int, help="this port or none (default: the first free from 8888)")
    parser.add_argument("--ip", help="listen there, such as 0.0.0.0 in a container (default: this computer alone)")
    parser.add_argument("--edit", action="store_true", help="open chapters/ itself, for authors")
    parser.add_argument("--present", action="store_true", help="for a projector: large, the code folded, in a copy")
    options = parser.parse_args(arguments)
    if options.edit and options.present:
        raise InputError("Expected --edit or --present, received both. The first opens chapters/, the second a copy.")

    root = workspace.course_root()
    if options.port is not None:
        local_server.check_port(options.port)
    if options.edit and not local_server.can_write(root / "chapters"):
        raise InputError(
            f"Expected chapters that you may write, found {root / 'chapters'} read-only. Leave out --edit."
        )
    if not options.edit:
        prepare_work(root)
    _prepare_vocabulary()
    first = "lab/" + chapter_page(root, options.chapter, options.edit)
    served = root if options.edit else workspace.home(root)
    environment = jupyter_environment(root, presenting.SHORTCUTS if options.present else None)
    if options.present:
        chapter = root / "chapters" / workspace.find_chapter(root, options.chapter)
        first = f"doc/tree/{presenting.write(chapter, workspace.work_folder(root)).relative_to(served).as_posix()}"
        environment |= presenting.settings(settings_folder(root))
    browser = not options.no_browser and local_server.can_show_browser()
    return _serve(jupyter_command(served, first, options.port, browser, options.ip), environment, first)


def jupyter_command(served: Path, page: str, port: int | None, browser: bool, ip: str | None = None) -> list[str]:
    """The command line that starts JupyterLab on the folder ``served``.

    Its token is made by Jupyter and never appears here.
    """
    command = [sys.executable, "-m", "jupyterlab", *served_by(served)]
    command += [f"--ServerApp.ip={ip or 'localhost'}", f"--ServerApp.allow_remote_access={ip is not None}"]
    command += [f"--LabApp.default_url=/{page}", f"--ServerApp.open_browser={browser}"]
    if port is not None:
        command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command += ["--allow-root"]
    return command


def served_by(folder: Path) -> list[str]:
    """Arguments of any Jupyter server: folder, notebooks without views of panels that are gone, our own style sheet."""
    contents = "--ServerApp.contents_manager_class=gpt2lab.course.contents.CourseContents"
    return [f"--ServerApp.root_dir={folder}", contents, "--LabApp.custom_css=True"]


def jupyter_environment(root: Path, more: Mapping[str, object] | None = None) -> dict[str, str]:
    """Jupyter's settings live in work/.jupyter: apart from the user's own, where a token may be off.

    So do the files that Jupyter, IPython and Matplotlib keep in the home folder, where that folder
    cannot be written. Only this user may enter work/.jupyter: the server's log has the token.
    """
    settings = settings_folder(root)
    quiet = settings / "labconfig" / "default_setting_overrides.json"
    quiet.parent.mkdir(exist_ok=True)
    quiet.write_text(json.dumps({**QUIET, **(more or {})}, indent=1))
    quiet.with_name("page_config.json").write_text(json.dumps(BUILT))
    look = settings / "custom" / "custom.css"
    look.parent.mkdir(exist_ok=True)
    look.write_text(LOOK)
    # The kernel named python3 is this environment's, whatever the user has registered elsewhere.
    ours = {"JUPYTER_CONFIG_DIR": str(settings), "JUPYTER_PREFER_ENV_PATH": "1"}
    ours |= local_server.instead_of_home(settings)
    ours[HOME] = str(settings.parents[1])  # the kernels find the learner's work/ there
    off = {"JUPYTER_TOKEN", "JUPYTER_CONFIG_PATH", "JUPYTER_NO_CONFIG"}
    return {**{name: value for name, value in os.environ.items() if name not in off}, **ours}


def settings_folder(root: Path) -> Path:
    """work/.jupyter, which this user alone may enter."""
    return local_server.private_folder(workspace.work_folder(root) / ".jupyter")


def prepare_work(root: Path) -> None:
    """Copy what is missing, and say so."""
    if copied := workspace.fill(root):
        where = workspace.work_folder(root) if workspace.home(root) != root else "work/"
        print(f"Copied {len(copied)} files into {where}: yours to change.")
    if old := workspace.from_first_edition(root):
        names = ", ".join(f"work/{file.name}" for file in old)
        print(f"From the first edition: {names}. They stay as they are; the chapters of today lie beside them.")
    for file in workspace.outdated(root):
        print(f"The course has a newer {file.stem}. To take it: gpt2lab reset {file.stem} (yours is kept)")


def _prepare_vocabulary() -> None:
    if not vocabulary.available():
        try:
            vocabulary.ensure(report=print, timeout=20)
        except vocabulary.VocabularyError as error:
            print(error)


def chapter_page(root: Path, chapter: str, edit: bool) -> str:
    """The address of a chapter on the server, below /lab/."""
    folder = "chapters" if edit else "work"
    try:
        return f"tree/{folder}/{workspace.find_chapter(root, chapter).as_posix()}"
    except InputError:
        if chapter != "0":
            raise
        return ""  # a course without a chapter yet still opens


def _serve(command: list[str], environment: dict[str, str], page: str) -> int:
    """Run JupyterLab until it ends or is stopped, and print its address once it answers."""
    return local_server.serve(
        command,
        name="JupyterLab",
        log=Path(environment["JUPYTER_CONFIG_DIR"], "jupyter.log"),
        environment=environment,
        address=lambda pid: _address(pid, environment.get("JUPYTER_RUNTIME_DIR"), page),
        started=_announce,
    )


def _announce(address: str) -> None:
    print(f"\nThe course is open at\n\n    {address}\n\nCtrl+C in this window stops it.", flush=True)


def _address(pid: int, runtime: str | None, page: str) -> str | None:
    """The address of a page of a server of our own, with its token, once the server takes connections."""
    if server := running(pid, runtime):
        # By this name also where it listens on all addresses: a container's own name means nothing outside.
        return f"http://localhost:{server['port']}/{page}?token={server['token']}"
    return None


def running(pid: int, runtime: str | None) -> Server | None:
    """What Jupyter notes about the server with this process id, or None while it takes no connections.

    Jupyter notes its address first and listens a moment later, which on a busy computer is long enough
    for a browser to be refused.
    """
    from jupyter_server.serverapp import list_running_servers

    for noted in list_running_servers(runtime):
        server = cast(Server, noted)
        if server["pid"] == pid and local_server.listens(server["port"]):
            return server
    return None
