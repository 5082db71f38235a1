"""A real JupyterLab in a real browser, shared by all browser tests.

    def test_something(lab):
        path = lab.write("x", ["from gpt2lab.widgets import AttentionPanel", "AttentionPanel()"])
        with lab.open(path) as notebook:
            notebook.run(0)
            notebook.run(1)
            notebook.output(1).locator("img").wait_for()

The server is the course's own (``gpt2lab open``), on a free port, in a temporary folder. The page
may talk to it and to nobody else: what it tries is in ``notebook.blocked``. Without Chromium these
tests are skipped; with CI=true that is a failure.
"""

import io
import os
import re
import sys
import time
import uuid
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlparse

import nbformat
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
from _lab import READY, chromium_program, jupyterlab  # noqa: E402

START_S, CELL_S = 90, 60  # generous: a busy machine is slow, not wrong


def pytest_collection_modifyitems(items):
    """The browser tests run last: they take the longest."""
    items.sort(key=lambda item: Path(__file__).parent in Path(item.path).parents)


@pytest.fixture(scope="session")
def chromium():
    """A headless browser."""
    playwright_api = pytest.importorskip("playwright.sync_api")
    program = chromium_program()
    if program is None:
        missing = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        missing("needs Chromium, which is not installed")
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def lab(chromium, tmp_path_factory):
    """JupyterLab as ``gpt2lab open`` starts it, in a folder of its own."""
    folder = tmp_path_factory.mktemp("lab")
    with jupyterlab(folder) as (url, token):
        yield Lab(chromium, folder, url, token)


class Lab:
    """A running JupyterLab."""

    def __init__(self, browser, folder, url, token):
        self.browser, self.folder, self.url, self.token = browser, folder, url, token

    def write(self, name, cells):
        """Write a notebook of code cells, not run, into the server's folder; returns its path."""
        from gpt2lab.course.notebooks import METADATA

        path = self.folder / f"{name}.ipynb"
        cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
        nbformat.write(nbformat.v4.new_notebook(metadata=METADATA, cells=cells), path)
        return path

    @contextmanager
    def open(self, path, *, dark=False, width=1300, height=1000):
        """Open a notebook of the server's folder in a page of its own."""
        context = self.browser.new_context(viewport={"width": width, "height": height})
        page = context.new_page()
        page.set_default_timeout(CELL_S * 1000)
        notebook = Notebook(page)
        page.route(re.compile(r"^https?://"), notebook.route)
        page.on("console", lambda line: notebook.errors.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: notebook.errors.append(str(error)))
        # A workspace of its own: otherwise the tabs of the last test come back.
        inside = Path(path).relative_to(self.folder).as_posix()
        page.goto(f"{self.url}lab/workspaces/{uuid.uuid4().hex}/tree/{inside}?reset&token={self.token}")
        page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=START_S * 1000)
        # A cell that is run before the kernel answers is silently not run.
        page.evaluate(READY)
        theme = "JupyterLab Dark" if dark else "JupyterLab Light"
        page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
        page.locator(f'body[data-jp-theme-light="{str(not dark).lower()}"]').wait_for(state="attached")
        try:
            yield notebook
        finally:
            # Kernels left running would fill the memory by the end of the tests.
            page.evaluate('() => [...window.jupyterapp.shell.widgets("main")][0].sessionContext.shutdown()')
            context.close()


class Notebook:
    """An open notebook. ``page`` is Playwright's; cells count from 0."""

    def __init__(self, page):
        self.page = page
        self.blocked = []  # addresses on other computers that the page tried to reach
        self.errors = []  # what the page wrote to its console as errors

    def route(self, route):
        if urlparse(route.request.url).hostname in ("localhost", "127.0.0.1"):
            return route.continue_()
        self.blocked.append(route.request.url)
        return route.abort()

    def cell(self, n):
        return self.page.locator(".jp-Notebook .jp-CodeCell").nth(n)

    def output(self, n):
        return self.cell(n).locator(".jp-Cell-outputArea")

    def run(self, n):
        """Run a cell with Shift+Enter, wait until it has finished, and return the text it shows."""
        prompt = self.cell(n).locator(".jp-InputPrompt")
        before = prompt.inner_text()
        self.cell(n).locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")
        end = time.monotonic() + CELL_S
        while not re.fullmatch(r"\[\d+\]:", prompt.inner_text()) or prompt.inner_text() == before:
            if time.monotonic() > end:
                pytest.fail(f"cell {n} did not finish in {CELL_S} s: {self.output(n).inner_text()}")
            self.page.wait_for_timeout(50)
        return self.output(n).inner_text()

    def wait_until(self, condition, what, seconds=CELL_S):
        """Ask again until ``condition()`` holds."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                pytest.fail(f"not within {seconds} s: {what}")
            self.page.wait_for_timeout(50)


@pytest.fixture
def spread_of_pixels():
    """How much the pixels of a PNG differ, in grey levels: near 0 for a blank picture."""

    def spread(png):
        from PIL import Image, ImageStat

        return ImageStat.Stat(Image.open(io.BytesIO(png)).convert("L")).stddev[0]

    return spread
