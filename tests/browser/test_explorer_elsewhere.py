"""The explorer in Notebook 7 and as a page of its own through Voilà."""

import argparse
import os
import re
import subprocess
import time
import uuid
from contextlib import contextmanager

import nbformat
import pytest
from explorer_page import ECHO, SETUP, SHOW, Shown

from gpt2lab import local_server
from gpt2lab.course.browser import CELL_S, HERE_ONLY, START_S, Notebook
from gpt2lab.explorer import serve


def test_notebook_7_goes_both_ways(lab):
    path = lab.write("seven", [SETUP, SHOW, ECHO, "explorer.layer, explorer.view = 2, 'head'"])
    context = lab.browser.new_context(viewport={"width": 1300, "height": 1000}, proxy=HERE_ONLY)
    page = context.new_page()
    page.set_default_timeout(CELL_S * 1000)
    notebook = Notebook(page)
    try:
        page.goto(f"{lab.url}notebooks/{path.name}?token={lab.token}&{uuid.uuid4().hex}")
        page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=START_S * 1000)
        # A cell that is run before the kernel answers is silently not run: ask until one counts.
        prompt = notebook.cell(0).locator(".jp-InputPrompt")
        for _ in range(200):
            if page.locator(".jp-Dialog").count():  # asks for a kernel that is still on its way
                page.keyboard.press("Escape")
            notebook.cell(0).locator(".cm-content").click()
            page.keyboard.press("Control+Enter")
            page.wait_for_timeout(1500)
            if prompt.inner_text() != "[ ]:":
                break
        notebook.wait_until(lambda: re.fullmatch(r"\[\d+\]:", prompt.inner_text()), "the first cell has run")
        notebook.run(1)
        shown = Shown(notebook, 1)
        shown.root.get_by_role("gridcell", name="Layer 1, head 2").click()
        shown.wait(layer=1, head=2)
        assert notebook.run(2).startswith("1 2 19 heads []")
        before = shown.pixels()
        notebook.run(3)
        shown.wait(layer=2, view="head")
        assert shown.pixels() != before
        assert notebook.blocked == []
    finally:
        context.close()


# Voilà shows no cells: the page itself has to tell what Python sees, and to make Python act.
BESIDE = """
from ipywidgets import HTML, Button, VBox
seen = HTML()
def tell(change=None):
    seen.value = f"Python sees {explorer.layer} {explorer.head} {explorer.token} {explorer.view} {explorer.ablated}"
def act(button):
    explorer.layer, explorer.head, explorer.view = 2, 1, "head"
explorer.observe(tell, ["layer", "head", "token", "view", "ablated"])
tell()
button = Button(description="Select in Python")
button.on_click(act)
VBox([button, seen, explorer])
"""


@contextmanager
def served(notebook):
    """Voilà, the way `gpt2lab explore` starts it, for as long as the block lasts: its address."""
    folder, port, token = notebook.parent, local_server.free_port(), uuid.uuid4().hex
    serve.write_token(folder, token)
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            serve.voila_command(notebook, port, dark=False),
            env=serve.voila_environment(notebook),
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=os.name != "nt",
        )
    try:
        end = time.monotonic() + START_S
        while not serve.answers(port, token):
            assert process.poll() is None and time.monotonic() < end, (folder / "log").read_text()[-2000:]
            time.sleep(0.2)
        yield f"http://localhost:{port}/?token={token}"
    finally:
        local_server.end(process)


@pytest.fixture(scope="module")
def voila(tmp_path_factory):
    """What `gpt2lab explore` serves."""
    folder = tmp_path_factory.mktemp("voila")
    options = argparse.Namespace(
        model="random", text=None, view="heads", off=[], presenter=False, dark=False, state=None, tour=None
    )
    with served(serve.write_page(folder, options)) as address:
        yield address


@pytest.fixture
def visit(chromium):
    """Open an address in a page that reaches this computer only."""
    contexts = []

    def open_page(address):
        contexts.append(chromium.new_context(viewport={"width": 1280, "height": 900}, proxy=HERE_ONLY))
        page = contexts[-1].new_page()
        page.set_default_timeout(CELL_S * 1000)
        notebook = Notebook(page)
        page.goto(address)
        page.locator(".g2x[data-drawn]").wait_for(timeout=START_S * 1000)
        return notebook, Shown(notebook)

    yield open_page
    for context in contexts:
        context.close()


def test_voila_goes_both_ways(visit, tmp_path):
    path = tmp_path / "both.ipynb"
    cells = [nbformat.v4.new_code_cell(cell) for cell in (SETUP, BESIDE)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    serve.write_template(tmp_path)
    with served(path) as address:
        notebook, shown = visit(address)
        page = notebook.page
        page.get_by_text("Python sees 0 0 19 heads []").wait_for()
        # A click in the picture arrives in Python.
        shown.root.get_by_role("gridcell", name="Layer 1, head 3").click()
        page.get_by_text("Python sees 1 3 19 heads []").wait_for()
        shown.wait(layer=1, head=3)
        shown.root.get_by_role("option").nth(4).click()
        page.get_by_text("Python sees 1 3 4 heads []").wait_for()
        # A trait that Python sets arrives in the picture.
        before = shown.pixels()
        page.get_by_role("button", name="Select in Python").click()
        shown.wait(layer=2, head=1, token=4, view="head")
        page.get_by_text("Python sees 2 1 4 head []").wait_for()
        assert shown.pixels() != before
        # A part switched off by hand runs the model in Python: the picture is another one.
        before = shown.pixels()
        shown.button("Switch head 2.1 off").click()
        page.get_by_text("Python sees 2 1 4 head ['head 2.1']").wait_for()
        shown.wait(rev=2)
        assert shown.pixels() != before
        assert notebook.blocked == []


def test_voila_shows_a_live_explorer_and_asks_no_other_host(voila, visit, spread_of_pixels):
    notebook, shown = visit(voila)
    page = notebook.page
    assert spread_of_pixels(shown.root.screenshot()) > 8
    # Typing changes a trait in Python, which runs the model and answers with a new picture.
    page.get_by_role("textbox", name="Text for the model").fill("while True: pass")
    shown.wait(rev=2)
    # The selection of the last token is Python's: it follows the end of the text.
    chosen = page.locator(".g2x-token[aria-selected=true]").get_attribute("title")
    assert chosen.startswith(f"{page.locator('.g2x-token').count() - 1} ")
    page.get_by_role("button", name="Switch parts off").click()
    page.get_by_label("causal mask").uncheck()
    shown.wait(rev=3)
    assert notebook.blocked == []


def test_a_stranger_without_the_token_gets_nothing(voila):
    from urllib.error import HTTPError
    from urllib.request import urlopen

    address = voila.split("?")[0]
    try:
        with urlopen(address, timeout=CELL_S) as answer:
            body, url = answer.read().decode(), answer.url
    except HTTPError as error:
        assert error.code in (401, 403)
    else:
        assert "login" in url or "_model_module" not in body
