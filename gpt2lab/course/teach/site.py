"""`gpt2lab site`: the course as pages that open from disk, without Python and without a network.

One page for each chapter with its stored pictures and outputs, a quiz that marks in the page, the explorers as pages
of their own, a search over all sections, light and dark. Nothing is fetched from anywhere.
"""

from __future__ import annotations

import argparse
import html
import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from nbformat import NotebookNode

from gpt2lab.course import cells, minutes, navigation, workspace
from gpt2lab.course.teach import live, made
from gpt2lab.course.teach.cells_html import page_of, slug
from gpt2lab.course.teach.sections import sections
from gpt2lab.course.topics import CHAPTERS
from gpt2lab.figures import javascript
from gpt2lab.widgets import quiz_page

_WELCOME = """<h1>GPT-2, taken apart</h1>
<p>A course that takes GPT-2 apart and puts it back together. These pages hold all of it to read: pictures, results and
quizzes, which work here and keep your answers in this browser. To run the cells and move the panels, install the
course: <code>python3 course.py</code>.</p>"""


def site_command(arguments: list[str]) -> int:
    """`gpt2lab site OUT`"""
    description = "Make the course as a web site, in a new folder: open its index.html, or publish the folder."
    parser = argparse.ArgumentParser("gpt2lab site", description=description)
    parser.add_argument("folder", type=Path, help="a new folder, or one that this command made")
    folder = parser.parse_args(arguments).folder
    found = dict(site_files(workspace.course_root() / "chapters"))
    made.write(folder, found)
    print(f"Wrote {len(found)} files, {sum(map(len, found.values())) / 1e6:.0f} MB. Open {folder / 'index.html'}")
    return 0


def site_files(chapters: Path) -> Iterator[tuple[str, bytes]]:
    """All files of the site, by path."""
    stems = navigation.present(chapters)
    notebooks = {stem: cells.read(chapters / f"{stem}.ipynb") for stem in stems}
    for stem, notebook in notebooks.items():
        page = page_of(notebook, stem)
        yield f"{stem}.html", _page(CHAPTERS[stem], _contents(stems, stem, notebook), page.html, _steps(stems, stem))
        yield from ((f"pictures/{name}", data) for name, data in page.pictures.items())
        yield from ((live.file_name(id), live.page(id)) for id in page.explorers)
    yield "index.html", _page("GPT-2, taken apart", _contents(stems), _index(notebooks), "")
    yield "assets/site.css", (_read("colours.css") + _read("site.css") + quiz_page.css()).encode()
    yield "assets/site.js", program().encode()
    yield "assets/search.js", f"window.ENTRIES = {json.dumps(entries(notebooks), ensure_ascii=False)};\n".encode()


def program() -> str:
    """The JavaScript of every page: the quiz, the search, the theme."""
    modules = [_read(f"js/{name}.mjs") for name in ("search", "site")]
    return f"(() => {{\n{quiz_page.module()}{javascript.joined(modules)}startPage(window.ENTRIES);\n}})();\n"


def entries(notebooks: dict[str, NotebookNode]) -> list[dict[str, str]]:
    """What the search looks through: the sections, with their prose."""
    found = []
    for stem, notebook in notebooks.items():
        for section in sections(notebook):
            prose = (cells.prose(cell) for cell in section.cells if cell.cell_type == "markdown")
            text = " ".join(" ".join(prose).replace("#", " ").replace("*", " ").split())
            title = section.title or CHAPTERS[stem]
            href = f"{stem}.html#{slug(section.heading)}" if section.heading else f"{stem}.html"
            found.append({"chapter": navigation.label(stem), "title": title, "href": href, "text": text})
    return found


def _page(title: str, contents: str, body: str, steps: str) -> bytes:
    parts = {"TITLE": html.escape(title), "CONTENTS": contents, "BODY": body, "STEPS": steps}
    first, *rest = _read("page.html").split("@@")
    return (first + "".join(parts[piece] if n % 2 == 0 else piece for n, piece in enumerate(rest))).encode()


def _contents(stems: list[str], here: str = "", notebook: NotebookNode | None = None) -> str:
    """The list of chapters; of the present one also its sections."""
    items = []
    for stem in stems:
        current = ' aria-current="page"' if stem == here else ""
        item = f'<a href="{stem}.html"{current}>{html.escape(navigation.label(stem))}</a>'
        if stem == here and notebook is not None:
            found = [section for section in sections(notebook) if section.heading]
            links = (f'<li><a href="#{slug(s.heading)}">{html.escape(s.title)}</a></li>' for s in found)
            item += f"<ol>{''.join(links)}</ol>"
        items.append(f"<li>{item}</li>")
    return f"<ol>{''.join(items)}</ol>"


def _steps(stems: list[str], here: str) -> str:
    place = stems.index(here)
    back = f'<a href="{stems[place - 1]}.html">← {navigation.label(stems[place - 1])}</a>' if place else ""
    rest = stems[place + 1 :]
    on = f'<a href="{rest[0]}.html">{navigation.label(rest[0])} →</a>' if rest else ""
    return f'<span>{back}</span><a href="index.html">Contents</a><span>{on}</span>'


def _index(notebooks: dict[str, NotebookNode]) -> str:
    items = [
        f'<li><a href="{stem}.html"><b>{html.escape(navigation.label(stem))}</b>'
        f"<span>{_subtitle(stem)}{minutes.minutes(notebook)} minutes</span></a></li>"
        for stem, notebook in notebooks.items()
    ]
    return f'{_WELCOME}<ol class="chapters">{"".join(items)}</ol>'


def _subtitle(stem: str) -> str:
    """What a title says behind its colon, on a line of its own."""
    rest = CHAPTERS[stem].partition(": ")[2]
    return f"{html.escape(rest[:1].upper() + rest[1:])}<br>" if rest else ""


def _read(name: str) -> str:
    return files("gpt2lab.course.teach").joinpath(name).read_text(encoding="utf-8")
