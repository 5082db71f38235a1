"""A learner's notebook, opened again: panels leave a picture and no error, and answers are still there."""

import shutil

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from gpt2lab.course.browser import Lab, jupyterlab
from gpt2lab.course.copies import RUN_AGAIN, WIDGET_VIEW
from gpt2lab.course.notebooks import METADATA

PANEL = "from gpt2lab.widgets import AttentionPanel\npanel = AttentionPanel()\npanel"
QUESTION = "from gpt2lab.widgets import Predict\nguess = Predict('Does it rain?', ['yes', 'no'])\nguess"
SAVE = '() => window.jupyterapp.commands.execute("docmanager:save")'
RELOAD = '() => window.jupyterapp.commands.execute("docmanager:reload")'


@pytest.fixture
def course(tmp_path):
    """A folder that looks like the course, with one notebook in work/."""
    (tmp_path / "course.py").touch()
    (tmp_path / "chapters").mkdir()
    (tmp_path / "work").mkdir()
    path = tmp_path / "work" / "03_attention.ipynb"
    notebook = new_notebook(metadata=METADATA, cells=[new_code_cell(PANEL), new_code_cell(QUESTION)])
    nbformat.write(notebook, path)
    yield path
    shutil.rmtree(tmp_path / "runtime", ignore_errors=True)


def slider(notebook):
    return notebook.output(0).locator(".widget-slider", has_text="Head").get_by_role("slider")


def is_picture_without_error(notebook):
    notebook.output(0).locator("img").wait_for()
    notebook.output(0).get_by_text(RUN_AGAIN).wait_for()
    notebook.output(1).get_by_text("Predict: Does it rain?").wait_for()
    assert "model not found" not in notebook.page.locator("body").inner_text()
    assert slider(notebook).count() == 0


def test_a_notebook_opened_again_without_its_kernel_and_without_its_server(chromium, course):
    folder = course.parents[1]
    with jupyterlab(folder) as (url, token):
        lab = Lab(chromium, folder, url, token)
        with lab.open(course, fresh=True) as notebook:
            notebook.run(0)
            notebook.run(1)
            notebook.output(1).get_by_label("no").check()
            notebook.wait_until(lambda: (course.parent / "answers.json").exists(), "the answer is kept")
            notebook.page.evaluate(SAVE)
            assert WIDGET_VIEW in course.read_text(encoding="utf-8")
        with lab.open(course, fresh=True) as notebook:  # the kernel was shut down
            is_picture_without_error(notebook)
    with jupyterlab(folder) as (url, token):
        lab = Lab(chromium, folder, url, token)
        with lab.open(course, fresh=True) as notebook:
            is_picture_without_error(notebook)
            notebook.run(1)  # in another order than before: a new number tells that a cell has run
            assert notebook.output(1).get_by_label("no").is_checked()
            notebook.run(0)
            slider(notebook).wait_for()
            notebook.page.evaluate(SAVE)
            notebook.page.evaluate(RELOAD)  # read again while its kernel runs: the panel is alive
            slider(notebook).wait_for()
            assert notebook.output(0).get_by_text(RUN_AGAIN).count() == 0
