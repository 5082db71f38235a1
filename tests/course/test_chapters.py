"""Every chapter: keeps the rules and teaches what it owns.

Whether the solutions solve the exercises shows when the notebooks run: see tests/helpers/solutions.py.
"""

import re
from pathlib import Path

import pytest

from gpt2lab.course import cells, coverage, form, hygiene, navigation, notebooks, topics, workspace

ROOT = Path(__file__).parents[2]
CHAPTERS = notebooks.chapters(ROOT)
BY_NAME = [pytest.param(path, id=path.stem) for path in CHAPTERS]


@pytest.mark.parametrize("path", BY_NAME)
def test_keeps_the_rules(path):
    assert hygiene.problems(notebooks.read(path), path) == []


@pytest.mark.parametrize("path", BY_NAME)
def test_has_the_form_of_a_chapter(path):
    assert form.problems(notebooks.read(path), path) == []


def test_the_list_of_chapters_is_current():
    text = (ROOT / "chapters" / workspace.LIST).read_text(encoding="utf-8")
    assert text == navigation.list_of_chapters(ROOT / "chapters"), "run: python -m gpt2lab.course.notebooks list"


@pytest.mark.parametrize("path", BY_NAME)
def test_has_a_known_name(path):
    assert path.stem in topics.CHAPTERS


@pytest.mark.parametrize("path", BY_NAME)
def test_teaches_every_topic_it_owns(path):
    missing = coverage.missing(coverage.places(CHAPTERS), path.stem)
    assert [f"topic:{topic.id} ({topic.title})" for topic in missing] == []


def test_coverage_is_current():
    text = (ROOT / "chapters" / coverage.FILE).read_text(encoding="utf-8")
    assert text == coverage.table(CHAPTERS), "run: python -m gpt2lab.course.coverage"


def test_every_link_of_the_coverage_leads_to_a_cell():
    text = (ROOT / "chapters" / coverage.FILE).read_text(encoding="utf-8")
    ids = {path.name: {cell["id"] for cell in notebooks.read(path).cells} for path in CHAPTERS}
    for file, cell_id in re.findall(r"\]\(([^)#]+)#cell-id=([^)]+)\)", text):
        assert cell_id in ids[file], f"{file} has no cell {cell_id}"


@pytest.mark.parametrize("path", BY_NAME)
def test_solutions_keep_the_exercise_s_signature(path):
    for cell in cells.code_cells(notebooks.read(path)):
        if name := cells.exercise_name(cell):
            asked = re.findall(r"^(?:def|class) .*$", cell.source, flags=re.M)
            solved = (path.parent / "solutions" / path.stem / f"{name}.py").read_text(encoding="utf-8")
            assert [line for line in asked if line not in solved] == [], name
