"""A chapter for a projector: folded code, and a way from prediction to prediction."""

import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from gpt2lab.course import presenting

CHAPTERS = sorted((Path(__file__).parents[2] / "chapters").glob("*.ipynb"))


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_prediction_of_a_chapter_leads_to_the_next(path, tmp_path):
    made = nbformat.read(presenting.write(path, tmp_path), as_version=4)
    nbformat.validate(made)
    order = [cell for cell in made.cells if presenting.is_prediction(cell)]
    found = [
        int(re.search(r"#### Prediction (\d+) of", made.cells[i - 1].source)[1])
        for i, cell in enumerate(made.cells)
        if presenting.is_prediction(cell)
    ]
    assert found == list(range(1, len(order) + 1))
    headings = set(re.findall(r"#### (.+)", "\n".join(cell.source for cell in made.cells)))
    anchors = {heading.replace(" ", "-") for heading in headings}  # as JupyterLab makes them
    links = re.findall(r"\]\(#(Prediction-[^)]+)\)", "\n".join(cell.source for cell in made.cells))
    assert set(links) <= anchors and len(links) == len(order)
    named = re.findall(r"\]\(([^)#]*\.ipynb)", "\n".join(cell.source for cell in made.cells))
    assert all((path.parent / "presenting" / name).resolve().exists() for name in named)


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_nothing_gives_the_answer_away_and_only_exercises_show_code(path, tmp_path):
    made = nbformat.read(presenting.write(path, tmp_path), as_version=4)
    code = [cell for cell in made.cells if cell.cell_type == "code"]
    said = [output["data"]["text/plain"] for cell in code for output in cell.outputs]
    assert set(said) <= {presenting.copies.RUN_ME, presenting.copies.ANSWER_ME}
    folded = [cell.metadata.get("jupyter", {}).get("source_hidden", False) for cell in code]
    assert folded == [not presenting.is_exercise(cell) for cell in code]


def test_a_chapter_without_predictions_only_folds():
    cells = [new_markdown_cell("# One"), new_code_cell("1", outputs=[new_output("stream", text="1")])]
    made = presenting.presented(new_notebook(cells=cells))
    assert [cell.source for cell in made.cells] == ["# One", "1"]
