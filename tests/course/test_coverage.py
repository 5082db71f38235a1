"""The table of topics, made from the tags of the cells."""

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from gpt2lab.course import coverage
from gpt2lab.course.topics import TOPICS, topics_of

ROOT = Path(__file__).parents[2]


def chapter(folder, name, *cells):
    notebook = new_notebook()
    for source, tags in cells:
        make = new_markdown_cell if source.startswith("#") else new_code_cell
        notebook.cells.append(make(source, metadata={"tags": tags}, id=f"{name}-{len(notebook.cells)}"))
    nbformat.write(notebook, folder / f"{name}.ipynb")
    return folder / f"{name}.ipynb"


def test_a_link_leads_to_the_first_cell_with_the_tag(tmp_path):
    path = chapter(
        tmp_path, "03_attention", ("# Attention", []), ("x", []), ("# The *idea*", ["topic:28"]),
        ("y", ["topic:28", "claim:A1", "topic:29"]),
    )  # fmt: skip
    text = coverage.table([path])
    assert "| 28 · Self-attention: the idea |" in text
    assert "| [The idea](03_attention.ipynb#cell-id=03_attention-2) |" in text
    assert "| [The idea](03_attention.ipynb#cell-id=03_attention-3) |" in text  # topic 29
    assert text.count("not yet") == len(TOPICS) - 2
    assert f"2 of {len(TOPICS)} topics taught, 0 chapters complete." in text


def test_another_chapter_s_cell_is_mentioned_but_does_not_count(tmp_path):
    paths = [
        chapter(tmp_path, "00_map", ("# Map", ["topic:28"])),
        chapter(tmp_path, "03_attention", ("# A", [])),
    ]
    assert "| not yet; see also 00: [Map](00_map.ipynb#cell-id=00_map-0) |" in coverage.table(paths)
    assert 28 in [topic.id for topic in coverage.missing(coverage.places(paths), "03_attention")]
    paths[0] = chapter(tmp_path, "primer", ("# Primer", ["topic:28"]))
    assert "see also primer: [Primer](primer.ipynb#cell-id=primer-0) |" in coverage.table(paths)


def test_a_chapter_is_complete_when_each_of_its_topics_has_a_cell(tmp_path):
    tags = [f"topic:{topic.id}" for topic in topics_of("02_layernorm")]
    path = chapter(tmp_path, "02_layernorm", ("# Norm", tags))
    assert coverage.missing(coverage.places([path]), "02_layernorm") == []
    assert "1 chapters complete" in coverage.table([path])
    path = chapter(tmp_path, "02_layernorm", ("# Norm", tags[1:]))
    assert [t.id for t in coverage.missing(coverage.places([path]), "02_layernorm")] == [69]


def test_every_topic_is_taught():
    text = (ROOT / "chapters" / "COVERAGE.md").read_text(encoding="utf-8")
    assert len(TOPICS) == 106 and "not yet |" not in text and "not yet;" not in text
