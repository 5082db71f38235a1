"""A learner's copy starts without results, and a panel whose kernel is gone leaves its picture, no error."""

import copy
import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from gpt2lab.course import copies, workspace
from gpt2lab.course.copies import ANSWER_ME, RUN_AGAIN, RUN_ME, WIDGET_VIEW


def shown(text, model=None, **data):
    data |= {WIDGET_VIEW: {"version_major": 2, "version_minor": 0, "model_id": model}} if model else {}
    return new_output("execute_result", {"text/plain": text, **data}, execution_count=3)


@pytest.fixture
def notebook():
    """A chapter as it is stored, as JSON."""
    made = new_notebook(
        cells=[
            new_markdown_cell("# Ü"),
            new_code_cell("print(7)", outputs=[new_output("stream", text="7")], execution_count=1),
            new_code_cell("panel", outputs=[shown("MapPanel(layer=0)", **{"image/png": "iVBO"})], execution_count=2),
            new_code_cell("guess", outputs=[shown("Predict: Rain?\n( ) yes\n( ) no")], execution_count=3),
            new_code_cell("plot()", outputs=[shown("Picture: x", **{"image/png": "iVBO"})], execution_count=4),
            new_code_cell("explorer", outputs=[shown("Explorer('x')", **{"image/png": "iVBO"})], execution_count=5),
        ]
    )
    return json.loads(nbformat.writes(made))


def texts(notebook):
    return [
        "".join("".join(o.get("data", {}).get("text/plain", o.get("text", ""))) for o in cell["outputs"])
        for cell in copies.code_cells(notebook)
    ]


def test_a_copy_has_no_results_and_says_where_panels_come(notebook):
    made = json.loads(copies.learner_copy(json.dumps(notebook).encode()))
    assert texts(made) == ["", RUN_ME, ANSWER_ME, "", RUN_ME]
    assert {cell["execution_count"] for cell in copies.code_cells(made)} == {None}
    nbformat.validate(nbformat.from_dict(made))
    for cell, before in zip(made["cells"], notebook["cells"], strict=True):
        assert (cell["source"], cell["id"], cell["metadata"]) == (before["source"], before["id"], before["metadata"])


@pytest.mark.parametrize("content", [b"shipped", b"\xff", b"[]", b"{}", b'{"cells": 3}', b"[" * 100_000])
def test_what_is_no_notebook_is_copied_as_it_is(content):
    assert copies.learner_copy(content) == content


def test_work_gets_such_a_copy_and_reset_knows_it(notebook, tmp_path):
    (tmp_path / "chapters").mkdir()
    (tmp_path / "chapters" / "00_map.ipynb").write_text(json.dumps(notebook))
    workspace.fill(tmp_path)
    copied = tmp_path / "work" / "00_map.ipynb"
    assert texts(json.loads(copied.read_text(encoding="utf-8")))[0] == ""
    assert workspace.outdated(tmp_path) == []
    assert workspace.reset(tmp_path, "0")[1] is None
    copied.write_text(json.dumps(notebook))
    assert workspace.reset(tmp_path, "0")[1] is not None
    assert RUN_ME in copied.read_text(encoding="utf-8")


@pytest.fixture
def saved(notebook):
    """As JupyterLab saves it after all cells ran: panels refer to models, a picture does not."""
    for number, cell in enumerate(copies.code_cells(notebook)):
        if number in (1, 2, 4):
            cell["outputs"][0]["data"][WIDGET_VIEW] = {"model_id": f"m{number}", "version_major": 2}
    return notebook


def test_views_that_lead_nowhere_go_and_the_rest_stays(saved):
    before = copy.deepcopy(saved)
    assert copies.views(saved) == {"m1", "m2", "m4"}
    assert copies.drop_dead_views(saved, alive={"m2"}) == 2
    assert copies.views(saved) == {"m2"}
    assert [RUN_AGAIN in text for text in texts(saved)] == [False, True, False, False, True]
    for cell, was in zip(copies.code_cells(saved), copies.code_cells(before), strict=True):
        for output, old in zip(cell["outputs"], was["outputs"], strict=False):
            assert output["data"].items() <= old["data"].items() if "data" in old else output == old
            assert {"text/plain", "image/png"} & set(old.get("data", {})) <= set(output.get("data", {}))
    nbformat.validate(nbformat.from_dict(saved))
    after = copy.deepcopy(saved)
    assert copies.drop_dead_views(saved, alive={"m2"}) == 0 and saved == after


def test_views_whose_state_is_stored_stay(saved):
    state = {"application/vnd.jupyter.widget-state+json": {"state": {"m1": {}}}}
    saved["metadata"]["widgets"] = state
    assert copies.drop_dead_views(saved, alive=()) == 2
    assert copies.views(saved) == {"m1"}


def test_other_widgets_lose_their_view_without_a_word(saved):
    output = next(copies.code_cells(saved))["outputs"][0] = shown("IntSlider(value=3)", model="s")
    assert copies.drop_dead_views(saved, alive={"m1", "m2", "m4"}) == 1
    assert texts(saved)[0] == "IntSlider(value=3)" and WIDGET_VIEW not in output["data"]
