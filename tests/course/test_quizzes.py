"""The quiz in a chapter: inserted once, in its place, and checked there."""

from types import SimpleNamespace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from gpt2lab import quiz
from gpt2lab.course import cells, form, minutes, quizzes
from gpt2lab.errors import InputError


@pytest.fixture(autouse=True)
def questions(monkeypatch):
    """Chapter 00 has three questions, whatever the course has."""
    monkeypatch.setattr(quiz, "chapters", lambda: ("00_map",))
    monkeypatch.setattr(quiz, "of_chapter", lambda name: [SimpleNamespace(id=f"Q{n}") for n in range(3)])


@pytest.fixture
def path(tmp_path):
    made = [
        new_markdown_cell("# 00 · The map"),
        new_markdown_cell("## Exercises\n\nOne."),
        new_code_cell("check.gelu(x)"),
        new_markdown_cell("## Summary\n\nOne."),
        new_markdown_cell("## Questions to discuss"),
    ]
    nbformat.write(new_notebook(cells=made), tmp_path / "00_map.ipynb")
    return tmp_path / "00_map.ipynb"


def problem(path):
    return quizzes.problem(cells.read(path), path.stem)


def test_it_is_inserted_once_before_the_summary(path, capsys):
    assert problem(path) == "the quiz is missing"
    assert quizzes.main([str(path)]) == 0
    first = path.read_bytes()
    made = cells.read(path).cells
    assert [cells.is_quiz(cell) for cell in made] == [False, False, False, True, True, False, False]
    assert made[3].source.startswith("## Quiz\n\n3 questions on this chapter, about 3 minutes.")
    assert made[4].source == 'from gpt2lab.widgets import Quiz\n\nQuiz("00_map")'
    assert problem(path) is None and nbformat.validate(cells.read(path)) is None
    assert quizzes.main([str(path)]) == 0 and path.read_bytes() == first
    said = capsys.readouterr().out.splitlines()
    assert said == [f"{path}: changed; store its output with `notebooks run`", f"{path}: as it was"]


def test_a_stored_output_stays_and_what_is_old_is_replaced(path, monkeypatch):
    quizzes.main([str(path)])
    notebook = cells.read(path)
    notebook.cells[4].execution_count = 7
    assert not quizzes.insert(notebook, "00_map") and notebook.cells[4].execution_count == 7
    notebook.cells.append(notebook.cells.pop(3))
    assert quizzes.problem(notebook, "00_map") == "the quiz is not current"
    notebook.cells.append(notebook.cells.pop(3))
    assert "does not stand right before the part `## Summary`" in quizzes.problem(notebook, "00_map")
    assert quizzes.insert(notebook, "00_map") and quizzes.problem(notebook, "00_map") is None
    monkeypatch.setattr(quiz, "of_chapter", lambda name: [SimpleNamespace(id="Q1")] * 5)
    assert quizzes.problem(notebook, "00_map") == "the quiz is not current"
    assert quizzes.insert(notebook, "00_map") and notebook.cells[3].source.startswith("## Quiz\n\n5 questions")
    assert notebook.cells[4].execution_count == 7


def test_a_chapter_without_questions_or_without_a_summary(path, capsys):
    quizzes.main([str(path)])
    notebook = cells.read(path)
    assert quizzes.problem(notebook, "01_residuals") == "there is a quiz, but the chapter has no questions"
    assert quizzes.insert(notebook, "01_residuals") and len(notebook.cells) == 5
    assert quizzes.problem(notebook, "01_residuals") is None
    notebook.cells = [cell for cell in notebook.cells if "Summary" not in cell.source]
    with pytest.raises(InputError, match="00_map has questions, but no cell that begins with `## Summary`"):
        quizzes.insert(notebook, "00_map")
    nbformat.write(notebook, path)
    before = path.read_bytes()
    assert quizzes.main([str(path)]) == 1 and path.read_bytes() == before
    assert "write it first" in capsys.readouterr().out


def test_it_counts_neither_as_reading_nor_as_a_cell_of_the_body(path):
    before = cells.read(path)
    taken = minutes.account(before)
    quizzes.main([str(path)])
    after = cells.read(path)
    assert minutes.account(after) == taken and len(cells.code_cells(after)) == 1 + len(cells.reading_cells(after))
    assert cells.section(after, "Exercises") == cells.section(before, "Exercises")


def test_the_form_of_a_chapter_asks_for_it(path):
    wanted = "the quiz is missing: run `python -m gpt2lab.course.quizzes 00_map.ipynb`"
    assert wanted in form.problems(cells.read(path), path)
    quizzes.main([str(path)])
    assert not [sentence for sentence in form.problems(cells.read(path), path) if "quiz" in sentence]
