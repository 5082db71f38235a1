"""The boxes in the chapters: what the data give, no more and no less."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell, new_notebook

from gpt2lab.claims.boxes import Item
from gpt2lab.course import boxes, cells, notebooks
from gpt2lab.errors import InputError

ROOT = Path(__file__).parents[2]
CHAPTERS = notebooks.chapters(ROOT)


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in CHAPTERS])
def test_the_box_of_a_chapter_is_what_the_data_give(path):
    """The sections to which its items point are there, or ``text`` raises."""
    cell = boxes.box_cell(cells.read(path), path)
    assert cell.source == boxes.text(path.stem, path.parent), "run: python -m gpt2lab.course.boxes"
    assert cells.tags(cell) == boxes.tags(path.stem, cells.tags(cell)), "run: python -m gpt2lab.course.boxes"


OPENING = "# Norm\n\nYou will be able to add. Minutes: 0"


def chapter(folder: Path, *sources: str, name: str = "02_layernorm") -> Path:
    path = folder / f"{name}.ipynb"
    found = [new_markdown_cell(source, id=f"c{i}") for i, source in enumerate((OPENING, *sources))]
    found[-1].metadata["tags"] = ["topic:70", "claim:A1"]
    nbformat.write(new_notebook(cells=found), path)
    return path


HEADINGS = (
    "## Gain and bias: the way back", "## Where the norm stands", "## Inside the root: ε and the divisor",
    "## Relatives: BatchNorm and RMSNorm",
)  # fmt: skip


def test_writing_it_again_changes_nothing(tmp_path):
    path = chapter(tmp_path, *HEADINGS, "## Wrong claims you may meet\n\n- Something else.")
    assert boxes.write(path)
    after = path.read_bytes()
    cell = boxes.box_cell(cells.read(path), path)
    assert (
        "- *“The gain is the new variance”* (study notes). **Misleading**: the new standard deviation; " in cell.source
    )
    assert cells.tags(cell) == ["topic:70", "claim:N6", "claim:N7", "claim:N5", "claim:N9", "claim:N10", "claim:N8"]
    assert "Minutes: 0" not in cells.read(path).cells[1].source  # they follow the words
    assert not boxes.write(path) and path.read_bytes() == after


def test_a_section_that_is_gone_is_named(tmp_path):
    path = chapter(tmp_path, *HEADINGS[1:], "## Wrong claims you may meet")
    before = path.read_bytes()
    with pytest.raises(InputError, match="points to section 'Gain and bias' of 02_layernorm.ipynb, which is not"):
        boxes.write(path)
    assert path.read_bytes() == before


def test_how_a_section_is_called(tmp_path):
    path = chapter(tmp_path, "## 4 · One pass", "## Whose mean?", "## Way: back", "### 5 · Not of level 2")
    chapter(tmp_path, "## 1 · Other", name="05_masking")
    chapter(tmp_path, "## 1 · First", name="primer")
    places = ("4", "One pass", "Way", "Whose mean?", "05_masking/1", "05_masking")
    found = [boxes.pointer(place, path) for place in places]
    assert found == ["section 4", "section 4", "“Way”", "“Whose mean?”", "chapter 05, section 1", "chapter 05"]
    assert boxes.pointer("primer/First", path) == "the primer, section 1"
    for place in ("5", "Whose", "05_masking/2", "4 · One pass that is gone"):
        with pytest.raises(InputError, match="points to section"):
            boxes.pointer(place, path)


def test_quotations_and_two_claims_in_one_item(tmp_path):
    item = Item(("N9", "N10"), ("first", "“second”"), "slides", "no")
    wanted = "- *“first”* and *“‘second’”* (slides). **False and misleading**: no."
    assert boxes.line(item, chapter(tmp_path)) == wanted


@pytest.mark.parametrize(
    "sources", [(), ("## Wrong claims you may meet",) * 2, ("Text\n\n## Wrong claims you may meet",)]
)
def test_without_its_one_cell_the_command_says_so(tmp_path, capsys, sources):
    path = chapter(tmp_path, *sources)
    assert boxes.main([str(path)]) == 1
    assert "expected one cell that begins with `## Wrong claims you may meet`" in capsys.readouterr().out


def test_the_command_says_what_it_did(tmp_path, capsys):
    path = chapter(tmp_path, *HEADINGS, "## Wrong claims you may meet")
    assert boxes.main([str(path)]) == boxes.main([str(path)]) == 0
    assert [line.rpartition(" ")[2] for line in capsys.readouterr().out.splitlines()] == ["written", "current"]
