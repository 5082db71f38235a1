"""The rules of every chapter, so that it reads well, runs anywhere and can be compared.

    python -m gpt2lab.course.hygiene chapters/03_attention.ipynb …

prints each broken rule, those of ``form`` included. ``problems`` returns each as one sentence that names
the cell. The limits leave a little room around what authors aim at: cells of 6 lines, paragraphs of 20
to 80 words.
"""

from __future__ import annotations

import ast
import re
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

from nbformat import NotebookNode

from gpt2lab.claims.boxes import known as known_claims
from gpt2lab.course import form
from gpt2lab.course.cells import (
    NAV,
    QUIZ,
    code_cells,
    exercise_name,
    headings,
    is_blank,
    is_navigation,
    lines,
    name,
    opening,
    pictures,
    read,
    tags,
    text_without_headings,
    texts,
)
from gpt2lab.course.glossary import TERMS
from gpt2lab.course.topics import TOPICS
from gpt2lab.errors import InputError

MEDIAN_LINES, MOST_LINES = 6, 14  # of a code cell
LINE_WIDTH = 110  # characters of a code line: more are cut off on a narrow page or a projector
WORDS, MOST_WORDS = (10, 100), 130  # of a markdown cell: nine tenths of them, and any
CELLS_BETWEEN_HEADINGS = 7
IGNORED_SHARE = 0.05  # of the code cells
SIGNIFICANT_DIGITS = 4
NOT_DONE = "not done yet"
IGNORE_TAGS = {"nbval-ignore-output", "nbval-skip"}
KNOWN_TAGS = IGNORE_TAGS | {"raises-exception", "nbval-raises-exception", "remove-input", "parameters", NAV, QUIZ}
WHY_IGNORED = "# not compared: "  # first line of a cell whose output nbval ignores

SOURCE_LABEL = re.compile(
    r"(?<![\d.])00[0-4]-(?:[A-Z§]|\d)|\(\s*[RNAHPFDGMETC]\d{1,2}(?:, ?[RNAHPFDGMETC]\d{1,2})*\s*\)"
)
MACHINE_PATH = re.compile(r"(?<![\w./:<)\]])/[A-Za-z][\w.-]*/[\w.-]|[A-Z]:\\\\?Users|ipykernel_\d")
OPENING = {
    r"^# ": "a title",
    r"\bable to\b": "what you will be able to do",
    r"\b[Mm]inutes\b": "the minutes it takes",
}
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def problems(notebook: NotebookNode, path: Path) -> list[str]:
    """Each broken rule as one sentence; empty if there is none.

    Parameters
    ----------
    notebook : NotebookNode
    path : Path
        Where it lies, for its links to other files.
    """
    return [sentence for rule in RULES for sentence in rule(notebook, path)]


def _execution(notebook: NotebookNode, path: Path) -> Iterator[str]:
    counts = [cell.execution_count for cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield "not run once from top to bottom (an unrun cell is never compared)"
    if "widgets" in notebook.metadata:
        yield "widget state is stored"


def _outputs(notebook: NotebookNode, path: Path) -> Iterator[str]:
    for cell in code_cells(notebook):
        shown = [o for o in cell.outputs if o.output_type in ("display_data", "execute_result") and not _compares(o)]
        if len(shown) > 1:
            yield f"{name(cell)} shows {len(shown)} things; one per cell"
        if re.search(r"print\(\w+\.compare\(", cell.source):
            yield f"{name(cell)} prints a comparison, told before it is predicted: display(….compare(…))"
        if any(output.get("name") == "stderr" for output in cell.outputs):
            yield f"{name(cell)} writes to stderr"
        if any(output.output_type == "error" for output in cell.outputs):
            yield f"{name(cell)} ends with an error"
        if any("widget-view" in kind for output in cell.outputs for kind in output.get("data", {})):
            yield f"{name(cell)} stores a widget without its kernel: an error message instead of the picture"


def _compares(output: NotebookNode) -> bool:
    """A prediction's one line, which may stand beside a picture. Printed, it could not wait for the prediction."""
    return "".join(output.get("data", {}).get("text/plain", "")).startswith("Measured: ")


def _ignored(notebook: NotebookNode, path: Path) -> Iterator[str]:
    cells = code_cells(notebook)
    ignored = [cell for cell in cells if IGNORE_TAGS & set(tags(cell)) or "NBVAL_" in cell.source]
    if len(ignored) > IGNORED_SHARE * len(cells):
        yield f"{len(ignored)} of {len(cells)} code cells are not compared; at most {IGNORED_SHARE:.0%}"
    for cell in ignored:
        if not re.match(re.escape(WHY_IGNORED) + r"\w+", cell.source):
            yield f"{name(cell)} is not compared and gives no reason: begin it with `{WHY_IGNORED}…`"


def _code_length(notebook: NotebookNode, path: Path) -> Iterator[str]:
    median = statistics.median([lines(cell) for cell in code_cells(notebook)] or [0])
    if median > MEDIAN_LINES:
        yield f"the median code cell has {median:g} lines; at most {MEDIAN_LINES}"
    for cell in code_cells(notebook):
        if lines(cell) > MOST_LINES:
            yield f"{name(cell)} has {lines(cell)} lines; at most {MOST_LINES}"
        if _silenced(cell.source):
            yield f"{name(cell)} ends an expression with a semicolon; nbval shows it all the same"
        if re.search(r"\binteract(ive)?\(|widgets\.Output\(", cell.source):
            yield f"{name(cell)} uses interact or Output, which cannot be compared"


def _line_width(notebook: NotebookNode, path: Path) -> Iterator[str]:
    sources = {name(cell): cell.source for cell in code_cells(notebook)}
    for file in sorted((path.parent / "solutions" / path.stem).glob("*.py")):
        sources[f"solutions/{path.stem}/{file.name}"] = file.read_text(encoding="utf-8")
    for where, source in sources.items():
        for number, line in enumerate(source.splitlines(), start=1):
            if len(line) > LINE_WIDTH:
                yield f"{where}: line {number} has {len(line)} characters; at most {LINE_WIDTH}, so wrap it"


def _silenced(source: str) -> bool:
    """Whether the last line is an expression whose value a semicolon keeps from being shown."""
    try:
        last = ast.parse(source).body[-1]
    except (SyntaxError, IndexError):  # IPython's own commands
        return False
    return isinstance(last, ast.Expr) and source.rstrip().endswith(";")


def _prose(notebook: NotebookNode, path: Path) -> Iterator[str]:
    counts = []
    for cell in notebook.cells:
        if cell.cell_type != "markdown" or "<details" in cell.source or not text_without_headings(cell):
            continue
        if cell is opening(notebook) or is_navigation(cell):  # a list of what is to come, a line of links
            continue
        words = len(re.findall(r"\w+", text_without_headings(cell)))
        counts.append(words)
        if words > MOST_WORDS:
            yield f"{name(cell)} has {words} words; at most {MOST_WORDS}"
    outside = [words for words in counts if not WORDS[0] <= words <= WORDS[1]]
    if len(outside) > 0.1 * len(counts):
        limits = f"fewer than {WORDS[0]} or more than {WORDS[1]} words"
        yield f"{len(outside)} of {len(counts)} markdown cells have {limits}; one in ten may"


def _headings(notebook: NotebookNode, path: Path) -> Iterator[str]:
    since = 0
    for cell in notebook.cells:
        since = 0 if headings(cell) else since + 1
        if since == CELLS_BETWEEN_HEADINGS + 1:
            yield f"{name(cell)}: more than {CELLS_BETWEEN_HEADINGS} cells without a heading"


def _words_to_avoid(notebook: NotebookNode, path: Path) -> Iterator[str]:
    for cell in notebook.cells:
        for text in (cell.source, *texts(cell)):
            if match := SOURCE_LABEL.search(text):
                yield f"{name(cell)} names a label that means nothing to a reader: {match[0]!r}"
            if match := MACHINE_PATH.search(text):
                yield f"{name(cell)} holds a path of one computer: {match[0]!r}"


def _tags(notebook: NotebookNode, path: Path) -> Iterator[str]:
    for cell in notebook.cells:
        for tag in tags(cell):
            kind, _, value = tag.partition(":")
            known = tag in KNOWN_TAGS or (
                (kind == "topic" and value.isdigit() and int(value) in TOPICS)
                or (kind == "claim" and value in known_claims())
                or (kind == "term" and value in TERMS and cell.cell_type == "markdown")
                or (kind == "exercise" and value.isidentifier() and cell.cell_type == "code")
            )
            if not known:
                yield f"{name(cell)} carries the unknown tag {tag!r}"


def _numbers(notebook: NotebookNode, path: Path) -> Iterator[str]:
    for cell in code_cells(notebook):
        if IGNORE_TAGS & set(tags(cell)):
            continue
        for text in texts(cell):
            for number in re.findall(r"(?<![\w.])-?\d+\.\d+(?![\w.]*\.\d)", text):
                digits = number.lstrip("-").replace(".", "").lstrip("0")
                if float(number) % 1 and len(digits) > SIGNIFICANT_DIGITS:
                    yield f"{name(cell)} prints {number}; at most {SIGNIFICANT_DIGITS} significant digits"
                    break  # computers differ in the last ones


def _pictures(notebook: NotebookNode, path: Path) -> Iterator[str]:
    stored = [(cell, png) for cell in code_cells(notebook) for png in pictures(cell)]
    if not stored:
        yield "there is no picture in it"
    for cell, png in stored:
        if is_blank(png):
            yield f"{name(cell)} stores a blank picture"


def _links(notebook: NotebookNode, path: Path) -> Iterator[str]:
    for cell in notebook.cells:
        for target in LINK.findall(cell.source) if cell.cell_type == "markdown" else []:
            if re.match(r"[a-z]+:", target):
                continue  # outside: nobody here can follow it
            file, _, fragment = target.partition("#")
            if file and not (path.parent / file).exists():
                yield f"{name(cell)} links to {file}, which is not there"
            elif fragment and not _has_fragment(notebook, path, file, fragment):
                yield f"{name(cell)} links to {target}, and there is no such place"


def _has_fragment(notebook: NotebookNode, path: Path, file: str, fragment: str) -> bool:
    import nbformat

    if file and not file.endswith(".ipynb"):
        return True
    other = nbformat.read(path.parent / file, as_version=4) if file else notebook
    if fragment.startswith("cell-id="):
        return fragment.removeprefix("cell-id=") in {cell.get("id") for cell in other.cells}
    return fragment in {heading.replace(" ", "-") for cell in other.cells for heading in headings(cell)}


def _exercises(notebook: NotebookNode, path: Path) -> Iterator[str]:
    exercises = [cell for cell in code_cells(notebook) if exercise_name(cell)]
    if len(exercises) < 3:
        yield f"there are {len(exercises)} exercises; at least 3"
    names = [given for cell in exercises if (given := exercise_name(cell))]
    if len(set(names)) < len(names):
        yield f"two exercises have the same name: {', '.join(names)}"
    for cell in exercises:
        if NOT_DONE not in [text.strip() for text in texts(cell)]:
            yield f"{name(cell)} does not print {NOT_DONE!r}"
    folder = path.parent / "solutions" / path.stem
    solved = {file.stem for file in folder.glob("*.py")}
    if lacking := sorted(set(names) - solved):
        yield f"no solution for {', '.join(lacking)} in solutions/{path.stem}"
    if stray := sorted(solved - set(names)):
        yield f"solutions/{path.stem} solves {', '.join(stray)}, which is no exercise"


def _opening(notebook: NotebookNode, path: Path) -> Iterator[str]:
    first = opening(notebook)
    text = first.source if first else ""
    for wanted, what in OPENING.items():
        if not re.search(wanted, text, flags=re.M):
            yield f"the opening cell lacks {what}"


RULES = (
    _execution,
    _outputs,
    _ignored,
    _code_length,
    _line_width,
    _prose,
    _headings,
    _words_to_avoid,
    _tags,
    _numbers,
    _pictures,
    _links,
    _exercises,
    _opening,
)


def main(arguments: list[str] | None = None) -> int:
    """Print every broken rule of the notebooks; exit code 1 if there is any."""
    found = 0
    for file in sys.argv[1:] if arguments is None else arguments:
        try:
            notebook = read(Path(file))
            broken = [*problems(notebook, Path(file)), *form.problems(notebook, Path(file))]
        except InputError as error:
            broken = [str(error)]
        for sentence in broken or ["keeps the rules"]:
            print(f"{file}: {sentence}", flush=True)
        found += bool(broken)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
