"""What every check does with the learner's function, whatever it is about."""

import inspect
import linecache
import re
from pathlib import Path

import pytest
import torch

from gpt2lab import check
from gpt2lab.check.base import CheckResult

CHECKS = [name for name in check.__all__ if name.islower()]


def ask(name, function):
    """What a check says of a function; one that takes several gets it in each place."""
    one = getattr(check, name)
    return one(*[function] * len(inspect.signature(one).parameters))


def from_cell(source):
    """Define a function as a notebook does: from text that only linecache knows."""
    name = f"<cell {abs(hash(source))}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    scope = {"torch": torch}
    exec(compile(source, name, "exec"), scope)
    return next(value for key, value in scope.items() if key.startswith("my_"))


@pytest.mark.parametrize("name", CHECKS)
def test_an_untouched_exercise_is_not_done_yet(name):
    def my_function(*arguments, **options): ...

    def my_other(*arguments):
        """With a docstring."""
        return ...

    for function in (my_function, my_other, ..., lambda *arguments: None):
        result = ask(name, function)
        assert repr(result) == "not done yet"
        assert result.passed is None and not result


@pytest.mark.parametrize("name", CHECKS)
def test_a_failing_function_is_one_sentence_with_the_learner_s_line(name):
    function = from_cell("def my_function(*arguments):\n    y = 1\n    return y.shapes\n")
    result = ask(name, function)
    assert result.passed is False
    stage = "Stage 1 of 5, attend: " if name == "by_hand" else ""
    assert repr(result).startswith(
        f"{name}: not right yet. {stage}my_function stops at `return y.shapes` with AttributeError: "
    )
    assert "Traceback" not in repr(result) and "\n" not in repr(result)
    assert "It was called with " in repr(result)


@pytest.mark.parametrize("name", CHECKS)
def test_nonsense_is_refused(name):
    """Neither constants nor echoes nor the wrong type get through, and nothing of ours is raised."""
    for function in (lambda *a: "a", lambda *a: [1, 2], lambda *a: object(), lambda *a: torch.zeros(3), lambda *a: -1.5,
                     lambda *a: a[0], lambda: 0, 5, "text", None):  # fmt: skip
        result = ask(name, function)
        assert isinstance(result, CheckResult) and result.passed is False, (name, function, result)
        assert 10 < len(result.message) < 700


@pytest.mark.parametrize("name", CHECKS)
def test_checks_leave_the_random_numbers_alone_and_say_the_same_twice(name):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    first = ask(name, lambda *a: torch.rand(2, 5, 8))
    torch.testing.assert_close(torch.rand(3), expected, rtol=0, atol=0)
    assert repr(first) == repr(ask(name, lambda *a: torch.rand(2, 5, 8)))


def test_an_exercise_with_one_line_left_open_is_not_done():
    function = from_cell("def my_scores(q, k):\n    scores = ...\n    return scores / 2\n")
    assert repr(check.attention_scores(function)) == "not done yet"
    assert repr(check.attention(lambda q, k, v, mask: (..., ...))) == "not done yet"


def test_a_forgotten_return_is_told_from_an_empty_exercise():
    def my_scores(q, k):
        scores = q @ k.mT  # noqa: F841

    assert "returns nothing. Is its last line a `return`?" in repr(check.attention_scores(my_scores))


def test_the_result_of_a_call_is_not_a_function():
    assert "Hand over the function itself" in repr(check.residual(torch.ones(2)))


def test_a_comma_too_many():
    assert "Is there a comma" in repr(check.residual(lambda x, f: (x + f(x),)))


def test_results_show_as_text_and_as_html():
    good, bad = check.residual(lambda x, f: x + f(x)), CheckResult("x", False, "2 < 3 & <b>\nsecond line")
    assert repr(good) == "residual: passed, 3 trials" and bool(good)
    assert "✓" in good._repr_html_() and "✗" in bad._repr_html_()
    assert "2 &lt; 3 &amp; &lt;b&gt;<br>second line" in bad._repr_html_()
    assert "not done yet" in CheckResult("x", None)._repr_html_()
    assert "<b>…</b>" in CheckResult("x", None)._repr_html_()  # in the page's own colour: legible, light and dark


def test_learners_functions_are_not_type_checked():
    """A learner's wrong shape is answered by the check, not by a type checker."""
    result = check.merge_heads(lambda x: x[0])
    assert "TypeCheck" not in repr(result) and "shape" in repr(result)


def test_the_list_of_names_is_complete():
    for name in CHECKS:
        assert re.search(rf"\b{name}\(fn[,)]", check.__doc__), name


@pytest.mark.parametrize("name", CHECKS)
def test_every_check_has_its_teeth_tested(name):
    files = [path for path in Path(__file__).parent.glob("test_*.py") if path.name != Path(__file__).name]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    assert f'"{name}": [' in text or f"check.{name}(" in text
