"""Each term is explained where it first occurs."""

import re
from pathlib import Path

import pytest
from nbformat.v4 import new_markdown_cell, new_notebook

from gpt2lab.course import glossary
from gpt2lab.course.glossary import TERMS, Term
from gpt2lab.course.topics import CHAPTERS

NOTEBOOKS = glossary.chapters(Path(__file__).parents[2] / "chapters")
# Terms that no chapter explains yet. Take a term out when its chapter lands; at the end the set is empty.
OPEN: set[str] = set()


@pytest.mark.parametrize(
    "term",
    [
        pytest.param(term, id=term.name, marks=pytest.mark.xfail(strict=True) if term.name in OPEN else ())
        for term in TERMS.values()
    ],
)
def test_a_term_is_explained_where_it_first_occurs(term):
    assert list(glossary.missing(term, NOTEBOOKS)) == []


def test_the_data():
    assert OPEN <= set(TERMS)
    assert {term.chapter for term in TERMS.values()} <= set(CHAPTERS)
    for term in TERMS.values():
        re.compile(term.pattern)
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", term.name), term.name


TERM = Term("gradient", "01_residuals", "gradients?")
HEAD = new_markdown_cell("# Title\n\nThe gradient is an objective.")


def made(explanation="The **gradient** says how much.", before="Nothing yet.", tag="term:gradient"):
    explained = new_markdown_cell(explanation, metadata={"tags": [tag]})
    return {
        "00_map": new_notebook(cells=[HEAD, new_markdown_cell(f"## The gradient\n\n{before}")]),
        "01_residuals": new_notebook(cells=[HEAD, new_markdown_cell("Text."), explained]),
        "02_layernorm": new_notebook(cells=[HEAD, new_markdown_cell("The gradient again.")]),
    }


def test_a_term_in_its_place():
    assert list(glossary.missing(TERM, made())) == []


@pytest.mark.parametrize(
    ("notebooks", "message"),
    [
        (made(tag="topic:1"), "no cell of 01_residuals carries the tag term:gradient"),
        (made(explanation="The gradient says how much."), "does not show the term in bold"),
        (made(before="It has Gradients."), "00_map uses 'Gradients' before it is explained"),
        ({}, "01_residuals is not written"),
    ],
)
def test_what_is_missing_is_said(notebooks, message):
    (said,) = glossary.missing(TERM, notebooks)
    assert message in said
