"""`gpt2lab progress`: what is done, by chapter."""

import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from gpt2lab import records
from gpt2lab.course import progress, workspace
from gpt2lab.errors import CheckpointError


@pytest.fixture
def root(tmp_path):
    for stem, names in (("00_map", ["shapes", "embed"]), ("01_residuals", [])):
        made = [new_code_cell("a = Predict('Q1', x)"), new_code_cell("b = Predict('Q2', x)")]
        for name in names:
            tags = {"tags": [f"exercise:{name}"]}
            made.append(new_code_cell(f"def my(x):\n    ...\ncheck.{name}(my)", metadata=tags))
        (tmp_path / "chapters").mkdir(exist_ok=True)
        nbformat.write(new_notebook(cells=made), tmp_path / "chapters" / f"{stem}.ipynb")
    (tmp_path / "work").mkdir()
    return tmp_path


def put(root, **kinds):
    (root / "work" / records.FILE).write_text(json.dumps(kinds))


def test_nothing_done(root, monkeypatch, capsys):
    monkeypatch.setattr(workspace, "course_root", lambda: root)
    assert progress.progress_command([]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "chapter       predictions  right  exercises  quizzes",
        "00_map        0 of 2              0 of 2     –",
        "01_residuals  0 of 2              –          –",
        "",
        "0 of 4 predictions made, 0 of 2 exercises passed.",
    ]


def test_what_is_done_is_counted(root):
    put(
        root,
        predictions={
            "00_map": {"Q1": {"choice": "a", "right": True}, "Q2": {"choice": None, "right": None}},
            "01_residuals": {"Q1": {"choice": "a", "right": False}, "Q2": {"choice": "a"}},
            "my_own": {"Q": {"choice": "a", "right": True}},
        },
        exercises={"00_map": {"shapes": {"passed": "now"}, "softmax": {"passed": "now"}}, "": {"gelu": {}}},
        quizzes={"00_map": {"Q01": {}}},
    )
    assert [row.row for row in progress.progress(root)] == [
        ("00_map", "1 of 2", "1", "1 of 2", "1"),  # softmax is no exercise of this chapter
        ("01_residuals", "2 of 2", "0", "–", "–"),
        ("(another notebook)", "–", "", "1 of 1", "–"),
        ("my_own", "1 of 1", "1", "–", "–"),
    ]
    assert progress.table(progress.progress(root))[-1] == "4 of 5 predictions made, 2 of 3 exercises passed."


def test_a_damaged_file_is_named(root):
    (root / "work" / records.FILE).write_text("{")
    with pytest.raises(CheckpointError, match="answers.json"):
        progress.progress(root)
