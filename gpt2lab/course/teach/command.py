"""`gpt2lab teach`: the editions of the course for a class, in a folder of your choice."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from gpt2lab.course import cells, navigation, workspace
from gpt2lab.course.teach import editions, lessons, made, plans, readmes, running, slides_page
from gpt2lab.course.topics import CHAPTERS
from gpt2lab.errors import InputError


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
    whole = stems is None and set(options.only) == set(EDITIONS)
    beside = () if whole else made.listed(options.folder)
    files = dict(edition_files(root / "chapters", options.only, stems, beside))
    stopped = 0
    for name in [name for name in files if name.endswith(".ipynb")] if options.run else []:
        stopped += not _run(name, files)
    made.write(options.folder, files, whole)
    counts = {each: sum(_is_chapter(name, each) for name in files) for each in options.only}
    said = ", ".join(f"{name} ({count} chapter{'s' * (count != 1)})" for name, count in counts.items())
    print(f"Wrote {said} to {options.folder}. Begin with {options.folder / 'README.md'}")
    return 1 if stopped else 0


def _is_chapter(file: str, edition: str) -> bool:
    folder, _, name = file.partition("/")
    return folder == edition and Path(name).stem in CHAPTERS and name.endswith((".ipynb", ".html"))


def edition_files(
    chapters: Path, names: Collection[str], stems: Collection[str] | None = None, beside: Collection[str] = ()
) -> Iterator[tuple[str, bytes]]:
    """The files of these editions, by path; of all chapters or of some. ``beside``: the paths of what is there."""
    made_now = []
    for file, data in _contents(chapters, names, stems):
        made_now.append(file)
        yield file, data
    yield from readmes.readmes({*made_now, *beside})


def _contents(chapters: Path, names: Collection[str], stems: Collection[str] | None) -> Iterator[tuple[str, bytes]]:
    for name in names:
        for file, data in EDITIONS[name](chapters, stems):
            yield f"{name}/{file}", data
    if "teacher" not in names:
        return
    for stem in navigation.present(chapters):
        if stems is None or stem in stems:
            page = lessons.lesson(stem, cells.read(chapters / f"{stem}.ipynb"), "slides" in names)
            yield f"teacher/lessons/{stem}.md", page.encode()
    for plan in plans.plans() if stems is None else ():
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
