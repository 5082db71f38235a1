"""Write chapters/COVERAGE.md: for every topic, the cell that teaches it, or "not yet".

    python -m gpt2lab.course.coverage

The links open the notebook at that cell in JupyterLab.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from gpt2lab.course import cells, notebooks, workspace
from gpt2lab.course.topics import CHAPTERS, TOPICS, Topic, topics_of
from gpt2lab.files import atomic_write

FILE = "COVERAGE.md"
HEAD = """# Topics and the cells that teach them

Made by `python -m gpt2lab.course.coverage` from the tags of the cells; a test keeps it current.
Topics 91 and above are what GPT-2 needs beyond the common questions.
In JupyterLab a link leads to the cell; on GitHub, to the top of its notebook.
"Not yet" means that the topic's own chapter is not written; "see also" names cells of other chapters that use it.
"""


@dataclass(frozen=True)
class Place:
    """A cell that teaches a topic."""

    chapter: str
    cell_id: str
    heading: str  # the nearest one above the cell

    @property
    def link(self) -> str:
        return f"[{self.heading}]({self.chapter}.ipynb#cell-id={self.cell_id})"


def places(chapters: list[Path]) -> dict[int, list[Place]]:
    """For each topic, the first cell of every chapter that carries its tag, the owner's first."""
    found: dict[int, list[Place]] = {id: [] for id in TOPICS}
    for path in chapters:
        heading, seen = path.stem, set()
        for cell in notebooks.read(path).cells:
            heading = (cells.headings(cell) or [heading])[-1]
            for id in topic_ids(cell):
                if id in found and id not in seen:
                    seen.add(id)
                    found[id].append(Place(path.stem, cell["id"], heading))
    for id, list_ in found.items():
        list_.sort(key=lambda place: place.chapter != TOPICS[id].chapter)  # stable: chapter order otherwise
    return found


def topic_ids(cell: NotebookNode) -> list[int]:
    return [int(match[1]) for tag in cells.tags(cell) if (match := re.fullmatch(r"topic:(\d+)", tag))]


def missing(found: dict[int, list[Place]], chapter: str) -> list[Topic]:
    """Topics that ``chapter`` owns and no cell of it teaches."""
    return [t for t in topics_of(chapter) if chapter not in {place.chapter for place in found[t.id]}]


def table(chapters: list[Path]) -> str:
    """The text of COVERAGE.md."""
    found = places(chapters)
    lines = [HEAD, "| topic | what you take away | chapter | taught in |", "| --- | --- | --- | --- |"]
    for topic in TOPICS.values():
        own = [place for place in found[topic.id] if place.chapter == topic.chapter]
        others = [place for place in found[topic.id] if place.chapter != topic.chapter]
        cell = own[0].link if own else "not yet"
        if others:
            cell += "; see also " + ", ".join(f"{place.chapter.split('_')[0]}: {place.link}" for place in others)
        lines.append(f"| {topic.id} · {topic.title} | {topic.takeaway} | {topic.chapter} | {cell} |")
    taught = sum(not missing(found, name) for name in CHAPTERS if topics_of(name))
    left = sum(len(missing(found, name)) for name in CHAPTERS)
    lines += ["", f"{len(TOPICS) - left} of {len(TOPICS)} topics taught, {taught} chapters complete.", ""]
    return "\n".join(lines)


def main() -> int:
    folder = workspace.course_root() / "chapters"
    with atomic_write(folder / FILE) as part:
        part.write_text(table(notebooks.chapters()), encoding="utf-8")
    print(f"{folder / FILE} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
