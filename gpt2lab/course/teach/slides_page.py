"""The slides as pages: one file for each chapter, which holds its pictures and opens from disk.

nbconvert's slides and their like fetch reveal.js, MathJax and more from other hosts, and the Python packages that
bring reveal.js along bring Sphinx or MkDocs with it. What a lecture needs of it is in ``js/slides.mjs``: one slide at a
time, an address for each, print, and the speaker's notes. Formulas and code are those of the site.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterator
from importlib.resources import files
from pathlib import Path

from gpt2lab.course import cells, navigation
from gpt2lab.course.teach import live
from gpt2lab.course.teach.cells_html import markdown
from gpt2lab.course.teach.slides import Slide, slides
from gpt2lab.figures import javascript

_KEYS = """<kbd>→</kbd> on <kbd>←</kbd> back <kbd>N</kbd> next section <kbd>F</kbd> full screen <kbd>S</kbd> notes
<kbd>W</kbd> notes in a window <kbd>D</kbd> light or dark <kbd>P</kbd> print"""


def edition(chapters: Path, stems: Collection[str] | None = None) -> Iterator[tuple[str, bytes]]:
    """The files of the slides: (path, content). All chapters, or some; a list of them if all are made."""
    present = navigation.present(chapters)
    for stem in present:
        if stems is None or stem in stems:
            deck = slides(cells.read(chapters / f"{stem}.ipynb"), stem)
            yield f"{stem}.html", page(navigation.label(stem), deck)
            yield from ((live.file_name(slide.of), live.page(slide.of)) for slide in deck if slide.kind == "explorer")
    if stems is None:
        links = (f'<li><a href="{stem}.html">{html.escape(navigation.label(stem))}</a></li>' for stem in present)
        yield (
            "index.html",
            page("GPT-2, taken apart", [Slide("list", "Slides", f'<ul class="two">{"".join(links)}</ul>')]),
        )


def page(title: str, deck: list[Slide]) -> bytes:
    """The page of a deck."""
    body = "\n".join(_section(slide, number, len(deck)) for number, slide in enumerate(deck, start=1))
    program = f"(() => {{\n{javascript.joined([_read('js/slides.mjs')])}startDeck();\n}})();"
    parts = {"TITLE": html.escape(title), "CSS": _read("colours.css") + _read("slides.css"), "BODY": body}
    text = _read("slides.html")
    for name, part in {**parts, "PROGRAM": program}.items():
        text = text.replace(f"@@{name}@@", part)
    return text.encode()


def _section(slide: Slide, number: int, of: int) -> str:
    level = "h1" if slide.kind == "title" else "h2"
    kicker = f'<p class="kicker">{html.escape(slide.kicker)}</p>' if slide.kicker else ""
    keys = f'<p class="keys">{_KEYS}</p>' if slide.kind == "title" else ""
    label = f'aria-roledescription="slide" aria-label="{number} of {of}"'
    spoken = f'<aside class="notes">{_spoken(slide)}</aside>'
    return (
        f'<section class="{slide.kind}" data-of="{slide.of}" {label}>'
        f"<header>{kicker}<{level}>{html.escape(slide.heading)}</{level}></header>"
        f'<div class="body">{_without_links(slide.body)}</div>{keys}{spoken}</section>'
    )


def _spoken(slide: Slide) -> str:
    return _without_links(markdown(slide.notes)) if slide.notes else ""


def _without_links(text: str) -> str:
    """Links of a chapter's text lead to other chapters, and ids would occur twice; those of the list are kept."""
    return re.sub(r'<a href="(?!\w+\.html">)[^>]*>(.*?)</a>|(<h\d) id="[^"]*"', r"\1\2", text, flags=re.S)


def _read(name: str) -> str:
    return files("gpt2lab.course.teach").joinpath(name).read_text(encoding="utf-8")
