"""The explorer in Notebook 7 and as a page of its own through Voilà."""

import argparse
import re
import subprocess
import time
import uuid
from urllib.parse import urlparse

import pytest
from test_explorer_live import ECHO, SETUP, SHOW, Shown

from conftest import CELL_S, START_S, Notebook
from gpt2lab.explorer import serve


def test_notebook_7_goes_both_ways(lab):
    path = lab.write("seven", [SETUP, SHOW, ECHO, "explorer.layer, explorer.view = 2, 'head'"])
    context = lab.browser.new_context(viewport={"width": 1300, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(CELL_S * 1000)
    notebook = Notebook(page)
    page.route(re.compile(r"^https?://"), notebook.route)
    try:
        page.goto(f"{lab.url}notebooks/{path.name}?token={lab.token}&{uuid.uuid4().hex}")
        page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=START_S * 1000)
        # A cell that is run before the kernel answers is silently not run: ask until one counts.
        prompt = notebook.cell(0).locator(".jp-InputPrompt")
        for _ in range(20):
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


@pytest.fixture
def voila(tmp_path):
    """`gpt2lab explore`, the way the command starts it."""
    options = argparse.Namespace(model="random", text=None, view="heads", off=[], presenter=False, dark=False)
    notebook = serve.write_page(tmp_path, options)
    port, token = serve.free_port(), uuid.uuid4().hex
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(
            serve.voila_command(notebook, port, token, dark=False),
            env=serve.voila_environment(notebook),
            cwd=tmp_path,
            stdout=log,
            stderr=log,
        )
    try:
        end = time.monotonic() + START_S
        while not serve.answers(port, token):
            assert process.poll() is None and time.monotonic() < end, (tmp_path / "log").read_text()[-2000:]
            time.sleep(0.2)
        yield f"http://localhost:{port}/?token={token}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_voila_shows_a_live_explorer_and_asks_no_other_host(voila, chromium, spread_of_pixels):
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    asked = []

    def route(route):
        if urlparse(route.request.url).hostname in ("localhost", "127.0.0.1"):
            return route.continue_()
        asked.append(route.request.url)
        return route.abort()

    page.route(re.compile(r"^https?://"), route)
    try:
        page.goto(voila)
        root = page.locator(".g2x[data-drawn]")
        root.wait_for(timeout=START_S * 1000)
        assert spread_of_pixels(root.screenshot()) > 8
        # Typing changes a trait in Python, which runs the model and answers with a new picture.
        page.get_by_role("textbox", name="Text for the model").fill("while True: pass")
        page.wait_for_function(
            "document.querySelector('.g2x').dataset.drawn.startsWith('2 ')", timeout=CELL_S * 1000
        )
        # The selection of the last token is Python's: it follows the end of the text.
        chosen = page.locator(".g2x-token[aria-selected=true]").get_attribute("title")
        assert chosen.startswith(f"{page.locator('.g2x-token').count() - 1} ")
        page.get_by_role("button", name="Switch parts off").click()
        page.get_by_label("causal mask").uncheck()
        page.wait_for_function(
            "document.querySelector('.g2x').dataset.drawn.startsWith('3 ')", timeout=CELL_S * 1000
        )
        assert asked == []
    finally:
        context.close()


def test_a_stranger_without_the_token_gets_nothing(voila):
    from urllib.error import HTTPError
    from urllib.request import urlopen

    address = voila.split("?")[0]
    try:
        with urlopen(address, timeout=30) as answer:
            body, url = answer.read().decode(), answer.url
    except HTTPError as error:
        assert error.code in (401, 403)
    else:
        assert "login" in url or "_model_module" not in body
