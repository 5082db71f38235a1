"""What it takes to trust a check: right answers written differently pass, known mistakes are told apart.

A test module lists both and calls ``bite``::

    RIGHT = {"gelu": [answer, answer, answer]}
    WRONG = {"gelu": [(answer, "part of the message"), …]}
    test_accepts, test_refuses, test_messages_differ = bite(RIGHT, WRONG)
"""

import re

import pytest

from gpt2lab import check


def ask(name, answer):
    """What a check says; where it takes several functions, they come as a tuple."""
    return getattr(check, name)(*(answer if isinstance(answer, tuple) else (answer,)))


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
        quoted = r"(?<=stops at )`.*?`(?=:| with)"  # the answer's own line, which may hold the expected words
        assert message in re.sub(quoted, "", result.message, flags=re.DOTALL), result.message
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
