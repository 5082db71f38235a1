"""The quiz of a chapter: a text and a cell before its summary.

    python -m gpt2lab.course.quizzes chapters/03_attention.ipynb …

puts them there, in place of older ones; ``notebooks run`` then stores the output. Without file names it takes
every chapter. The quiz stands behind the exercises, because its last page says which of them are done, and
before the summary, because recalling is of use only before the answers are read again.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from gpt2lab import quiz
from gpt2lab.course import cells, navigation, workspace
from gpt2lab.errors import InputError
from gpt2lab.files import atomic_write

HEADING, BEFORE = "Quiz", "Summary"
_TEXT = """## Quiz

{count} questions on this chapter, about {count} minutes. Nothing is graded. A wrong answer says why it is wrong \
and where the chapter shows it; you may try again. The last page says what you have done of this chapter."""
_CODE = """from gpt2lab.widgets import Quiz

Quiz("{stem}")"""


def insert(notebook: NotebookNode, stem: str) -> bool:
    """Put the quiz of a chapter into its place; whether anything changed.

    A chapter without questions gets none, and loses one that it had.

    Raises
    ------
    InputError
        If the chapter has questions, but no summary before which they could stand.
    """
    before = [(cell.cell_type, cell.source, cells.tags(cell)) for cell in notebook.cells]
    old = {cell.id: cell for cell in notebook.cells if cells.is_quiz(cell)}
    kept = [cell for cell in notebook.cells if not cells.is_quiz(cell)]
    if stem in quiz.chapters():
        places = [n for n, cell in enumerate(kept) if _begins(cell, BEFORE)]
        if not places:
            raise InputError(f"{stem} has questions, but no cell that begins with `## {BEFORE}`: write it first")
        # A cell that says the same keeps its output.
        made = [old[cell.id] if old.get(cell.id, {}).get("source") == cell.source else cell for cell in _made(stem)]
        kept[places[0] : places[0]] = made
    notebook.cells = kept
    return before != [(cell.cell_type, cell.source, cells.tags(cell)) for cell in kept]


def problem(notebook: NotebookNode, stem: str) -> str | None:
    """What is wrong with the quiz of a chapter, in a few words; None if nothing is."""
    found = [cell for cell in notebook.cells if cells.is_quiz(cell)]
    wanted = _made(stem) if stem in quiz.chapters() else []
    if not wanted:
        return "there is a quiz, but the chapter has no questions" if found else None
    if not found:
        return "the quiz is missing"
    places = [notebook.cells.index(cell) for cell in found]
    summary = [n for n, cell in enumerate(notebook.cells) if _begins(cell, BEFORE)]
    if [cell.source for cell in found] != [cell.source for cell in wanted]:
        return "the quiz is not current"
    if places != [summary[0] - 2, summary[0] - 1] if summary else True:
        return f"the quiz does not stand right before the part `## {BEFORE}`"
    return None


def _begins(cell: NotebookNode, heading: str) -> bool:
    return cell.cell_type == "markdown" and str(cell.source).split("\n", 1)[0].strip() == f"## {heading}"


def _made(stem: str) -> list[NotebookNode]:
    ids = [hashlib.sha256(f"{stem} quiz {part}".encode()).hexdigest()[:8] for part in ("text", "cell")]
    text = _TEXT.format(count=len(quiz.of_chapter(stem)))
    tags = {"tags": [cells.QUIZ]}
    return [
        new_markdown_cell(text, id=ids[0], metadata=tags),
        new_code_cell(_CODE.format(stem=stem), id=ids[1], metadata=tags),
    ]


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0, or 1 if a chapter has no place for its quiz."""
    parser = argparse.ArgumentParser("python -m gpt2lab.course.quizzes", description="Put each quiz into its chapter.")
    parser.add_argument("notebook", nargs="*", type=Path, help="default: every chapter")
    folder = workspace.course_root() / "chapters"
    paths = parser.parse_args(arguments).notebook or [folder / f"{stem}.ipynb" for stem in navigation.present(folder)]
    failed = 0
    for path in paths:
        try:
            notebook = cells.read(path)
            changed = insert(notebook, path.stem)
        except InputError as error:
            print(f"{path}: {error}")
            failed += 1
            continue
        if changed:
            with atomic_write(path) as part:
                nbformat.write(notebook, part)
        print(f"{path}: {'changed; store its output with `notebooks run`' if changed else 'as it was'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
