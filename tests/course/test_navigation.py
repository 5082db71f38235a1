"""The way from chapter to chapter."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from gpt2lab.course import cells, hygiene, navigation, notebooks, topics

STEMS = [stem for stem in topics.CHAPTERS if stem in ("primer", "00_map", "01_residuals")]


@pytest.fixture
def folder(tmp_path):
    """Three chapters, and a notebook that is none."""
    for stem in (*STEMS, "notes"):
        made = new_notebook(cells=[new_markdown_cell(f"# {stem}\n\n**Minutes: 0.**"), new_code_cell("x")])
        nbformat.write(made, tmp_path / f"{stem}.ipynb")
    return tmp_path


def sources(path):
    return [cell.source for cell in cells.read(path).cells]


def test_back_list_and_on_at_the_top_and_at_the_bottom(folder):
    assert STEMS == ["primer", "00_map", "01_residuals"]
    for stem in STEMS:
        notebooks.finish(folder / f"{stem}.ipynb")
    first, middle, last = (sources(folder / f"{stem}.ipynb") for stem in STEMS)
    line = "[← Primer](primer.ipynb) | [all chapters](README.md) | [01 · The residual stream →](01_residuals.ipynb)"
    assert middle[0] == middle[-1] == line and middle[1].startswith("# 00_map") and len(middle) == 4
    assert first[0] == "[all chapters](README.md) | [00 · The map →](00_map.ipynb)"
    assert last[-1] == "[← 00 · The map](00_map.ipynb) | [all chapters](README.md)"


def test_it_is_written_once_and_kept_current(folder):
    path = folder / "00_map.ipynb"
    notebooks.finish(path)
    before = path.read_bytes()
    notebooks.finish(path)
    assert path.read_bytes() == before
    (folder / "primer.ipynb").unlink()
    assert "navigation is not current" in navigation.problem(cells.read(path), path)
    notebooks.finish(path)
    assert navigation.problem(cells.read(path), path) is None
    assert "Primer" not in sources(path)[0] and len(sources(path)) == 4


def test_a_chapter_without_it_is_named(folder):
    path = folder / "00_map.ipynb"
    assert "navigation is missing: run" in navigation.problem(cells.read(path), path)
    notebooks.finish(path)
    made = cells.read(path)
    made.cells.append(new_markdown_cell("below"))
    assert "not current" in navigation.problem(made, path)


def test_it_breaks_no_rule_for_cells(folder):
    path = folder / "00_map.ipynb"
    without = hygiene.problems(cells.read(path), path)
    notebooks.finish(path)
    assert hygiene.problems(cells.read(path), path) == without


def test_a_notebook_that_is_no_chapter_gets_none(folder):
    notebooks.finish(folder / "notes.ipynb")
    assert len(sources(folder / "notes.ipynb")) == 2 and not (folder / "README.md").exists()


def test_the_list_of_chapters(folder):
    notebooks.finish(folder / "00_map.ipynb")
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert text == navigation.list_of_chapters(folder)
    rows = [line for line in text.splitlines() if ".ipynb)" in line]
    assert [row.split("](")[1].split(".ipynb")[0] for row in rows] == STEMS
    assert rows[1] == "| 00 | [The map: from text to the next token](00_map.ipynb) | 1 |"
