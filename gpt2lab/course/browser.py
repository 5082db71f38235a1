"""The course's JupyterLab in headless Chromium: for browser tests, benchmarks and pictures."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlparse

import nbformat

from gpt2lab import local_server
from gpt2lab.course import jupyter as server
from gpt2lab.course.notebooks import METADATA

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Error, Locator, Page, ProxySettings, Request

# These limits only end what hangs. They are generous: a busy machine is slow, not wrong.
START_S, CELL_S = 300, 180

# For new_context: whatever is not on this computer goes to a proxy that is not there. Playwright's page.route would
# do the same, but asks Python about every request and switches the browser's cache off.
HERE = ("localhost", "127.0.0.1")
HERE_ONLY: ProxySettings = {"server": "http://127.0.0.1:9", "bypass": ",".join(HERE)}

# A cell that is run before the kernel answers is silently not run. Gives the kernel's id.
READY = """async () => {
    const [panel] = window.jupyterapp.shell.widgets("main");
    await panel.sessionContext.ready;
    await panel.sessionContext.session.kernel.info;
    return panel.sessionContext.session.kernel.id;
}"""
OPEN = """async ([path, id]) => {
    const kernel = id === null ? undefined : {id};
    const panel = await window.jupyterapp.commands.execute("docmanager:open", {path, kernel});
    await panel.context.ready;
    // An empty page shows a launcher; the notebook shall be its only tab.
    [...window.jupyterapp.shell.widgets("main")].filter((tab) => tab !== panel).forEach((tab) => tab.dispose());
}"""
# Disposing of a notebook, unlike closing it, asks nobody whether to save it. Its kernel runs on.
CLOSE = """async (code) => {
    const [panel] = window.jupyterapp.shell.widgets("main");
    const done = panel.sessionContext.session.kernel.requestExecute({code, store_history: false}).done;
    const reply = await done;
    panel.dispose();
    if (reply.content.status !== "ok") throw new Error(JSON.stringify(reply.content));
}"""
EMPTY = "import ipywidgets; ipywidgets.Widget.close_all(); get_ipython().reset()"
# Of a cell: resolves when it has a new number, which it gets when it has run.
HAS_RUN = r"""(cell, [before, limit]) => new Promise((resolve, reject) => {
    const area = cell.querySelector(".jp-InputArea");
    const finished = () => {
        const now = area.querySelector(".jp-InputPrompt").textContent;
        return /^\[\d+\]:$/.test(now) && now !== before;
    };
    if (finished()) return resolve();
    const observer = new MutationObserver(() => {
        if (!finished()) return;
        observer.disconnect();
        clearTimeout(timer);
        resolve();
    });
    observer.observe(area, {subtree: true, childList: true, characterData: true});
    const timer = setTimeout(() => reject(new Error(`not within ${limit} s: ${cell.innerText}`)), 1000 * limit);
})"""
# A kernel that need not look through all of torch for garbage ends in half a second less.
SHUT_DOWN = """async () => {
    const [panel] = window.jupyterapp.shell.widgets("main");
    const kernel = panel.sessionContext.session?.kernel;
    const idle = kernel?.connectionStatus === "connected" && kernel.status === "idle";
    if (idle) await kernel.requestExecute({code: "import gc; gc.freeze()", store_history: false}).done;
    await panel.sessionContext.shutdown();
    panel.dispose();
    localStorage.clear();
}"""


def chromium_program() -> str | None:
    """Where Chromium or Chrome is, if there is one; its shell without windows does the same with a fifth less work."""
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome")
    return next(filter(None, map(shutil.which, names)), None)


@contextlib.contextmanager
def jupyterlab(folder: Path) -> Iterator[tuple[str, str]]:
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
    ours = json.loads(settings.read_text())
    settings.write_text(json.dumps({name: ours.get(name, {}) | whole.get(name, {}) for name in {**ours, **whole}}))
    command = [
        *server.jupyter_command(folder, "lab/", local_server.free_port(), browser=False),
        "--LabApp.expose_app_in_browser=True",
    ]
    with open(folder / "server.log", "wb") as log:
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdout=log, stderr=log, start_new_session=os.name != "nt"
        )
    try:
        runtime = environment["JUPYTER_RUNTIME_DIR"]
        while not (known := server.running(process.pid, runtime)):
            if process.poll() is not None:
                raise RuntimeError("JupyterLab did not start:\n" + (folder / "server.log").read_text()[-2000:])
            time.sleep(0.1)
        yield known["url"], known["token"]
    finally:
        local_server.end(process)


class Lab:
    """A running JupyterLab, and a browser to open its notebooks in.

    Parameters
    ----------
    browser : Browser
        Playwright's.
    folder : Path
        The server's folder.
    url, token : str
        As :func:`jupyterlab` gives them.
    """

    def __init__(self, browser: Browser, folder: Path, url: str, token: str) -> None:
        self.browser, self.folder, self.url, self.token = browser, folder, url, token
        self._page: Page | None = None  # with JupyterLab and no notebook; None while one is open
        self._kernel: str | None = None  # the id of the kernel that notebooks share
        self._context = browser.new_context(proxy=HERE_ONLY)  # one, so that JupyterLab comes from the browser's cache

    def write(self, name: str, sources: list[str]) -> Path:
        """Write a notebook of code cells, not run, into the server's folder; returns its path."""
        path = self.folder / f"{name}.ipynb"
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        nbformat.write(nbformat.v4.new_notebook(metadata=METADATA, cells=cells), path)
        return path

    @contextlib.contextmanager
    def open(
        self,
        path: Path,
        *,
        fresh: bool = False,
        dark: bool = False,
        width: int = 1300,
        height: int = 1000,
        script: str = "",
    ) -> Iterator[Notebook]:
        """Open a notebook of the server's folder.

        Loading JupyterLab, starting a kernel and importing torch take most of a short test. Notebooks
        therefore share one page and one kernel: each finds the kernel without names and widgets of the
        one before. After an error the next one gets a new page and a new kernel.

        Parameters
        ----------
        path : Path
            In the server's folder.
        fresh : bool
            A kernel for this notebook alone; it is shut down afterwards.
        dark : bool
            JupyterLab's dark theme.
        width, height : int
            Of the page, in CSS pixels.
        script : str
            JavaScript to run before everything else, in a page for this notebook alone; only with ``fresh``.
        """
        page, kernel = (None if script else self._page), (None if fresh else self._kernel)
        if not script:
            self._page = None
        if not fresh:
            self._kernel = None
        page = page or self._new_page(script)
        notebook = Notebook(page)
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate(OPEN, [Path(path).relative_to(self.folder).as_posix(), kernel])
        page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=START_S * 1000)
        kernel = page.evaluate(READY)
        notebook.theme(dark=dark)
        passed = False
        try:
            yield notebook
            passed = True
        finally:
            notebook.forget()
            if fresh or not passed:  # kernels left running would fill the memory by the end of the tests
                page.evaluate(SHUT_DOWN)
            else:
                page.evaluate(CLOSE, EMPTY)
                self._kernel = kernel
            if passed and not script:
                self._page = page
            else:
                page.close()

    def _new_page(self, script: str) -> Page:
        """A page with JupyterLab and no notebook."""
        page = self._context.new_page()
        page.set_default_timeout(CELL_S * 1000)
        if script:
            page.add_init_script(script)
        # A workspace of its own: otherwise the tabs of another page come back.
        page.goto(f"{self.url}lab/workspaces/{uuid.uuid4().hex}?reset&token={self.token}")
        page.wait_for_function("window.jupyterapp", timeout=START_S * 1000)
        page.evaluate("() => window.jupyterapp.restored")
        return page


class Notebook:
    """An open notebook. ``page`` is Playwright's, of a context with ``proxy=HERE_ONLY``; cells count from 0."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.blocked: list[str] = []  # addresses on other computers that the page tried to reach
        self.errors: list[str] = []  # what the page wrote to its console as errors
        page.on("request", self._request)
        page.on("console", self._console)
        page.on("pageerror", self._error)

    def forget(self) -> None:
        """Stop watching the page."""
        self.page.remove_listener("request", self._request)
        self.page.remove_listener("console", self._console)
        self.page.remove_listener("pageerror", self._error)

    def _request(self, request: Request) -> None:
        address = urlparse(request.url)
        if address.scheme in ("http", "https") and address.hostname not in HERE:
            self.blocked.append(request.url)

    def _console(self, line: ConsoleMessage) -> None:
        if line.type == "error":
            self.errors.append(line.text)

    def _error(self, error: Error) -> None:
        self.errors.append(str(error))

    def theme(self, *, dark: bool) -> None:
        """Change JupyterLab's theme."""
        shown = self.page.locator(f'body[data-jp-theme-light="{str(not dark).lower()}"]')
        if shown.count():  # JupyterLab would load its style sheets again
            return
        name = "JupyterLab Dark" if dark else "JupyterLab Light"
        self.page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", name)
        shown.wait_for(state="attached")
        self.page.locator("#jupyterlab-splash").wait_for(state="detached")  # it covers the page while themes change

    def cell(self, n: int) -> Locator:
        return self.page.locator(".jp-Notebook .jp-CodeCell").nth(n)

    def output(self, n: int) -> Locator:
        return self.cell(n).locator(".jp-Cell-outputArea")

    def run(self, n: int) -> str:
        """Run a cell with Shift+Enter, wait until it has finished, and return the text it shows."""
        before = self.cell(n).locator(".jp-InputPrompt").text_content()
        self.cell(n).locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")
        self.cell(n).evaluate(HAS_RUN, [before, CELL_S])
        return self.output(n).inner_text()

    def wait_until(self, condition: Callable[[], bool], what: str | Callable[[], str]) -> None:
        """As :func:`wait_until`, of this page."""
        wait_until(self.page, condition, what)


def wait_until(page: Page, condition: Callable[[], bool], what: str | Callable[[], str]) -> None:
    """Ask again until ``condition()`` holds: often at first, then less, as each question takes the processor's time.

    Raises
    ------
    TimeoutError
        After ``CELL_S`` seconds.
    """
    end, pause = time.monotonic() + CELL_S, 5.0
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {CELL_S} s: {what if isinstance(what, str) else what()}")
        page.wait_for_timeout(pause)
        pause = min(1.3 * pause, 100)
