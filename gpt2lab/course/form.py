"""The form of a chapter in the second edition: its parts, its length, its predictions, the place of its quiz.

``problems`` returns each broken rule as one sentence. The rules for single cells are in ``hygiene``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from nbformat import NotebookNode

from gpt2lab.course import cells, minutes, navigation, quizzes
from gpt2lab.course.cells import code_cells, name, section, texts

MOST_CODE_CELLS, MOST_MINUTES = 40, 60
MOST_REBUTTALS = 2  # in the body, for mistakes that a learner would make alone
CLASS_MINUTES = 45
SENTENCES, QUESTIONS = 5, 3
LEAST_WORDS = 25  # of the paragraph on GPT-2
SPOILING_WORDS = 3  # an answer of this many words above its question is not there by accident

GPT2, EXERCISES, SUMMARY = "What GPT-2 does", "Exercises", "Summary"
CLAIMS, DISCUSS, CLASS = "Wrong claims you may meet", "Questions to discuss", "In a class: 45 minutes"
HEADINGS = (GPT2, EXERCISES, SUMMARY, CLAIMS, DISCUSS, CLASS)
WITHOUT = {"primer": {GPT2}}  # chapters that have no such part

REBUTTAL = re.compile(
    r"\b(?:you (?:will|may|might) (?:have )?(?:read|hear|heard|meet|see it (?:said|written))"
    r"|it is often (?:said|claimed)"
    r"|(?:many|some|other) (?:texts|sources|tutorials|articles|people|blogs) (?:say|claim|write|call)"
    r"|contrary to what|is (?:often|sometimes|commonly) (?:said|claimed|described|called))\b",
    flags=re.I,
)
NEVER = re.compile(r"\byou will read\b", flags=re.I)
ITEM = re.compile(r"^ {0,1}(?:\d+[.)]|[-*+]) +", flags=re.M)


def problems(notebook: NotebookNode, path: Path) -> list[str]:
    """Each broken rule as one sentence; empty if there is none."""
    return [sentence for rule in RULES for sentence in rule(notebook, path)]


def _length(notebook: NotebookNode, path: Path) -> Iterator[str]:
    if (count := len(cells.reading_cells(notebook))) > MOST_CODE_CELLS:
        yield f"there are {count} code cells; at most {MOST_CODE_CELLS}"
    taken, stated = minutes.minutes(notebook), minutes.stated(notebook)
    if taken > MOST_MINUTES:
        yield f"it takes {minutes.account(notebook)}; at most {MOST_MINUTES} minutes"
    if stated is None:
        yield 'the opening cell lacks the marker "Minutes: 0"'
    elif stated != taken:
        yield f"the opening cell says {stated} minutes, the rule {taken}: run `notebooks finish {path.name}`"


def _navigation(notebook: NotebookNode, path: Path) -> Iterator[str]:
    if sentence := navigation.problem(notebook, path):
        yield sentence


def _headings(notebook: NotebookNode, path: Path) -> Iterator[str]:
    found = [heading for cell in cells.markdown_cells(notebook) for heading in cells.headings(cell)]
    for heading in HEADINGS:
        if heading in WITHOUT.get(path.stem, ()):
            continue
        if section(notebook, heading) is None:
            yield f"there is no part `## {heading}`"
        elif found.count(heading) > 1:
            yield f"there are {found.count(heading)} headings {heading!r}"


def _parts(notebook: NotebookNode, path: Path) -> Iterator[str]:
    if (text := section(notebook, SUMMARY)) is not None and (count := len(sentences(text))) != SENTENCES:
        yield f"the summary has {count} sentences, expected {SENTENCES}"
    if (text := section(notebook, DISCUSS)) is not None and (count := len(ITEM.findall(text))) != QUESTIONS:
        yield f"there are {count} questions to discuss, expected a list of {QUESTIONS}"
    if (text := section(notebook, CLASS)) is not None:
        items = [line for line in text.splitlines() if ITEM.match(line)]
        planned = sum(int(found) for line in items for found in re.findall(r"\b(\d+) min", line)[:1])
        if planned != CLASS_MINUTES:
            yield f"the steps for a class sum to {planned} minutes, expected {CLASS_MINUTES}: `- 10 min: …`"
    if (text := section(notebook, CLAIMS)) is not None and not ITEM.search(text):
        yield "the wrong claims are no list: one item for each, with its kind of source and the verdict"
    if (text := section(notebook, GPT2)) is not None and len(re.findall(r"\w+", text)) < LEAST_WORDS:
        yield f"the part on GPT-2 has fewer than {LEAST_WORDS} words"


def _quiz(notebook: NotebookNode, path: Path) -> Iterator[str]:
    if (sentence := quizzes.problem(notebook, path.stem)) is not None:
        yield f"{sentence}: run `python -m gpt2lab.course.quizzes {path.name}`"


def _rebuttals(notebook: NotebookNode, path: Path) -> Iterator[str]:
    body = [(cell, text) for cell, heading, text in cells.passages(notebook) if heading != CLAIMS]
    found = [(cell, match[0]) for cell, text in body for match in REBUTTAL.finditer(text)]
    for cell, words in found:
        if NEVER.search(words):
            yield f"{name(cell)} says {words!r}: it belongs below `## {CLAIMS}`"
    if len(found) > MOST_REBUTTALS:
        where = "; ".join(f"{name(cell)}: {words!r}" for cell, words in found)
        yield f"there are {len(found)} rebuttals in the body, at most {MOST_REBUTTALS} ({where})"


def _predictions(notebook: NotebookNode, path: Path) -> Iterator[str]:
    asked: set[str] = set()
    for cell in code_cells(notebook):
        source = cell.source
        for question in re.findall(r"Predict\(\s*(f?[\"'].*?[\"'])\s*,", source, flags=re.S):
            if question in asked:
                yield f"{name(cell)} asks {question} a second time; answers are filed by their question"
            asked.add(question)
        if "Predict(" in source and ".compare(" in source:
            yield f"{name(cell)} asks and answers in one cell"
        if re.search(r"\.compare\([^\n]*\bif\b[^\n]*\belse\b", source):
            yield f"{name(cell)} chooses an option by hand: give the options their values, intervals or functions"
        for text in texts(cell):
            if text.startswith("Predict:") and "(•)" in text:
                yield f"{name(cell)} stores an answer that somebody chose"
            if "none of the options fits" in text or "You made no prediction" in text or "ou predicted" in text:
                yield f"{name(cell)} stores {text.splitlines()[-1][:80]!r}"


def _spoilers(notebook: NotebookNode, path: Path) -> Iterator[str]:
    """Answers, of several words, that stand word for word above their question."""
    above, asked = "", dict[str, tuple[NotebookNode, str]]()
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            above += f" {cell.source.lower()}"
            continue
        for variable in re.findall(r"^(\w+) *= *Predict\(", cell.source, flags=re.M):
            asked[variable] = (cell, above)
        for variable in re.findall(r"\b(\w+)\.compare\(", cell.source):
            answer = re.search(r'that is "(.+)"', "\n".join(texts(cell)))
            if variable in asked and answer and len(answer[1].split()) >= SPOILING_WORDS:
                question, before = asked[variable]
                if answer[1].lower() in before:
                    yield f"{name(question)}: its answer {answer[1]!r} stands in the text above it"


def sentences(text: str) -> list[str]:
    """The sentences of a markdown text; list marks, formulas and code do not count as sentences."""
    text = re.sub(r"\$\$.*?\$\$|\$[^$\n]+\$|`[^`\n]+`", "x", text, flags=re.S)
    text = re.sub(r"\b(?:e\.g|i\.e|vs|cf|et al|approx|Fig|No)\.", "x", ITEM.sub("", text))
    text = re.sub(r"(?<=[.!?…])[*_)\]\"”’]+", "", text)
    return [part for part in re.split(r"(?<=[.!?…])\s+", text) if re.search(r"\w", part)]


RULES = (_length, _navigation, _headings, _parts, _quiz, _rebuttals, _predictions, _spoilers)
