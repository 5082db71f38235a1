"""`gpt2lab teach`: the editions of the course for a class, in a folder of your choice."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from gpt2lab.course import workspace
from gpt2lab.course.topics import CHAPTERS
from gpt2lab.errors import InputError
from gpt2lab.teach import editions, made, plans, running, slides_page

_README = """# The course, for teaching

Made by `gpt2lab teach`. Run the command again to renew it; it stops if you have changed a file here.

- `teacher/`: the chapters with your notes beside the cells: minutes for each section, questions to the room, what is
  often said and what to answer, the answers to all predictions and quizzes, and what may be left out at 45 minutes.
  `teacher/sheets/` has the notes of each chapter on one page, `teacher/plans/` three plans: six lessons of
  90 minutes, two days, and a guest lesson of 45 minutes. Begin with a plan.
- `slides/`: open `slides/index.html` in a browser. They need no network and no Python; the keys are on each first
  slide. A prediction comes before its answer, and W opens your notes in a window of their own.
- `student/`: for learners. No results, no solutions; exercises say "not done yet" until they are done.
- `solutions/`: every exercise filled in. Hand it out when you are done with a chapter.

Live panels on the projector: `gpt2lab open 3 --present`. Notebooks need the course's Python: in this folder, the
`jupyter lab` of its `.venv`. The course as a web site: `gpt2lab site FOLDER`.
"""


def teach_command(arguments: list[str]) -> int:
    """`gpt2lab teach OUT`"""
    description = "Make the student's, the solutions and the teacher's edition, slides and plans, in a new folder."
    parser = argparse.ArgumentParser("gpt2lab teach", description=description)
    parser.add_argument("folder", type=Path, help="a new folder, or one that this command made")
    parser.add_argument("--only", choices=EDITIONS, nargs="+", default=list(EDITIONS), help="these alone")
    parser.add_argument("--chapters", nargs="+", metavar="CHAPTER", help="these alone, such as 0 3 primer")
    run = "run the student's edition as it is and say what is open; run the solutions and keep the results (minutes)"
    parser.add_argument("--run", action="store_true", help=run)
    options = parser.parse_args(arguments)
    root = workspace.course_root()
    stems = [workspace.find_chapter(root, name).stem for name in options.chapters or []] or None
    files = dict(edition_files(root / "chapters", options.only, stems))
    stopped = 0
    for name in [name for name in files if name.endswith(".ipynb")] if options.run else []:
        stopped += not _run(name, files)
    made.write(options.folder, files, whole=stems is None and set(options.only) == set(EDITIONS))
    counts = {each: sum(_is_chapter(name, each) for name in files) for each in options.only}
    print(f"Wrote {', '.join(f'{name} ({count} chapters)' for name, count in counts.items())} to {options.folder}")
    return 1 if stopped else 0


def _is_chapter(file: str, edition: str) -> bool:
    folder, _, name = file.partition("/")
    return folder == edition and Path(name).stem in CHAPTERS and name.endswith((".ipynb", ".html"))


def edition_files(
    chapters: Path, names: Collection[str], stems: Collection[str] | None = None
) -> Iterator[tuple[str, bytes]]:
    """The files of these editions, by path; of all chapters or of some."""
    for name in names:
        for file, data in EDITIONS[name](chapters, stems):
            yield f"{name}/{file}", data
    yield "README.md", _README.encode()
    for plan in plans.plans() if "teacher" in names and stems is None else ():
        yield f"teacher/plans/{plan.name}.md", plans.as_markdown(plan, chapters, "slides" in names).encode()


EDITIONS: dict[str, Callable[[Path, Collection[str] | None], Iterator[tuple[str, bytes]]]] = {
    "student": editions.student,
    "solutions": editions.solutions,
    "teacher": editions.teacher,
    "slides": slides_page.edition,
}


def _run(name: str, files: dict[str, bytes]) -> bool:
    """Run a notebook of the student's or the solutions edition and say how it went; False if a cell stops."""
    edition, stem = name.split("/")[0], Path(name).stem
    if edition not in ("student", "solutions"):
        return True
    try:
        if edition == "solutions":
            files[name], said = running.executed(files[name], stem), "ran"
        else:
            open_ = running.open_exercises(files[name])
            said = f"ran to the end; open: {', '.join(open_) or 'nothing'}"
    except InputError as error:
        print(f"{name}: STOPS\n{error}", flush=True)
        return False
    print(f"{name}: {said}", flush=True)
    return True
