"""Plans for a course, two days and a guest lesson: data with the time of every step.

``data/plans.toml`` holds a table for each plan, with its lessons and their steps; a step names a chapter and, if it
is about one section, the id of the cell with that section's heading.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from gpt2lab.course import cells
from gpt2lab.course.teach.sections import sections
from gpt2lab.course.topics import CHAPTERS


@dataclass(frozen=True)
class Step:
    """A part of a lesson."""

    minutes: int
    do: str
    chapter: str = ""  # empty: no notebook is needed
    section: str = ""  # id of the cell with its heading


@dataclass(frozen=True)
class Lesson:
    """What is done in one go."""

    title: str
    minutes: int
    goal: str
    home: str  # what is done until the next one
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Plan:
    """A whole plan."""

    name: str
    title: str
    suits: str  # for whom
    before: str  # what is prepared
    lessons: tuple[Lesson, ...]


@functools.cache
def plans() -> tuple[Plan, ...]:
    """All plans."""
    text = files("gpt2lab.course.teach").joinpath("data/plans.toml").read_text(encoding="utf-8")
    return tuple(
        Plan(name, entry["title"], entry["suits"], entry["before"], tuple(map(_lesson, entry["lesson"])))
        for name, entry in tomllib.loads(text).items()
    )


def _lesson(entry: dict[str, object]) -> Lesson:
    title, minutes, goal, home, steps = (entry.get(key, "") for key in ("title", "minutes", "goal", "home", "step"))
    assert isinstance(minutes, int) and isinstance(steps, list)  # the file is ours, and tested
    return Lesson(str(title), minutes, str(goal), str(home), tuple(Step(**step) for step in steps))


def problems(plan: Plan, chapters: Path) -> Iterator[str]:
    """What does not fit between a plan and the chapters, a sentence each."""
    for lesson in plan.lessons:
        where = f"plan {plan.name}, {lesson.title!r}"
        if (total := sum(step.minutes for step in lesson.steps)) != lesson.minutes:
            yield f"{where}: the steps take {total} minutes, the lesson has {lesson.minutes}"
        for step in lesson.steps:
            if step.chapter and not (chapters / f"{step.chapter}.ipynb").is_file():
                yield f"{where}: there is no chapter {step.chapter!r}"
            elif step.section and step.section not in _titles(chapters, step.chapter):
                yield f"{where}: chapter {step.chapter} has no section with the id {step.section!r}"


def as_markdown(plan: Plan, chapters: Path, slides: bool = False) -> str:
    """A plan as a page with a table for each lesson; links lead to the teacher's edition and, if made, the slides."""
    parts = [f"# {plan.title}", f"**For** {plan.suits}", f"**Before** {plan.before}"]
    for lesson in plan.lessons:
        rows, at = ["| from | min | what | where |", "|---|---|---|---|"], 0
        for step in lesson.steps:
            rows.append(f"| {at // 60}:{at % 60:02} | {step.minutes} | {step.do} | {_where(step, chapters, slides)} |")
            at += step.minutes
        parts += [f"## {lesson.title} ({lesson.minutes} min)", f"**Goal** {lesson.goal}", "\n".join(rows)]
        if lesson.home:
            parts.append(f"**Until next time** {lesson.home}")
    return "\n\n".join(parts) + "\n"


def _where(step: Step, chapters: Path, slides: bool) -> str:
    if not step.chapter:
        return ""
    title = _titles(chapters, step.chapter).get(step.section, CHAPTERS[step.chapter].split(":")[0])
    place = f"#cell-id={step.section}" if step.section else ""
    number = step.chapter[:2] if step.chapter[0].isdigit() else "primer"
    shown = f" ([slides](../../slides/{step.chapter}.html{f'#{step.section}' * bool(step.section)}))" if slides else ""
    return f"[{number} · {title}](../{step.chapter}.ipynb{place}){shown}"


def _titles(chapters: Path, chapter: str) -> dict[str, str]:
    return {section.id: section.title for section in sections(cells.read(chapters / f"{chapter}.ipynb"))}
