"""`gpt2lab progress`: what is done, by chapter."""

import json
from types import SimpleNamespace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from gpt2lab.course import progress, workspace
from gpt2lab.errors import CheckpointError
from gpt2lab.files import records
from gpt2lab.quiz import loading

KINDS = ("predictions", "exercises", "quizzes")  # of these tests, whatever is added


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "KINDS", KINDS)
    monkeypatch.setattr(loading, "chapters", lambda: ("00_map",))
    monkeypatch.setattr(loading, "of_chapter", lambda name: [SimpleNamespace(id=f"Q{n}") for n in (1, 2, 3)])
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
        "chapter       predictions  right  exercises  quizzes  right",
        "00_map        0 of 2              0 of 2     0 of 3",
        "01_residuals  0 of 2              –          –",
        "",
        "0 of 4 predictions made, 0 of 2 exercises passed, 0 of 3 questions answered.",
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
        quizzes={
            "00_map": {
                "Q1": {"answer": "a", "right": True},
                "Q2": {"answer": "b", "right": False},
                "Q3": {"answer": None, "right": False},
                "gone": {"answer": "a", "right": True},
            }
        },
    )
    rows = progress.progress(root)
    assert [row.row for row in rows] == [
        ("00_map", "1 of 2", "1", "1 of 2", "2 of 3", "1"),  # softmax is no exercise of this chapter
        ("01_residuals", "2 of 2", "0", "–", "–", ""),
        ("(another notebook)", "–", "", "1", "–", ""),
        ("my_own", "1", "1", "–", "–", ""),
    ]
    assert progress.table(rows)[-1] == ("4 of 5 predictions made, 2 of 3 exercises passed, 2 of 3 questions answered.")


def test_old_questions_do_not_count(root):
    put(root, predictions={"00_map": {f"Q{n}": {"choice": "a", "right": True} for n in range(5)}})
    assert progress.progress(root)[0].row[1:3] == ("2 of 2", "2")


def test_a_table_for_a_spreadsheet(root, monkeypatch, capsys):
    monkeypatch.setattr(workspace, "course_root", lambda: root)
    put(root, predictions={"00_map": {"Q1": {"choice": "a", "right": True}}, "=cmd|x,y": {"Q": {"choice": "a"}}})
    assert progress.progress_command(["--csv"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "chapter,predictions done,predictions of,predictions right,exercises done,exercises of,exercises right,"
        "quizzes done,quizzes of,quizzes right",
        "00_map,1,2,1,0,2,0,0,3,0",
        "01_residuals,0,2,0,0,0,0,0,0,0",
        '"\'=cmd|x,y",1,0,0,0,0,0,0,0,0',
    ]


def test_a_kind_that_is_added_is_counted(root, monkeypatch):
    monkeypatch.setattr(records, "KINDS", (*KINDS, "claims"))
    entries = {"R1": {"answer": "a", "right": True}, "R2": {"answer": "b", "result": "hit"}, "seed": {"seed": 3}}
    put(root, claims={"00_map": {**entries, "R3": {"answer": "b", "result": "miss"}, "R4": {"answer": None}}})
    rows = progress.progress(root)
    assert progress.table(rows)[0].endswith("quizzes  right  claims  right") and rows[0].row[-2:] == ("3", "2")
    assert progress.table(rows)[-1].endswith("0 of 3 questions answered, 3 claims.")
    assert "claims done,claims of,claims right" in progress.as_csv(rows)


def test_a_damaged_file_is_named(root):
    (root / "work" / records.FILE).write_text("{")
    with pytest.raises(CheckpointError, match="answers.json"):
        progress.progress(root)
