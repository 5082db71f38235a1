"""The cells of a chapter as HTML: text, code, stored pictures and outputs, predictions, the quiz.

Markdown and highlighting are nbconvert's. Headings get ids of their words, cells keep their ids, links between
chapters lead to the pages of a site.
"""

from __future__ import annotations

import base64
import html
import io
import json
import re
from dataclasses import dataclass, field

from nbconvert.filters.highlight import Highlight2HTML
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode

from gpt2lab import quiz
from gpt2lab.course import cells
from gpt2lab.course.teach import live
from gpt2lab.course.teach.formulas import mathml
from gpt2lab.course.teach.questions import Prediction, predictions
from gpt2lab.course.teach.sections import plain
from gpt2lab.figures.style import CSS_PER_INCH, NOTE, PIXELS_PER_INCH
from gpt2lab.quiz.base import place
from gpt2lab.widgets.quiz_page import as_json

_HIGHLIGHT = Highlight2HTML()
_CHAPTER = re.compile(r"^(\w+)\.ipynb(?:#(.*))?$")


@dataclass
class Page:
    """What comes out of a chapter: the page's HTML, and its pictures by file name."""

    chapter: str
    parts: list[str] = field(default_factory=list)
    pictures: dict[str, bytes] = field(default_factory=dict)
    explorers: list[str] = field(default_factory=list)  # ids of cells that open one

    @property
    def html(self) -> str:
        return "\n".join(self.parts)


def slug(heading: str) -> str:
    """The id of a heading: its words, joined by dashes."""
    return "-".join(re.findall(r"\w+", plain(heading).lower())) or "top"


def address(target: str) -> str:
    """Where a link of a chapter leads in a site."""
    if target == "README.md":
        return "index.html"
    if match := _CHAPTER.match(target):
        return f"{match[1]}.html{_fragment(match[2])}"
    return _fragment(target[1:]) if target.startswith("#") else target


def _fragment(text: str | None) -> str:
    """Of a link as JupyterLab has them: a cell's id, or a heading with dashes for blanks."""
    return "" if not text else f"#{text}" if text.startswith("cell-id=") else f"#{slug(text.replace('-', ' '))}"


class _Renderer(IPythonRenderer):
    """Markdown with MathML, ids of words, and links of the site."""

    def block_math(self, body: str) -> str:
        return mathml(body, block=True)

    def inline_math(self, body: str) -> str:
        return mathml(body)

    def heading(self, text: str, level: int, **attrs: object) -> str:
        id = slug(html.unescape(re.sub(r"<[^>]+>", "", text)))
        return f'<h{level} id="{id}">{text}</h{level}>\n'

    def link(self, text: str, url: str, title: str | None = None) -> str:
        return f'<a href="{html.escape(address(url))}">{text}</a>'


def markdown(text: str) -> str:
    """Markdown of the chapters as HTML."""
    return MarkdownWithMath(renderer=_Renderer(escape=False)).render(text)


def highlighted(cell: NotebookNode) -> str:
    """The code of a cell, coloured."""
    return str(_HIGHLIGHT(cell.source, metadata=cell.metadata))


def inline_picture(output: NotebookNode) -> str:
    """The picture of an output as an element that holds it; empty if there is none. ``--ratio`` is width ÷ height.

    A panel's picture comes without its last line, which tells a reader to run the cell.
    """
    data = output.get("data", {})
    if "image/png" not in data:
        return ""
    png = base64.b64decode("".join(data["image/png"]))
    if _has_note(output):
        png = _without_note(png)
    width, height = _size(png)
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return f'<img src="{source}" alt="{_alt(output)}" style="--ratio:{width / height:.4f}">'


def _has_note(output: NotebookNode) -> bool:
    """Whether a picture is that of a panel, whose last line tells a reader to run the cell."""
    return "needs_background" in output.get("metadata", {}).get("image/png", {})


def _without_note(png: bytes) -> bytes:
    """A panel's picture as it was drawn: ``Picture.noted`` undone."""
    from PIL import Image

    buffer = io.BytesIO()
    with Image.open(io.BytesIO(png)) as noted:
        noted.crop((0, 0, noted.width, noted.height - round(NOTE * PIXELS_PER_INCH))).save(buffer, "png")
    return buffer.getvalue()


def _alt(output: NotebookNode) -> str:
    text = "".join(output.get("text", output.get("data", {}).get("text/plain", "")))
    return html.escape(" ".join(text.split())[:400])


def page_of(notebook: NotebookNode, chapter: str) -> Page:
    """A chapter as the body of a page; the quiz asks in the page, and explorers have pages of their own."""
    page = Page(chapter)
    asked = {each.cell: each for each in predictions(notebook.cells)}
    answered = {each.answered for each in asked.values() if each.answered}
    for cell in notebook.cells:
        if cells.is_navigation(cell):
            continue
        if cell.cell_type == "markdown":
            inner, kind = markdown(cell.source), "text"
        elif cells.is_quiz(cell):
            inner, kind = _quiz(chapter), "quiz"
        else:
            inner, kind = _code(cell, page, asked.get(cell.id), cell.id in answered), "code"
        page.parts.append(f'<section class="cell {kind}" id="cell-id={cell.id}">\n{inner}\n</section>')
    return page


def _code(cell: NotebookNode, page: Page, asked: Prediction | None, answers: bool) -> str:
    source = highlighted(cell)
    shown = "\n".join(_output(cell, output, number, page) for number, output in enumerate(cell.outputs))
    if asked is not None:
        options = "".join(
            f'<label><input type="radio" name="{cell.id}"> {html.escape(option)}</label>' for option in asked.options
        )
        legend = html.escape(asked.question)
        shown = f'<fieldset class="predict"><legend><b>Predict.</b> {legend}</legend>{options}</fieldset>'
        source = f"<details class=asks><summary>Code</summary>{source}</details>"
    elif answers:
        shown = f'<details class="measured"><summary>Predicted? Open what was measured</summary>{shown}</details>'
    return f"{source}\n{shown}"


def _output(cell: NotebookNode, output: NotebookNode, number: int, page: Page) -> str:
    data = output.get("data", {})
    text = "".join(output.get("text", data.get("text/plain", "")))
    if "image/png" not in data:
        return f'<pre class="output">{html.escape(text.rstrip())}</pre>' if text.strip() else ""
    name = f"{page.chapter}-{cell.id}-{number}.png"
    page.pictures[name] = base64.b64decode("".join(data["image/png"]))
    width, height = _size(page.pictures[name])
    drawn = height - _has_note(output) * round(NOTE * CSS_PER_INCH)
    shown = (
        f'<img src="pictures/{name}" alt="{_alt(output)}" width="{width}" height="{height}"'
        f' style="--drawn:{width}/{drawn}" loading="lazy">'
    )
    if cell.id in live.EXPLORERS:
        page.explorers.append(cell.id)
        shown += (
            f'<p><a class="button" href="{html.escape(live.link(cell.id))}">Open the explorer in the browser</a></p>'
        )
    return f'<figure class="card">{shown}</figure>'


def _size(png: bytes) -> tuple[int, int]:
    """Width and height in CSS pixels."""
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        return tuple(round(side * CSS_PER_INCH / PIXELS_PER_INCH) for side in image.size)  # type: ignore[return-value]


def _quiz(chapter: str) -> str:
    """The place of a quiz, with all that the program in the page needs."""
    questions = quiz.of_chapter(chapter)
    sees = [(see, each.chapter) for each in questions for see in [each.see, *(option.see for option in each.options)]]
    sees += [(mistake.see, each.chapter) for each in questions for mistake in each.wrong]
    links = {}
    for see, own in sees:
        if see:
            where, heading = place(see, own)
            links[f"{where}: {heading}"] = f"{where}.html#{slug(heading)}"
    data = {"quiz": as_json("Quiz", chapter, questions, 0), "links": links}
    text = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")  # nothing but "<" can end a script element
    return f'<div class="ask"><script type="application/json">{text}</script></div>'
