"""`gpt2lab teach`: the editions of the course for a class, in a folder of your choice."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat

from gpt2lab.course import cells, notebooks, workspace
from gpt2lab.teach import editions, made, plans

_README = """# The course, for teaching

Made by `gpt2lab teach`. Run the command again to renew it; it stops if you have changed a file here.

- `student/`: for learners. No results, no solutions; exercises say "not done yet" until they are done.
- `solutions/`: every exercise filled in. Hand it out when you are done with a chapter.
- `teacher/`: the chapters with your notes beside the cells: minutes for each section, questions to the room, what is
  often said and what to answer, the answers to all predictions and quizzes, and what may be left out at 45 minutes.
  `teacher/sheets/` has the notes of each chapter on one page, `teacher/plans/` three plans: six lessons of
  90 minutes, two days, and a guest lesson of 45 minutes.

The course as a web site: `gpt2lab site FOLDER`.
"""


def teach_command(arguments: list[str]) -> int:
    """`gpt2lab teach OUT`"""
    description = "Make the student's, the solutions and the teacher's edition, and plans, in a new folder."
    parser = argparse.ArgumentParser("gpt2lab teach", description=description)
    parser.add_argument("folder", type=Path, help="a new folder, or one that this command made")
    parser.add_argument("--only", choices=EDITIONS, nargs="+", default=list(EDITIONS), help="these alone")
    parser.add_argument("--run", action="store_true", help="run the solutions edition, with its results (minutes)")
    options = parser.parse_args(arguments)
    chapters = workspace.course_root() / "chapters"
    files = dict(edition_files(chapters, options.only))
    if options.run:
        for name in [name for name in files if name.startswith("solutions/") and name.endswith(".ipynb")]:
            print(f"{name}: run", flush=True)
            files[name] = executed(files[name], Path(name).stem)
    made.write(options.folder, files)
    counts = {name: sum(f.startswith(f"{name}/") and f.endswith(".ipynb") for f in files) for name in options.only}
    print(f"Wrote {', '.join(f'{name} ({count} chapters)' for name, count in counts.items())} to {options.folder}")
    return 0


def edition_files(chapters: Path, names: list[str]) -> Iterator[tuple[str, bytes]]:
    """The files of these editions, by path."""
    for name in names:
        for file, data in EDITIONS[name](chapters):
            yield f"{name}/{file}", data
    yield "README.md", _README.encode()
    if "teacher" in names:
        for plan in plans.plans():
            yield f"teacher/plans/{plan.name}.md", plans.as_markdown(plan, chapters).encode()


EDITIONS: dict[str, Callable[[Path], Iterator[tuple[str, bytes]]]] = {
    "student": editions.student,
    "solutions": editions.solutions,
    "teacher": editions.teacher,
}


def executed(data: bytes, stem: str) -> bytes:
    """A notebook of the solutions edition with its own results, so that all of them can be compared."""
    notebook = nbformat.reads(data.decode(), as_version=4)
    for cell in notebook.cells:
        if cells.exercise_name(cell):
            cell.metadata["tags"] = [tag for tag in cells.tags(cell) if tag != editions.NOT_COMPARED]
    with tempfile.TemporaryDirectory() as folder:
        notebooks.execute(notebook, Path(folder))
    notebooks.clean(notebook, stem)
    return editions.as_bytes(notebook)
