"""The site: every link leads somewhere, nothing comes from elsewhere, and its programs work in a browser."""

import functools
import json
import re
import subprocess
from pathlib import Path

import pytest

from gpt2lab import quiz
from gpt2lab.course import cells, navigation, workspace
from gpt2lab.course.teach import cells_html, live, site
from gpt2lab.course.teach.formulas import mathml

CHAPTERS = workspace.course_root() / "chapters"
STEMS = navigation.present(CHAPTERS)


@functools.cache
def files():
    return dict(site.site_files(CHAPTERS))


def pages():
    return {name: data.decode() for name, data in files().items() if name.endswith(".html") and "explorer" not in name}


def ids(text):
    return set(re.findall(r'\bid="([^"]+)"', text))


def broken(found):
    """The links that lead nowhere, as (page, link)."""
    known = {name: ids(text) for name, text in found.items()}
    lost = []
    for name, text in found.items():
        for link in re.findall(r'(?:href|src)="([^"]*)"', text):
            file, _, fragment = link.partition("#")
            if re.match(r"[a-z]+:", link):
                continue
            target = file or name
            if target not in files() or (fragment and target in known and fragment not in known[target]):
                lost.append((name, link))
    return lost


def test_a_page_for_each_chapter_and_a_list_of_them():
    assert set(pages()) == {"index.html", *(f"{stem}.html" for stem in STEMS)}
    assert all(f'href="{stem}.html"' in pages()["index.html"] for stem in STEMS)


def test_no_link_is_broken():
    assert broken(pages()) == []


def test_a_broken_link_is_found():
    text = '<a href="00_map.html#nowhere"></a><a href="99.html"></a><a href="#x"></a><i id="x"></i>'
    assert broken({**pages(), "index.html": text}) == [("index.html", "00_map.html#nowhere"), ("index.html", "99.html")]


def test_nothing_comes_from_elsewhere():
    for name, text in pages().items():
        assert not re.findall(r'(?:src|href)="(?:https?:)?//[^"]*"', re.sub(r"<a [^>]*>", "", text)), name
    assert "http" not in files()["assets/site.css"].decode()
    assert not re.findall(r"(?:import|fetch)\s*\(", site.program())


def test_the_links_of_a_quiz_lead_to_headings():
    for stem in STEMS:
        [data] = re.findall(r'<script type="application/json">(.*?)</script>', pages()[f"{stem}.html"], re.S)
        told = json.loads(data)
        assert [question["id"] for question in told["quiz"]["questions"]] == [q.id for q in quiz.of_chapter(stem)]
        for address in told["links"].values():
            page, _, fragment = address.partition("#")
            assert fragment in ids(pages()[page]), address


def test_pictures_are_there_and_described():
    for stem in STEMS:
        stored = sum(len(cells.pictures(cell)) for cell in cells.read(CHAPTERS / f"{stem}.ipynb").cells)
        shown = re.findall(r'<img src="(pictures/[^"]+)" alt="([^"]+)"', pages()[f"{stem}.html"])
        assert len(shown) == stored and all(files()[name][:4] == b"\x89PNG" for name, _ in shown)


def test_every_explorer_of_a_chapter_has_its_page():
    opened = {
        cell.id
        for stem in STEMS
        for cell in cells.read(CHAPTERS / f"{stem}.ipynb").cells
        if cell.cell_type == "code" and any(text.startswith("Explorer(") for text in cells.texts(cell))
    }
    panels = {"eb4d18dc"}  # which the explorer shows as well
    assert opened | panels == set(live.EXPLORERS)
    assert {live.file_name(id) for id in live.EXPLORERS} <= set(files())
    assert f'href="{live.file_name("eb4d18dc")}#view=head&amp;layer=1"' in pages()["03_attention.html"]


def test_every_formula_becomes_mathml():
    found = 0
    for stem in STEMS:
        text = re.sub(r"<(pre|code|script)\b.*?</\1>", "", pages()[f"{stem}.html"], flags=re.S)
        assert not re.findall(r"\$\$|\\(?:frac|text|sum|sqrt)\b", re.sub(r'alttext="[^"]*"', "", text)), stem
        found += text.count("<math ")
    assert found >= 30
    assert "<mfrac>" in mathml(r"\frac{1}{2}")
    assert 'alttext="a &lt; b"' in mathml("a < b") and 'display="block"' in mathml("x", block=True)


@pytest.mark.parametrize(
    ("target", "address"),
    [
        ("README.md", "index.html"),
        ("00_map.ipynb", "00_map.html"),
        ("00_map.ipynb#cell-id=a1", "00_map.html#cell-id=a1"),
        ("#3-·-One-query,-by-hand", "#one-query-by-hand"),
        ("https://example.org", "https://example.org"),
    ],
)
def test_where_links_lead(target, address):
    assert cells_html.address(target) == address


def test_text_of_a_chapter_cannot_become_markup():
    made = cells_html.page_of(chapter_of('print("<b>&")', "<b>&\n"), "00_map").html
    assert "&lt;b&gt;&amp;" in made and "<b>&" not in made


def chapter_of(source, printed):
    from nbformat.v4 import new_code_cell, new_notebook, new_output

    return new_notebook(cells=[new_code_cell(source, outputs=[new_output("stream", text=printed)])])


def test_it_is_small_and_the_same_each_time():
    assert sum(map(len, files().values())) < 60_000_000
    notebook = cells.read(CHAPTERS / "03_attention.ipynb")
    assert cells_html.page_of(notebook, "03_attention").html == cells_html.page_of(notebook, "03_attention").html


def test_the_search_finds_words_by_their_beginnings():
    program = Path(site.__file__).parent / "js" / "search.mjs"
    code = f"""
    import {{ search }} from {json.dumps(program.as_uri())};
    const entries = [
      {{ title: "Masking", text: "who may look", href: "a" }},
      {{ title: "Heads", text: "a mask, unmasked", href: "b" }},
    ];
    const found = (query) => search(entries, query).map((entry) => entry.href);
    console.log(JSON.stringify(["MASK", "ask", " ", "mask heads", "x<b>"].map(found)));
    """
    done = subprocess.run(["node", "--input-type=module", "-e", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [["a", "b"], [], [], ["b"], []]
