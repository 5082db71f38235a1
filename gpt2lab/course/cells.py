"""Reading the cells of a notebook: their tags, prose, headings, sections, texts and pictures."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from gpt2lab.errors import InputError
from gpt2lab.quiz.places import titles

NAV = "nav"  # tag of the cells that lead to other chapters
QUIZ = "quiz"  # tag of the quiz and of the text above it


def read(path: Path) -> NotebookNode:
    """A notebook in the current format.

    Raises ValueError if the file is missing or is not a notebook.
    """
    try:
        return nbformat.read(path, as_version=4)
    except (OSError, nbformat.reader.NotJSONError, nbformat.ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"Expected a notebook, could not read {path}: {reason}") from error


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def reading_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The code cells that are run while reading: all but the quiz."""
    return [cell for cell in code_cells(notebook) if not is_quiz(cell)]


def tags(cell: NotebookNode) -> list[str]:
    return list(cell.metadata.get("tags", []))


def exercise_name(cell: NotebookNode) -> str | None:
    """NAME of a cell tagged exercise:NAME."""
    names = [tag.split(":", 1)[1] for tag in tags(cell) if tag.startswith("exercise:")]
    return names[0] if names else None


def prose(cell: NotebookNode) -> str:
    """What a reader reads of a markdown cell: without code, formulas, HTML tags and link targets."""
    text = re.sub(r"^```.*?^```", " ", cell.source, flags=re.M | re.S)
    text = re.sub(r"\$\$.*?\$\$|\$[^$\n]+\$|`[^`\n]+`", " x ", text, flags=re.S)
    return re.sub(r"<[^>\n]+>|\]\([^)]*\)", " ", text)


def headings(cell: NotebookNode) -> list[str]:
    """The headings in a markdown cell, without their marks."""
    if cell.cell_type != "markdown":
        return []
    return titles(cell.source)


def is_navigation(cell: NotebookNode) -> bool:
    return NAV in tags(cell)


def is_quiz(cell: NotebookNode) -> bool:
    return QUIZ in tags(cell)


def markdown_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Those that an author writes: all but the navigation and the quiz."""
    markdown = (cell for cell in notebook.cells if cell.cell_type == "markdown")
    return [cell for cell in markdown if not is_navigation(cell) and not is_quiz(cell)]


def opening(notebook: NotebookNode) -> NotebookNode | None:
    """The first cell below the navigation, if it is a markdown cell: title, objectives, minutes."""
    first = next((cell for cell in notebook.cells if not is_navigation(cell)), None)
    return first if first is not None and first.cell_type == "markdown" else None


def passages(notebook: NotebookNode) -> Iterator[tuple[NotebookNode, str, str]]:
    """The text of the markdown cells, cut at the headings of level 1 and 2: (cell, heading of level 2, text)."""
    heading = ""
    for cell in markdown_cells(notebook):
        text = re.sub(r"^```.*?^```", "", cell.source, flags=re.M | re.S)
        before, *parts = re.split(r"^(##?) +(.+?) *$", text, flags=re.M)
        yield cell, heading, before
        for mark, title, below in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
            heading = title if mark == "##" else ""
            yield cell, heading, below


def section(notebook: NotebookNode, heading: str) -> str | None:
    """The text below a heading of level 2, up to the next one of level 1 or 2; None without it."""
    found = [text for _, above, text in passages(notebook) if above == heading]
    return "\n\n".join(found).strip() if found else None


def pictures(cell: NotebookNode) -> list[bytes]:
    """The PNG files stored in a cell's outputs."""
    stored = (output.get("data", {}).get("image/png") for output in cell.get("outputs", []))
    return [base64.b64decode("".join(data)) for data in stored if data]


def is_blank(png: bytes) -> bool:
    """True if a picture shows nothing: one colour, or next to nothing on it."""
    from PIL import Image, ImageChops

    with Image.open(io.BytesIO(png)) as image:
        seen = image.convert("RGBA")
    flat = Image.new("RGB", seen.size)
    flat.paste(seen.convert("RGB"), mask=seen.getchannel("A").point(lambda alpha: 255 * (alpha > 0)))
    n = flat.width * flat.height
    counts = flat.getcolors(n)
    assert counts is not None  # there are no more colours than pixels
    background = max(counts, key=lambda entry: entry[0])[1]
    assert isinstance(background, tuple)
    away = ImageChops.difference(flat, Image.new("RGB", flat.size, background))
    red, green, blue = away.split()
    drawn = ImageChops.lighter(ImageChops.lighter(red, green), blue).histogram()[25:]
    return n < 2500 or sum(drawn) / n < 0.002


def texts(cell: NotebookNode) -> list[str]:
    """The texts among a cell's outputs, each as one string."""
    outputs = cell.get("outputs", [])
    return ["".join(output.get("text", output.get("data", {}).get("text/plain", ""))) for output in outputs]


def text_without_headings(cell: NotebookNode) -> str:
    return re.sub(r"^#{1,6} .*$", "", prose(cell), flags=re.M).strip()


def lines(cell: NotebookNode) -> int:
    return sum(bool(line.strip()) for line in cell.source.splitlines())


def name(cell: NotebookNode) -> str:
    """How an author finds the cell again."""
    number = f"In [{cell.execution_count}]" if cell.get("execution_count") else "the cell"
    first = next((line.strip() for line in cell.source.splitlines() if line.strip()), "")
    return f"{number} `{first[:50]}`"
