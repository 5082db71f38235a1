"""A learner's notebook, opened again: panels leave a picture and no error, and answers are still there."""

from nbformat.v4 import new_code_cell

from gpt2lab.course.browser import Lab, jupyterlab
from gpt2lab.course.copies import RUN_AGAIN, WIDGET_VIEW

PANEL = "from gpt2lab.widgets import AttentionPanel\npanel = AttentionPanel()\npanel"
QUESTION = "from gpt2lab.widgets import Predict\nguess = Predict('Does it rain?', ['yes', 'no'])\nguess"
SAVE = '() => window.jupyterapp.commands.execute("docmanager:save")'
RELOAD = '() => window.jupyterapp.commands.execute("docmanager:reload")'


def slider(notebook):
    return notebook.output(0).locator(".widget-slider", has_text="Head").get_by_role("slider")


def is_picture_without_error(notebook):
    notebook.output(0).locator("img").wait_for()
    notebook.output(0).get_by_text(RUN_AGAIN).wait_for()
    notebook.output(1).get_by_text("Predict: Does it rain?").wait_for()
    assert "model not found" not in notebook.page.locator("body").inner_text()
    assert slider(notebook).count() == 0


def test_a_notebook_opened_again_without_its_kernel_and_without_its_server(chromium, lab, learner_copy):
    folder, path = lab.folder, learner_copy("03_attention", [new_code_cell(PANEL), new_code_cell(QUESTION)])
    with lab.open(path, fresh=True) as notebook:
        notebook.run(0)
        notebook.run(1)
        notebook.output(1).get_by_label("no").check()
        notebook.wait_until(lambda: (path.parent / "answers.json").exists(), "the answer is kept")
        notebook.page.evaluate(SAVE)
        assert WIDGET_VIEW in path.read_text(encoding="utf-8")
    with lab.open(path, fresh=True) as notebook:  # the kernel was shut down
        is_picture_without_error(notebook)
    with jupyterlab(folder) as (url, token):
        later = Lab(chromium, folder, url, token)
        with later.open(path, fresh=True) as notebook:
            is_picture_without_error(notebook)
            notebook.run(1)  # in another order than before: a new number tells that a cell has run
            assert notebook.output(1).get_by_label("no").is_checked()
            notebook.run(0)
            slider(notebook).wait_for()
            notebook.page.evaluate(SAVE)
            notebook.page.evaluate(RELOAD)  # read again while its kernel runs: the panel is alive
            slider(notebook).wait_for()
            assert notebook.output(0).get_by_text(RUN_AGAIN).count() == 0
