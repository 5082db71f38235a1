"""A running JupyterLab and an open notebook, as the browser tests drive them."""

import re
import time
import uuid
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlparse

import nbformat
import pytest

from gpt2lab.course.browser import READY

START_S, CELL_S = 90, 60  # generous: a busy machine is slow, not wrong


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
