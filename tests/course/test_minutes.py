"""Minutes by the rule, and where they are stated."""

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from gpt2lab.course import minutes
from gpt2lab.errors import InputError


def panel(run):
    shown = [new_output("execute_result", {"text/plain": "MapPanel(layer=0)"}, execution_count=1)] if run else []
    return new_code_cell("MapPanel()", outputs=shown, execution_count=1 if run else None)


def notebook(*cells, words=0, head="# Title\n\n**Minutes: 0.** More."):
    return new_notebook(cells=[new_markdown_cell(head), new_markdown_cell("word " * words), *cells])


def test_the_rule():
    assert minutes.minutes(notebook(words=146)) == 1  # 150 words with the four of the head: "Title Minutes 0 More"
    assert minutes.minutes(notebook(words=147)) == 2
    assert minutes.minutes(notebook(*(new_code_cell("x") for _ in range(40)), words=146)) == 31
    assert (
        minutes.minutes(notebook(*(new_code_cell("Predict('a', x)\nPredict('b', x)") for _ in range(4)), words=146))
        == 1 + 3 + 8
    )


@pytest.mark.parametrize("run", [True, False])
def test_panels_count_before_and_after_they_are_run(run):
    assert minutes.panels(notebook(panel(run), panel(run), new_code_cell("x"))) == 2


def test_a_panel_that_is_made_in_one_cell_and_shown_in_another_counts_once():
    made = new_code_cell("panel = MapPanel()", execution_count=1)
    assert minutes.panels(notebook(made, panel(run=True))) == 1


def test_formulas_code_and_navigation_are_not_read_word_by_word():
    links = new_markdown_cell("many words of links", metadata={"tags": ["nav"]})
    text = new_markdown_cell("one $a b c$ three `d e f` five\n\n```\nx y z\n```")
    assert minutes.words(new_notebook(cells=[links, text])) == 5


def test_the_statement_is_put_in_and_kept_current():
    made = notebook(*(new_code_cell("x") for _ in range(8)))
    assert minutes.stated(made) == 0
    minutes.state(made)
    assert made.cells[0].source == "# Title\n\n**Minutes: 7.** More."
    assert minutes.stated(made) == minutes.minutes(made) == 7


@pytest.mark.parametrize("head", ["# Title", "40 minutes"])
def test_a_head_without_a_place_for_it(head):
    made = notebook(head=head)
    assert minutes.stated(made) is None
    with pytest.raises(InputError, match="must hold .*Minutes: 0"):
        minutes.state(made)


def test_the_account():
    assert minutes.account(notebook(panel(True), words=1200)).startswith(
        "10 minutes: 1,204 words, 1 code cells, 0 pred"
    )
