"""Each rule for chapters: a good notebook keeps it, and one change breaks it."""

import base64
import io
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from gpt2lab.course import cells, hygiene

WORDS = "Each token asks, compares, and takes a blend of what the others before it offer in turn. "


def png(draw=True, size=(120, 90)):
    from PIL import Image, ImageDraw

    image = Image.new("RGB", size, "white")
    if draw:
        ImageDraw.Draw(image).line([(10, 10), (100, 70)], fill="black", width=3)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


def shown(text, **data):
    return new_output("execute_result", {"text/plain": text, **data}, execution_count=1)


def exercise(name):
    cell = new_code_cell(f"def my_{name}(x):\n    ...\ncheck.{name}(my_{name})", outputs=[shown("not done yet")])
    cell.metadata["tags"] = [f"exercise:{name}"]
    return cell


@pytest.fixture
def good(tmp_path):
    """A chapter that keeps all rules, on disk with its solutions: (notebook, path)."""
    opening = "# 03 · Attention\n\nYou will be able to read a map.\n\n**Time:** 30 minutes reading."
    parts = [new_markdown_cell(opening), new_code_cell("import torch")]
    for section in range(8):
        parts += [
            new_markdown_cell(f"## {section} · Section\n\n" + 2 * WORDS, metadata={"tags": ["topic:28"]}),
            new_code_cell("x = 1\nx", outputs=[shown("0.1234")]),
            new_code_cell("plot(x)", outputs=[new_output("display_data", {"image/png": png()})]),
        ]
    parts += [exercise(name) for name in ("one", "two", "three")]
    parts.append(new_markdown_cell(WORDS + "Next: [the map](03_attention.ipynb#0-·-Section)"))
    notebook = new_notebook(cells=parts)
    for number, cell in enumerate(cells.code_cells(notebook), start=1):
        cell.execution_count = number
    path = tmp_path / "03_attention.ipynb"
    nbformat.write(notebook, path)
    for name in ("one", "two", "three"):
        solution = tmp_path / "solutions" / "03_attention" / f"{name}.py"
        solution.parent.mkdir(parents=True, exist_ok=True)
        solution.write_text("solved")
    return notebook, path


def code(notebook, number):
    return cells.code_cells(notebook)[number]


def problem(good):
    """The problems of the changed notebook, as one text."""
    return "\n".join(hygiene.problems(*good))


def test_a_good_chapter_has_no_problem(good):
    assert hygiene.problems(*good) == []


def test_cells_are_run_once_in_order(good):
    code(good[0], 2).execution_count = None
    assert problem(good) == "not run once from top to bottom (an unrun cell is never compared)"


def test_no_widget_state(good):
    good[0].metadata["widgets"] = {}
    assert "widget state is stored" in problem(good)


def test_no_widget_view(good):
    code(good[0], 2).outputs[0].data["application/vnd.jupyter.widget-view+json"] = {"model_id": "1"}
    assert "stores a widget without its kernel" in problem(good)


def test_nothing_on_stderr(good):
    code(good[0], 1).outputs = [new_output("stream", name="stderr", text="warning")]
    assert "In [2] `x = 1` writes to stderr" in problem(good)


def test_no_error(good):
    code(good[0], 1).outputs = [new_output("error", ename="A", evalue="b")]
    assert "ends with an error" in problem(good)


def test_one_display_per_cell(good):
    cell = code(good[0], 2)
    cell.outputs = [*cell.outputs, *cell.outputs]
    assert "shows 2 things; one per cell" in problem(good)


def test_a_comparison_may_stand_beside_a_picture_and_is_not_printed(good):
    line = new_output("display_data", {"text/plain": "Measured: 3."})
    cell = code(good[0], 2)
    cell.outputs = [line, new_output("execute_result", {"text/plain": "a plot"}, execution_count=1)]
    assert "one per cell" not in problem(good)
    cell.source = "print(guess.compare(3))"
    assert "prints a comparison" in problem(good)


def test_ignored_cells_are_few_and_give_a_reason(good):
    cell = code(good[0], 1)
    cell.metadata["tags"] = ["nbval-ignore-output"]
    assert "gives no reason" in problem(good)
    cell.source = "# not compared: the time of day\n" + cell.source
    assert problem(good) == ""  # 1 of 20
    code(good[0], 3).metadata["tags"] = ["nbval-skip"]
    assert "cells are not compared; at most 5%" in problem(good)


def test_ignored_by_a_comment_counts_too(good):
    code(good[0], 1).source = "# NBVAL_IGNORE_OUTPUT\nx"
    assert "gives no reason" in problem(good)


def test_short_code(good):
    code(good[0], 1).source = "\n".join(["x = 1"] * 15)
    assert "has 15 lines; at most 14" in problem(good)
    for cell in cells.code_cells(good[0])[:16]:
        cell.source = "\n".join(["x = 1"] * 8)
    assert "the median code cell has 8 lines; at most 6" in problem(good)


def test_code_lines_fit_a_narrow_page(good):
    notebook, path = good
    code(notebook, 1).source = "x = 1\n" + 110 * "x"
    assert problem(good) == ""
    code(notebook, 1).source += "x"
    assert problem(good) == "In [2] `x = 1`: line 2 has 111 characters; at most 110, so wrap it"
    code(notebook, 1).source = "x = 1"
    (path.parent / "solutions" / "03_attention" / "two.py").write_text(111 * "x", encoding="utf-8")
    assert "solutions/03_attention/two.py: line 1 has 111 characters" in problem(good)


def test_a_semicolon_silences_nothing_in_nbval(good):
    code(good[0], 1).source = "x = 1\nprint(x);"
    assert "ends an expression with a semicolon" in problem(good)
    for source in ("x = 1;", "print(';')", "%load_ext x;"):
        code(good[0], 1).source = source
        assert problem(good) == ""


@pytest.mark.parametrize("call", ["interact(f, x=1)", "widgets.Output()"])
def test_no_interact(good, call):
    code(good[0], 1).source = call
    assert "which cannot be compared" in problem(good)


def test_prose_is_neither_long_nor_choppy(good):
    good[0].cells[2].source = "## A\n\n" + 10 * WORDS
    assert "words; at most 130" in problem(good)
    good[0].cells[2].source = "## A\n\nToo short."
    good[0].cells[5].source = "## B\n\nToo short."
    assert "fewer than 10 or more than 100 words; one in ten may" in problem(good)


def test_headings_come_often(good):
    notebook = good[0]
    for cell in notebook.cells[5:12]:
        if cell.cell_type == "markdown":
            cell.source = WORDS
    assert "more than 7 cells without a heading" in problem(good)


@pytest.mark.parametrize(
    "label", [f"00{n}-{rest}" for n, rest in enumerate(("A1", "T2", "Q3h", "7", "§4"))] + ["(R4)", "(A1, M5)"]
)
def test_no_label_of_other_documents(good, label):
    good[0].cells[2].source += f" As {label} says."
    assert "names a label that means nothing to a reader" in problem(good)


@pytest.mark.parametrize("text", ["(T, d)", "(B)", "GPT-2 (2019)", "2017-06", "0.003-7", "W_O", "(H1N1)"])
def test_other_brackets_are_no_labels(good, text):
    good[0].cells[2].source += f" {text}"
    assert problem(good) == ""


@pytest.mark.parametrize(
    "path", ["/srv/main/x.py", "/home/me", "C:\\Users\\me", "/tmp/ipykernel_12/3.py", "/root/.cache"]
)
def test_no_path_of_one_computer(good, path):
    code(good[0], 1).outputs = [new_output("stream", name="stdout", text=f"saved in {path}")]
    assert "holds a path of one computer" in problem(good)


@pytest.mark.parametrize("path", ["work/03_attention.ipynb", "a / b", "https://x.org/work/x", "q/k/v", "../work/x"])
def test_other_slashes_are_no_paths(good, path):
    good[0].cells[2].source += f" {path}"
    assert problem(good) == ""


@pytest.mark.parametrize("tag", ["topic:0", "topic:107", "topic:x", "claim:R16", "claim:Z1", "exercise:a b", "todo"])
def test_every_tag_is_known(good, tag):
    code(good[0], 1).metadata["tags"] = [tag]
    assert f"unknown tag {tag!r}" in problem(good)


@pytest.mark.parametrize("tag", ["topic:1", "topic:106", "claim:R15", "claim:C24", "raises-exception"])
def test_known_tags(good, tag):
    code(good[0], 1).metadata["tags"] = [tag]
    assert problem(good) == ""


@pytest.mark.parametrize("number", ["0.12345", "-12.345", "1234.5"])
def test_few_digits(good, number):
    code(good[0], 1).outputs = [shown(f"the loss is {number}")]
    assert f"prints {number}; at most 4 significant digits" in problem(good)


@pytest.mark.parametrize("text", ["0.1234", "0.00001234", "124,439,808", "12345", "10000.0", "torch 2.13.0", "1.5e-05"])
def test_numbers_that_are_fine(good, text):
    code(good[0], 1).outputs = [shown(text)]
    assert problem(good) == ""


def test_no_blank_picture(good):
    code(good[0], 2).outputs[0].data["image/png"] = png(draw=False)
    assert "stores a blank picture" in problem(good)
    code(good[0], 2).outputs[0].data["image/png"] = png(size=(20, 20))
    assert "stores a blank picture" in problem(good)


def test_at_least_one_picture(good):
    for cell in cells.code_cells(good[0]):
        for output in cell.outputs:
            output.get("data", {}).pop("image/png", None)
    assert "there is no picture in it" in problem(good)


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        ("09_none.ipynb", "links to 09_none.ipynb, which is not there"),
        ("03_attention.ipynb#Nowhere", "there is no such place"),
        ("03_attention.ipynb#cell-id=nothing", "there is no such place"),
        ("#Nowhere", "there is no such place"),
    ],
)
def test_links_lead_somewhere(good, target, complaint):
    good[0].cells[2].source += f" [x]({target})"
    assert complaint in problem(good)


def test_links_that_lead_somewhere(good):
    cell_id = good[0].cells[3]["id"]
    good[0].cells[2].source += f" [a](#1-·-Section) [b](03_attention.ipynb#cell-id={cell_id}) [c](https://x.org/#y)"
    assert problem(good) == ""


def test_three_exercises_with_solutions(good):
    notebook, path = good
    solution = path.parent / "solutions" / "03_attention" / "two.py"
    solution.rename(solution.with_name("four.py"))
    assert "no solution for two" in problem(good) and "solves four, which is no exercise" in problem(good)
    exercises = [cell for cell in notebook.cells if cells.exercise_name(cell)]
    exercises[0].outputs = [shown("one: passed, 3 trials")]
    assert "does not print 'not done yet'" in problem(good)
    exercises[1].metadata["tags"] = ["exercise:one"]
    assert "two exercises have the same name" in problem(good)
    exercises[2].metadata = {}
    assert "there are 2 exercises; at least 3" in problem(good)


@pytest.mark.parametrize(
    ("gone", "complaint"),
    [("# 03", "a title"), ("able to", "what you will be able to do"), ("minutes", "the minutes it takes")],
)
def test_the_opening_says_what_comes(good, gone, complaint):
    good[0].cells[0].source = good[0].cells[0].source.replace(gone, "")
    assert f"the opening cell lacks {complaint}" in problem(good)


def test_the_rules_hold_without_any_cell():
    found = hygiene.problems(new_notebook(), Path("00_x.ipynb"))
    assert "there are 0 exercises; at least 3" in found
