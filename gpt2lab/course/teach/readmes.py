"""What each folder says of itself: only what is in it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from gpt2lab.course.topics import CHAPTERS

_TOP = """# The course, for teaching

Made by `gpt2lab teach`. Run the command again to renew it; it stops if you have changed a file here.
"""
_PARTS = {
    "teacher": """- `teacher/`: the chapters with your notes beside the cells: minutes for each section, questions to
  the room, what is often said and what to answer, the answers to all predictions and quizzes. `teacher/sheets/` has the
  notes of each chapter on one page.
- `teacher/lessons/`: a lesson of 45 minutes for each chapter, with the time of every step, its place in the notebook
  and on the slides, and what to say of what is left out. Begin here.
""",
    "plans": """- `teacher/plans/`: three plans over several chapters: six lessons of 90 minutes, two days, and a guest
  lesson of 45 minutes on how a machine chooses the next word.
""",
    "slides": """- `slides/`: open DECK in a browser. They need no network and no Python; the keys are on each
  first slide. A prediction comes before its answer, W opens your notes in a window of their own, and N goes to the
  next section.
""",
    "student": """- `student/`: for learners. No results, no solutions; exercises say "not done yet" until they are
  done. Where the course is installed, `gpt2lab open` gives everybody the same as copies of their own.
""",
    "solutions": "- `solutions/`: every exercise filled in. Hand it out when you are done with a chapter.\n",
}
_KINDS = {"student": ".ipynb", "solutions": ".ipynb", "teacher": ".ipynb", "slides": ".html"}
_HOW = """The notebooks need the course's Python. Start it in this folder: `COURSE/.venv/bin/jupyter lab`, on Windows
`COURSE\\.venv\\Scripts\\jupyter lab`, where COURSE is the folder of the course."""
_RUN = """Panels that move, on the projector: `gpt2lab open 3 --present`. To follow the links of lessons and plans to
the notebooks, run the course's JupyterLab in this folder: `COURSE/.venv/bin/jupyter lab`, on Windows
`COURSE\\.venv\\Scripts\\jupyter lab`, and open them with the right mouse button, Open With, Markdown Preview. For
learners without Python, `gpt2lab site FOLDER` makes a web site.
"""
_EDITIONS = {
    "student": "# The chapters\n\nNo results and no solutions: run a notebook from the top, and fill in the exercises.",
    "solutions": "# The chapters, with solutions\n\nEvery exercise is filled in.",
    "teacher": "# The chapters, with notes for the teacher\n\n`lessons/` has a lesson of 45 minutes for each chapter, "
    "`sheets/` the notes on one page.",
}


def readmes(made: Collection[str]) -> Iterator[tuple[str, bytes]]:
    """The README of the folder and of its editions; ``made`` are the paths of all that is in it."""
    chapters = {name: [stem for stem in CHAPTERS if f"{name}/{stem}{kind}" in made] for name, kind in _KINDS.items()}
    kept = [name for name, stems in chapters.items() if stems]
    kept += ["plans"] * any(path.startswith("teacher/plans/") for path in made)
    decks = ["index"] if "slides/index.html" in made else chapters["slides"]
    deck = " or ".join(f"`slides/{name}.html`" for name in decks)
    parts = "".join(text.replace("DECK", deck) for name, text in _PARTS.items() if name in kept)
    yield "README.md", f"{_TOP}\n{parts}\n{_RUN}".encode()
    for name, text in _EDITIONS.items():
        if name in kept:
            links = "\n".join(f"- [{CHAPTERS[stem]}]({stem}.ipynb)" for stem in chapters[name])
            yield f"{name}/README.md", f"{text}\n\n{_HOW}\n\n{links}\n".encode()
