"""What it takes to trust a check: right answers written differently pass, known mistakes are told apart.

A test module lists both and calls ``bite``::

    RIGHT = {"gelu": [answer, answer, answer]}
    WRONG = {"gelu": [(answer, "part of the message"), …]}
    test_accepts, test_refuses, test_messages_differ = bite(RIGHT, WRONG)

``python tests/helpers/teeth.py`` prints the table over all checks; with the names of checks, what each of
their wrong answers is told.
"""

import functools
import importlib.util
import inspect
import re
import sys
from pathlib import Path
from typing import NamedTuple

import made_up_runs
import pytest

from gpt2lab import check
from gpt2lab.course.teach import mistakes

TESTS = Path(__file__).resolve().parent.parent / "check"
CHECKS = [name for name in check.__all__ if name.islower()]

# What a check says where it does not know the mistake: it shows a number, or says what sort of thing it wants.
GENERAL = re.compile(
    r"Yours is \S+( at index \[[\d, ]*\])?, expected|The result has shape \([\d, ]*\), expected"
    r"|must return a tensor, got|^Return (a|one) (whole )?number[^:]*, got [^:]*\.$|must take \(|returns nothing"
    r"|with [A-Z]\w+: (?!.*put the model together)"
)
OF_OUR_TESTS = ("<lambda>", " stops at `", " in place (as += ")  # messages that name a function or a line of the tests


class Answers(NamedTuple):
    """The answers to one check."""

    right: list
    wrong: list  # pairs of an answer and a part of what it is told

    def told(self, name):
        """The messages of the wrong answers."""
        return [ask(name, answer).message for answer, _ in self.wrong]

    def known(self, name):
        """Those that name the mistake."""
        return [message for message in self.told(name) if not GENERAL.search(without_its_line(message))]


_ANSWERS, _FILES = {}, set()  # what test modules have handed to ``bite``, and their names


@functools.cache
def ask(name, answer):
    """What a check says; where it takes several functions, they come as a tuple. Every check says the same twice."""
    return getattr(check, name)(*(answer if isinstance(answer, tuple) else (answer,)))


def without_its_line(message):
    """A message without the answer's own line, which may hold any words."""
    return re.sub(r"(?<=stops at )`.*?`(?=:| with)", "", message, flags=re.DOTALL)


def bite(right, wrong):
    _FILES.add(Path(inspect.currentframe().f_back.f_globals["__file__"]).name)
    _ANSWERS.update({name: Answers(right[name], wrong[name]) for name in right.keys() | wrong.keys()})
    accepted = [pytest.param(n, f, id=f"{n}-{i}") for n, fs in right.items() for i, f in enumerate(fs)]
    refused = [pytest.param(n, f, m, id=f"{n}-{i}") for n, fs in wrong.items() for i, (f, m) in enumerate(fs)]

    @pytest.mark.parametrize(("name", "answer"), accepted)
    def test_accepts(name, answer):
        result = ask(name, answer)
        assert result.passed, result

    @pytest.mark.parametrize(("name", "answer", "message"), refused)
    def test_refuses(name, answer, message):
        result = ask(name, answer)
        assert result.passed is False, f"{result} (expected: {message})"
        assert message in without_its_line(result.message), result.message
        assert "Traceback" not in result.message
        assert is_handed_on(name, result.message), "run python tests/helpers/known_mistakes.py"

    @pytest.mark.parametrize("name", sorted(right))
    def test_messages_differ(name):
        """Three right answers at least, and no message that would fit two mistakes."""
        assert len(right[name]) >= 3
        assert len(wrong[name]) >= 3
        messages = [message for _, message in wrong[name]]
        assert len(set(messages)) == len(messages)
        results = [ask(name, answer).message for answer, _ in wrong[name]]
        assert len(set(results)) == len(results)

    return test_accepts, test_refuses, test_messages_differ


def is_handed_on(name, message):
    """Whether the teacher's edition has what names a mistake; last digits depend on the processor."""
    if GENERAL.search(without_its_line(message)) or any(map(message.__contains__, OF_OUR_TESTS)):
        return True
    return without_digits(message) in map(without_digits, mistakes.by_check()[name])


def without_digits(message):
    return re.sub(r"\d+", "#", message)


def answers():
    """The right and wrong answers of all test modules, by the name of the check."""
    for path in sorted(TESTS.glob("test_*.py")):
        if path.name not in _FILES and "= bite(RIGHT, WRONG)" in path.read_text(encoding="utf-8"):
            spec = importlib.util.spec_from_file_location(path.stem, path)
            spec.loader.exec_module(importlib.util.module_from_spec(spec))
    return _ANSWERS


def table():
    """One row for each check: right answers, wrong answers told by their own message, wrong answers told in general."""
    rows = []
    for name, given in sorted(answers().items()):
        known = len(given.known(name))
        rows.append((name, len(given.right), known, len(given.wrong) - known))
    return rows


def main(names):
    importlib.import_module("gpt2lab.check.rope_lab").measure = made_up_runs.measure
    for name in names:
        print(f"{name}: {len(answers()[name].right)} right answers pass. Wrong ones are told:")
        for message in answers()[name].told(name):
            print(f"  {'  ' if GENERAL.search(without_its_line(message)) else '* '}{message}")
    if not names:
        rows = table()
        print(f"{'check':22}{'right':>7}{'known mistakes':>16}{'others':>8}")
        for name, *counts in [*rows, ("all", *(sum(column) for column in list(zip(*rows, strict=True))[1:]))]:
            print(f"{name:22}{counts[0]:7}{counts[1]:16}{counts[2]:8}")


if __name__ == "__main__":
    importlib.import_module("teeth").main(sys.argv[1:])  # the one that the tests import
