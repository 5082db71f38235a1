"""What it takes to trust a check: right answers written differently pass, known mistakes are told apart.

A test module lists both and calls ``bite``::

    RIGHT = {"gelu": [answer, answer, answer]}
    WRONG = {"gelu": [(answer, "part of the message"), …]}
    test_accepts, test_refuses, test_messages_differ = bite(RIGHT, WRONG)

``python tests/helpers/teeth.py`` prints the table over all checks; with the names of checks, what each of
their wrong answers is told.
"""

import functools
import importlib
import re
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from gpt2lab import check

TESTS = Path(__file__).resolve().parent.parent / "check"
CHECKS = [name for name in check.__all__ if name.islower()]

# What a check says where it does not know the mistake: it shows a number, or says what sort of thing it wants.
GENERAL = re.compile(
    r"Yours is \S+( at index \[[\d, ]*\])?, expected|^The result has shape [^:]*\(.*expected|must return a tensor, got"
    r"|values that are NaN|^Return (a|one) (whole )?number[^:]*, got [^:]*\.$|must take \(|returns nothing"
    r"|with [A-Z]\w+: (?!.*put the model together)|\(and the message says so\)"
)


@functools.cache
def ask(name, answer):
    """What a check says; where it takes several functions, they come as a tuple. Every check says the same twice."""
    return getattr(check, name)(*(answer if isinstance(answer, tuple) else (answer,)))


def without_its_line(message):
    """A message without the answer's own line, which may hold any words."""
    return re.sub(r"(?<=stops at )`.*?`(?=:| with)", "", message, flags=re.DOTALL)


def bite(right, wrong):
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


@functools.cache
def answers():
    """The right and wrong answers of all test modules, by the name of the check."""
    if str(TESTS) not in sys.path:
        sys.path.insert(0, str(TESTS))
    found = {}
    for path in sorted(TESTS.glob("test_*.py")):
        if "= bite(RIGHT, WRONG)" in path.read_text(encoding="utf-8"):
            module = importlib.import_module(path.stem)
            for name in module.RIGHT.keys() | module.WRONG.keys():
                assert name not in found, f"{name} is tested in two modules"
                found[name] = Answers(module.RIGHT[name], module.WRONG[name])
    return found


def table():
    """One row for each check: right answers, wrong answers told by their own message, wrong answers told in general."""
    rows = []
    for name, given in sorted(answers().items()):
        known = len(given.known(name))
        rows.append((name, len(given.right), known, len(given.wrong) - known))
    return rows


def main(names):
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
    main(sys.argv[1:])
