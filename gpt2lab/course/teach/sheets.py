"""What a teacher reads beside a chapter, as markdown: a box for each section, a sheet for each chapter."""

from __future__ import annotations

from nbformat import NotebookNode

from gpt2lab.course import cells, form, minutes
from gpt2lab.course.teach import mistakes
from gpt2lab.course.teach.notes import Note, notes
from gpt2lab.course.teach.questions import asked_in, predictions, without_section, wrong_answers
from gpt2lab.course.teach.sections import Section, sections
from gpt2lab.course.topics import CHAPTERS
from gpt2lab.quiz import Question


def head(chapter: str, notebook: NotebookNode) -> str:
    """Goal, preparation, and the sections with their minutes."""
    note = notes(chapter)
    rows = ["| section | minutes | at 45 minutes |", "|---|---|---|"]
    for section in sections(notebook):
        if section.is_body:
            skip = note.sections[section.id].skip
            rows.append(f"| {section.numbered} | {section.minutes} | {'may be left out' if skip else ''} |")
    lines = [
        "**For the teacher**",
        f"**At the end** {note.goal}",
        f"**Before** {note.prepare}",
        f"Alone the chapter takes {minutes.minutes(notebook)} minutes, exercises not counted. "
        "In a class, votes and talk take as long as reading does.",
        "\n".join(rows),
    ]
    return "\n\n".join(lines)


def of_section(section: Section, chapter: str, note: Note) -> str:
    """The box on one section."""
    lines = [f"**For the teacher · {section.minutes} min.** {note.gist}", note.say]
    if note.ask:
        lines.append("**Ask the room**\n\n" + "\n".join(f"- {question}" for question in note.ask))
    if found := predictions(section.cells):
        rows = [f"- {each.question} → {each.answer or 'open'}" for each in found]
        lines.append("**Predictions, with what is measured**\n\n" + "\n".join(rows))
    if note.wrong:
        lines.append("**Often said**\n\n" + "\n".join(f"- “{said}” → {answer}" for said, answer in note.wrong))
    if asked := asked_in(section, chapter):
        lines.append("**The quiz asks**\n\n" + "\n".join(of_question(question) for question in asked))
    if note.skip:
        lines.append(f"**At 45 minutes this may be left out.** {note.skip}")
    return "\n\n".join(lines)


def of_question(question: Question) -> str:
    """A question of the quiz with its answer and its wrong answers, as an item of a list."""
    wrong = [f"    - “{said}” → {why}" for said, why in wrong_answers(question)]
    return "\n".join([f"- {question.text} → {question.answer}", *wrong])


def of_exercise(cell: NotebookNode) -> str:
    """The known mistakes of an exercise, with what its check says about each."""
    told = mistakes.told(cell)
    rows = "\n".join(f"- {message}" for message in told)
    return f"**For the teacher.** What the check says about known mistakes:\n\n{rows}" if told else ""


def sheet(chapter: str, notebook: NotebookNode) -> str:
    """All that is said to the teacher about a chapter, on one page."""
    known = notes(chapter).sections
    found = sections(notebook)
    parts = [f"# {CHAPTERS[chapter]}: a teacher's sheet", head(chapter, notebook)]
    for section in found:
        if section.is_body:
            parts.append(f"## {section.numbered}\n\n{of_section(section, chapter, known[section.id])}")
    if rest := without_section(chapter, [section for section in found if section.is_body]):
        parts.append("## Other questions of the quiz\n\n" + "\n".join(map(of_question, rest)))
    for cell in notebook.cells:
        if (name := cells.exercise_name(cell)) and (text := of_exercise(cell)):
            parts.append(f"## Exercise: {name}\n\n{text}")
    for heading in (form.CLAIMS, form.DISCUSS, form.CLASS):
        if part := cells.section(notebook, heading):
            parts.append(f"## {heading}\n\n{part}")
    return "\n\n".join(parts) + "\n"
