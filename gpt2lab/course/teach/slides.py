"""The slides of a chapter: a rule over its cells, and the teacher's notes.

- The opening gives the question and what one will be able to do.
- A section gives its heading, then in the order of its cells each formula that stands alone, each table, each picture,
  printed lines (3 to 12), a prediction with what was measured on the next slide, and the code that the section's note
  names; then its gist, which is also in the note.
- Exercises, summary and the questions to discuss close it.

The text between two slides goes to the speaker's notes of the second one; those of a prediction never hold its answer.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from nbformat import NotebookNode

from gpt2lab.course import cells, form, navigation
from gpt2lab.course.teach import live
from gpt2lab.course.teach.cells_html import highlighted, inline_picture, markdown
from gpt2lab.course.teach.formulas import mathml
from gpt2lab.course.teach.notes import Note, Notes, notes
from gpt2lab.course.teach.questions import Prediction, predictions
from gpt2lab.course.teach.sections import Section, sections, subheadings

FEWEST_LINES, MOST_LINES = 3, 12  # of printed text: fewer are no table, more are not read
BESIDE_ANSWER = 6  # lines of it that fit below the answer to a prediction; more get a slide of their own
LONG_FORMULA = 60  # letters of LaTeX
_FORMULA = re.compile(r"\$\$(.+?)\$\$", re.S)
_TABLE = re.compile(r"<table>.*?</table>", re.S)
_QUESTION = re.compile(r"\*\*The question of this chapter:\*\* (.+)")
_LIST = re.compile(r"(?:^ {0,1}(?:[-*]|\d+\.) .+\n?)+", re.M)
_EFFORT = re.compile(r"\(\d+ minutes, \w+\)")
_CODE_BLOCK = re.compile(r"^```.*?^```", re.M | re.S)


@dataclass(frozen=True)
class Slide:
    """One slide.

    Attributes
    ----------
    kind : str
        title, list, section, formula, table, picture, explorer, code, predict, answer or gist.
    heading, kicker : str
        Above the body: what it shows, and the section around it. Text.
    body : str
        HTML.
    notes : str
        For the speaker. Markdown.
    of : str
        The id of the cell that it is made from.
    """

    kind: str
    heading: str
    body: str = ""
    notes: str = ""
    of: str = ""
    kicker: str = ""


def slides(notebook: NotebookNode, chapter: str) -> list[Slide]:
    """The slides of a chapter that was run, such as 03_attention."""
    known = notes(chapter)
    made = [*_opening(notebook, chapter, known)]
    for section in sections(notebook):
        if section.is_body:
            made += _Section(section, known.sections[section.id], predictions(notebook.cells)).slides()
    return [*made, *_closing(notebook)]


def _opening(notebook: NotebookNode, chapter: str, known: Notes) -> Iterator[Slide]:
    opening = cells.opening(notebook)
    text = opening.source if opening is not None else ""
    number = chapter.partition("_")[0].lstrip("0") or "0"
    spoken = [f"**At the end** {known.goal}", f"**Before** {known.prepare}"]
    spoken.append(f"**Live panels** `gpt2lab open {number} --present` opens this chapter in Jupyter, in large type.")
    if plan := cells.section(notebook, form.CLASS):
        spoken.append(f"**In a class: 45 minutes**\n\n{plan}")
    asked = _QUESTION.search(text)
    heading = plain(text.partition("\n")[0].removeprefix("# ")) or navigation.label(chapter)
    question = asked[1][:1].upper() + asked[1][1:] if asked else ""
    yield Slide("title", heading, markdown(question), "\n\n".join(spoken))
    if goals := _LIST.search(text):
        yield Slide("list", "You will be able to", markdown(goals[0]))


def _closing(notebook: NotebookNode) -> Iterator[Slide]:
    if titles := list(_exercises(notebook)):
        items = "".join(f"<li>{html.escape(title)}</li>" for title in titles)
        yield Slide("list", "Now you: the exercises", f"<ol>{items}</ol>")
    for heading in (form.SUMMARY, form.DISCUSS):
        if part := cells.section(notebook, heading):
            spoken = cells.section(notebook, form.GPT2) if heading == form.SUMMARY else None
            yield Slide("list", heading, markdown(part), f"**{form.GPT2}** {spoken}" if spoken else "")


def _exercises(notebook: NotebookNode) -> Iterator[str]:
    """The exercises by name, with the minutes and the difficulty that the text above each of them states."""
    effort = ""
    for cell in notebook.cells:
        if name := cells.exercise_name(cell):
            yield name.replace("_", " ") + effort
            effort = ""
        elif cell.cell_type == "markdown" and (found := _EFFORT.search(cell.source)):
            effort = f" {found[0]}"


def plain(text: str) -> str:
    """A heading without the marks of markdown, its number kept."""
    return re.sub(r"[*`]", "", text).strip()


@dataclass
class _Section:
    """The slides of a section, as its cells are gone through."""

    section: Section
    note: Note
    asked: list[Prediction]
    said: list[str] = field(default_factory=list)  # what the text says since the last slide
    under: str = ""  # the heading of level 3

    def slides(self) -> list[Slide]:
        note = self.note
        spoken = [f"**{self.section.minutes} min.** {note.say}"]
        spoken += [f"**At 45 minutes this may be left out: N.** {note.skip}"] if note.skip else []
        made = [Slide("section", plain(self.section.heading), "", "\n\n".join(spoken), self.section.id)]
        asked = {each.cell: each for each in self.asked}
        answered = {each.answered: each for each in self.asked if each.answered}
        held: list[Slide] = []  # what lies between a question and its answer, which comes first
        waits = False
        for cell in self.section.cells:
            if cell.id in asked:
                made.append(self._predict(asked[cell.id]))
                waits = bool(asked[cell.id].answered)
            elif cell.id in answered:
                answer = self._answer(cell, answered[cell.id])
                made += [answer, *held, *self._of_code(cell, printed=len(_printed(cell)) > BESIDE_ANSWER)]
                held, waits = [], False
            else:
                (held if waits else made).extend(self._of(cell))
        spoken = ["**Ask the room**\n\n" + "\n".join(f"- {question}" for question in note.ask)] if note.ask else []
        spoken += ["**Often said**\n\n" + "\n".join(f"- “{a}” → {b}" for a, b in note.wrong)] if note.wrong else []
        self.said += spoken
        self.under = ""
        return [*made, *held, self._slide("gist", f"<p>{html.escape(note.gist)}</p>", "")]

    def _slide(self, kind: str, body: str, of: str, heading: str = "") -> Slide:
        spoken, self.said = "\n\n".join(self.said), []
        heading = heading or self.under or self.section.title
        return Slide(kind, heading, body, spoken, of, self.section.title if heading != self.section.title else "")

    def _of(self, cell: NotebookNode) -> list[Slide]:
        return self._of_text(cell) if cell.cell_type == "markdown" else self._of_code(cell)

    def _of_text(self, cell: NotebookNode) -> list[Slide]:
        text = _CODE_BLOCK.sub("", cell.source)
        for heading in subheadings(Section("", "", [cell])):
            self.under = heading
        self.said.append(re.sub(r"^#+ .*$", "", text, flags=re.M).strip())
        found = [self._slide("formula", _formula(each), cell.id) for each in _FORMULA.findall(text)]
        return found + [self._slide("table", table, cell.id) for table in _TABLE.findall(markdown(text))]

    def _of_code(self, cell: NotebookNode, printed: bool = True) -> list[Slide]:
        lines = _printed(cell)
        found = []
        if cell.id in self.note.code:
            shown = _as_pre(lines) if 0 < len(lines) <= MOST_LINES else ""
            columns = max(map(len, cell.source.splitlines()))
            body = f'<div class="source" style="--columns:{columns}">{highlighted(cell)}</div>{shown}'
            found.append(self._slide("code", body, cell.id))
        elif printed and FEWEST_LINES <= len(lines) <= MOST_LINES:
            found.append(self._slide("table", _as_pre(lines), cell.id))
        for picture in filter(None, map(inline_picture, cell.outputs)):
            if cell.id in live.EXPLORERS:
                address = html.escape(live.link(cell.id, presenter=True))
                frame = f'<iframe title="Explorer" data-src="{address}"></iframe>'
                found.append(self._slide("explorer", picture + frame, cell.id))
            else:
                found.append(self._slide("picture", picture, cell.id))
        return found

    def _predict(self, asked: Prediction) -> Slide:
        options = "".join(f"<li>{html.escape(option)}</li>" for option in asked.options)
        return self._slide(
            "predict", f"<p>{html.escape(asked.question)}</p><ol>{options}</ol>", asked.cell, "Predict: hands up"
        )

    def _answer(self, cell: NotebookNode, asked: Prediction) -> Slide:
        """The question again, the option that was right, and what was printed."""
        right = next((o for o in asked.options if asked.answer in (f"Measured: {o}.", _that_is(asked, o))), None)
        options = "".join(
            f"<li{' class=right' if option == right else ''}>{html.escape(option)}</li>" for option in asked.options
        )
        body = (
            f"<p>{html.escape(asked.question)}</p><ol>{options}</ol><p class=measured>{html.escape(asked.answer)}</p>"
        )
        lines = _printed(cell)
        return self._slide("answer", body + (_as_pre(lines) if 0 < len(lines) <= BESIDE_ANSWER else ""), cell.id)


def _formula(latex: str) -> str:
    return f"<div{' class=long' if len(latex) > LONG_FORMULA else ''}>{mathml(latex, block=True)}</div>"


def _that_is(asked: Prediction, option: str) -> str:
    """How an answer ends that names an option."""
    return asked.answer if asked.answer.endswith(f'that is "{option}".') else ""


def _printed(cell: NotebookNode) -> list[str]:
    """The lines that a cell printed, without the answer to a prediction."""
    text = "".join("".join(output.get("text", "")) for output in cell.outputs)
    return [line for line in text.rstrip().splitlines() if not line.startswith("Measured: ")]


def _as_pre(lines: list[str]) -> str:
    """Printed lines; ``--columns`` is how long the longest is, so that short ones are set large."""
    columns = max(map(len, lines))
    return f'<pre class="output" style="--columns:{columns}">{html.escape(chr(10).join(lines))}</pre>'
