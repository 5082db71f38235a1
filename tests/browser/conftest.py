"""A real JupyterLab in a real browser, shared by all browser tests.

    def test_something(lab):
        path = lab.write("x", ["from gpt2lab.widgets import AttentionPanel", "AttentionPanel()"])
        with lab.open(path) as notebook:
            notebook.run(0)
            notebook.run(1)
            notebook.output(1).locator("img").wait_for()

The server is the course's own (``gpt2lab open``), on a free port, in a temporary folder. The page
may talk to it and to nobody else: what it tries is in ``notebook.blocked``. Tests share a page and a
kernel; ``lab.open(path, fresh=True)`` gives one of its own. Under pytest-xdist each worker has its own
server.
"""

import io
import re
from pathlib import Path

import nbformat
import pytest
from explorer_page import SETUP, SHOW, Shown

from gpt2lab.course.browser import CELL_S, Lab, jupyterlab
from gpt2lab.course.notebooks import METADATA


def pytest_collection_modifyitems(items):
    """The browser tests run first: they take the longest.

    pytest-xdist gives each worker a part of the list, so that one gets them all and starts the only JupyterLab. The
    others take its other tests; what is left of these at the end is short.
    """
    items.sort(key=lambda item: Path(__file__).parent not in Path(item.path).parents)


@pytest.fixture(scope="session")
def lab(chromium, tmp_path_factory):
    """JupyterLab as ``gpt2lab open`` starts it, in a folder that looks like the course.

    Answers are kept for notebooks in work/ and in chapters/.
    """
    folder = tmp_path_factory.mktemp("lab")
    (folder / "course.py").touch()
    for name in ("chapters", "work"):
        (folder / name).mkdir()
    with jupyterlab(folder) as (url, token):
        yield Lab(chromium, folder, url, token)


@pytest.fixture
def learner_copy(lab):
    """Write the learner's copy of a chapter, of the given cells; no question was answered yet."""

    def write(name, cells):
        path = lab.folder / "work" / f"{name}.ipynb"
        nbformat.write(nbformat.v4.new_notebook(metadata=METADATA, cells=cells), path)
        return path

    (lab.folder / "work" / "answers.json").unlink(missing_ok=True)
    return write


@pytest.fixture
def spread_of_pixels():
    """How much the pixels of a PNG differ, in grey levels: near 0 for a blank picture."""

    def spread(png):
        from PIL import Image, ImageStat

        return ImageStat.Stat(Image.open(io.BytesIO(png)).convert("L")).stddev[0]

    return spread


@pytest.fixture
def opened(lab, request):
    """Open a notebook, run its cells and give the explorer in the second one."""
    from contextlib import contextmanager

    @contextmanager
    def open_notebook(name, *cells, setup=SETUP, **how):
        with lab.open(lab.write(name, [setup, SHOW, *cells]), **how) as notebook:
            notebook.run(0)
            notebook.run(1)
            yield notebook, Shown(notebook, 1)
            assert notebook.blocked == []

    return open_notebook


@pytest.fixture(scope="session")
def free_pages(chromium):
    """Pages that no test uses now. A page of its own would cost most tests more than what they do in it."""
    context, free = chromium.new_context(), []

    def take():
        if free:
            return free.pop()
        page = context.new_page()
        page.set_default_timeout(CELL_S * 1000)
        page.route(
            re.compile(r"^(https?|wss?)://"),
            lambda route: (page.asked.append(route.request.url), route.abort()),
        )
        page.on("console", lambda line: page.errors.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        return page

    yield take, free.append
    context.close()


@pytest.fixture
def show(free_pages, tmp_path):
    """Open an explorer's page in a browser that counts what it asks other hosts for."""
    take, give_back = free_pages
    taken = []

    def open_page(e, theme="light", width=1280, height=900, fragment="", recorded=True):
        path = tmp_path / "explorer.html"
        e.save(path, recorded=recorded)
        page = take()
        taken.append(page)
        page.asked, page.errors = [], []
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=theme)
        page.goto(path.as_uri() + fragment)
        page.locator(".g2x[data-drawn]").wait_for()
        return page

    yield open_page
    for page in taken:
        page.goto("about:blank")
        give_back(page)
