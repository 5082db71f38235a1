"""The course's JupyterLab in headless Chromium: for browser tests, benchmarks and pictures."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat

from gpt2lab.course import jupyter as server

READY = """async () => {
    const [panel] = window.jupyterapp.shell.widgets("main");
    await panel.sessionContext.ready;
    await panel.sessionContext.session.kernel.info;
}"""


def chromium_program() -> str | None:
    """Where Chromium or Chrome is, if there is one."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return next(filter(None, map(shutil.which, names)), None)


@contextlib.contextmanager
def open_notebook(
    browser: Any, lab: tuple[Path, str, str], name: str, cells: list[str], script: str, width: int = 1300
) -> Iterator[tuple[Any, list[str]]]:
    """A notebook with a kernel of its own: the page, and the addresses elsewhere that it asks for in vain."""
    folder, url, token = lab
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, folder / f"{name}.ipynb")
    page = browser.new_page(viewport={"width": width, "height": 1000})
    page.set_default_timeout(60_000)
    blocked: list[str] = []

    def refuse(route: Any) -> None:
        blocked.append(route.request.url)
        route.abort()

    page.route(re.compile(r"^https?://(?!localhost|127\.0\.0\.1)"), refuse)
    page.add_init_script(script)
    page.goto(f"{url}lab/workspaces/{uuid.uuid4().hex}/tree/{name}.ipynb?reset&token={token}")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    page.evaluate(READY)
    try:
        yield page, blocked
    finally:
        page.evaluate('() => [...window.jupyterapp.shell.widgets("main")][0].sessionContext.shutdown()')
        page.close()


def run_cell(page: Any, n: int) -> None:
    cell = page.locator(".jp-Notebook .jp-CodeCell").nth(n)
    cell.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    end = time.monotonic() + 60
    while not re.fullmatch(r"\[\d+\]:", cell.locator(".jp-InputPrompt").inner_text()):
        if time.monotonic() > end:
            raise RuntimeError(f"cell {n} did not finish")
        page.wait_for_timeout(20)


@contextlib.contextmanager
def jupyterlab(folder: Path) -> Any:
    """The course's own JupyterLab, in an empty folder: (address, token)."""
    environment = server.jupyter_environment(folder)
    environment["JUPYTER_RUNTIME_DIR"] = str(folder / "runtime")
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    settings = Path(environment["JUPYTER_CONFIG_DIR"], "labconfig", "default_setting_overrides.json")
    whole = {
        # All cells are in the page, also those that are scrolled out of sight.
        "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
        "@jupyterlab/docmanager-extension:plugin": {"autosave": False},  # of a peer's output: tens of MB
    }
    settings.write_text(json.dumps(json.loads(settings.read_text()) | whole))
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    command = [
        *server.jupyter_command(folder, "", port, browser=False),
        "--LabApp.expose_app_in_browser=True",
    ]
    with open(folder / "server.log", "wb") as log:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
    note = folder / "runtime" / f"jpserver-{process.pid}.json"
    try:
        end = time.monotonic() + 90
        while not (note.exists() and note.read_text().rstrip().endswith("}")):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("JupyterLab did not start:\n" + (folder / "server.log").read_text()[-2000:])
            time.sleep(0.1)
        known = json.loads(note.read_text())
        yield known["url"], known["token"]
    finally:
        process.terminate()
        process.wait(timeout=30)
