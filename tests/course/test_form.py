"""The form of a chapter: one that keeps it, and one change that breaks each rule."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from gpt2lab.course import cells, form, hygiene, notebooks, quizzes

PARTS = {
    "What GPT-2 does": "GPT-2 " + "does what this chapter says, in each of its blocks, with the same numbers. " * 3,
    "Exercises": "Three of them, each with a check.",
    "Summary": "One is 0.5, e.g. here. Two is `x.y`. **Three.** Is it four? Five!",
    "Wrong claims you may meet": '- "You will read this": in blogs. Wrong.\n- You may hear that: in slides. Wrong.',
    "Questions to discuss": "1. Why?\n2. How?\n3. Where, and\n   - with a sub-point?",
    "In a class: 45 minutes": "- 10 min: predict.\n- 25 minutes: run, 5 minutes of it for questions.\n- 10 min: talk.",
}
ASK = "guess = Predict('How much?', {'a third of it': (0.2, 0.4), 'half': 0.5})\nguess"


def shown(text):
    return [new_output("execute_result", {"text/plain": text}, execution_count=1)]


@pytest.fixture
def good(tmp_path, monkeypatch):
    """A chapter that keeps the form, as (notebook, path); nobody has written questions for it."""
    monkeypatch.setattr(quizzes.quiz, "chapters", lambda: ())
    question = new_code_cell(ASK, outputs=shown("Predict: How much?\n( ) a third of it\n( ) half"), execution_count=1)
    answer = new_code_cell("guess.compare(x)", outputs=shown('Measured: 0.31, that is "a third of it".'))
    answer.execution_count = 2
    head = new_markdown_cell("# 03 · Attention\n\n**Minutes: 0.** You will be able to read.")
    parts = [new_markdown_cell(f"## {heading}\n\n{text}") for heading, text in PARTS.items()]
    made = [
        head,
        new_markdown_cell("## 1 · A question\n\nGuess."),
        question,
        answer,
        new_markdown_cell("a third of it"),
    ]
    path = tmp_path / "03_attention.ipynb"
    nbformat.write(new_notebook(cells=[*made, *parts]), path)
    notebooks.finish(path)
    return cells.read(path), path


def problem(good):
    return "\n".join(form.problems(*good))


def part(notebook, heading):
    return next(cell for cell in notebook.cells if f"## {heading}" in cell.source)


def test_a_good_chapter_has_no_problem(good):
    assert form.problems(*good) == []


def test_length(good):
    notebook = good[0]
    notebook.cells[4:4] = [new_code_cell(f"x = {n}") for n in range(39)]
    said = problem(good)
    assert "there are 41 code cells; at most 40" in said
    assert "the opening cell says 4 minutes, the rule 33" in said
    notebook.cells[2].source += " word" * 4200
    assert "it takes 61 minutes: " in problem(good) and "at most 60 minutes" in problem(good)


def test_the_minutes_are_stated(good):
    good[0].cells[1].source = "# Title"
    assert problem(good) == 'the opening cell lacks the marker "Minutes: 0"'


def test_the_navigation(good):
    del good[0].cells[-1]
    assert "the navigation is not current" in problem(good)


@pytest.mark.parametrize("heading", PARTS)
def test_each_part_is_there_once_under_its_name(good, heading):
    cell = part(good[0], heading)
    source, cell.source = cell.source, cell.source.replace(f"## {heading}", f"## 9 · {heading}")
    assert f"there is no part `## {heading}`" in problem(good)
    cell.source = f"{source}\n\n### {heading}"
    assert f"there are 2 headings {heading!r}" in problem(good)


def test_the_primer_needs_no_part_on_gpt2(good):
    notebook, path = good
    notebook.cells.remove(part(notebook, "What GPT-2 does"))
    assert "no part" in problem(good)
    assert "no part" not in problem((notebook, path.with_stem("primer")))


@pytest.mark.parametrize(
    ("heading", "text", "message"),
    [
        ("Summary", "One. Two. Three. Four.", "the summary has 4 sentences, expected 5"),
        ("Summary", "One. Two. Three. Four. Five. Six.", "the summary has 6 sentences"),
        ("Questions to discuss", "1. Why?\n2. How?", "there are 2 questions to discuss, expected a list of 3"),
        ("In a class: 45 minutes", "- 10 min: a\n- 30 min: b", "sum to 40 minutes, expected 45"),
        ("In a class: 45 minutes", "45 min in all", "sum to 0 minutes"),
        ("Wrong claims you may meet", "There are some.", "the wrong claims are no list"),
        ("What GPT-2 does", "The same.", "the part on GPT-2 has fewer than 25 words"),
    ],
)
def test_what_the_parts_hold(good, heading, text, message):
    part(good[0], heading).source = f"## {heading}\n\n{text}"
    assert message in problem(good)


def test_a_summary_may_be_a_list(good):
    part(good[0], "Summary").source = "## Summary\n\n1. One.\n2. Two of $x. y$.\n3. Three.\n4. Four.\n5. Five."
    assert problem(good) == ""


def test_rebuttals_belong_into_their_box(good):
    text = good[0].cells[2]
    text.source += "\n\nMany texts say so. It is often claimed."
    assert "rebuttals" not in problem(good)
    text.source += " You may have read it."
    assert "there are 3 rebuttals in the body, at most 2" in problem(good)
    text.source = "## 1 · A question\n\nYou will read that it is not."
    assert "says 'You will read': it belongs below `## Wrong claims you may meet`" in problem(good)


@pytest.mark.parametrize(
    ("source", "output", "message"),
    [
        (ASK, "Predict: How much?\n(•) half", "stores an answer that somebody chose"),
        ("guess.compare('a' if x else 'b')", "Measured: a.", "chooses an option by hand"),
        (
            "guess.compare(x)",
            "Measured: 9; none of the options fits.",
            "stores 'Measured: 9; none of the options fits.'",
        ),
        ("guess.compare(x)", 'Measured: 9. You predicted "b".', "stores 'Measured: 9. You predicted"),
        ("guess.compare(x)", "Measured: 9. As you predicted.", "stores 'Measured: 9. As you predicted."),
        ("other = Predict('How much?', x)", "", "a second time"),
        ("other = Predict('Why?', x)\nother.compare(3)", "", "asks and answers in one cell"),
    ],
)
def test_predictions(good, source, output, message):
    good[0].cells.insert(5, new_code_cell(source, outputs=shown(output)))
    assert message in problem(good)


def test_an_answer_above_its_question(good):
    good[0].cells[2].source += "\n\nIt is A third of it."
    assert "its answer 'a third of it' stands in the text above it" in problem(good)


def test_the_command_prints_every_broken_rule(good, capsys):
    notebook, path = good
    assert hygiene.main([str(path), str(path.with_stem("none"))]) == 1
    said = capsys.readouterr().out
    assert f"{path}: there are 0 exercises; at least 3" in said and "could not read" in said
    notebook.cells[1].source = "# Title"
    nbformat.write(notebook, path)
    hygiene.main([str(path)])
    assert "lacks the marker" in capsys.readouterr().out
