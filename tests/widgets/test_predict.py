"""Predict: a choice, a comparison that also works without one, and an answer that is never lost."""

from types import SimpleNamespace

import pytest

from gpt2lab.course.copies import WIDGET_VIEW
from gpt2lab.widgets import Predict, predict

QUESTION, OPTIONS = "How tall is it?", ["1 m", "10 m", "100 m"]


@pytest.fixture(autouse=True)
def nobody_has_answered():
    predict._answers.clear()


def buttons(guess):
    return guess.children[1]


def test_unanswered():
    result = Predict(QUESTION, OPTIONS).compare("10 m")
    assert repr(result) == "Measured: 10 m."  # a stored notebook does not scold its reader
    assert result.correct is None


@pytest.mark.parametrize(
    ("choice", "text", "correct"),
    [
        ("10 m", "Measured: 10 m. As you predicted.", True),
        ("1 m", 'Measured: 10 m. You predicted "1 m".', False),
    ],
)
def test_answered_by_a_button(choice, text, correct):
    guess = Predict(QUESTION, OPTIONS)
    buttons(guess).value = choice
    result = guess.compare("10 m")
    assert repr(result) == text and result.correct is correct
    assert guess.choice == choice  # comparing does not change the answer


def test_the_answer_survives_running_the_cell_again():
    Predict(QUESTION, OPTIONS).choice = "1 m"
    again = Predict(QUESTION, OPTIONS)
    assert again.choice == "1 m" and buttons(again).value == "1 m"
    assert Predict("Another question?", OPTIONS).choice is None


def test_before_a_choice_the_panel_says_nothing_of_what_was_measured():
    guess = Predict(QUESTION, OPTIONS)
    result = guess.compare("10 m")  # as after Run All
    assert guess.children[2].value == ""
    below = result._repr_mimebundle_()
    assert below["text/plain"] == "Measured: 10 m."
    assert below[WIDGET_VIEW]["model_id"] == result.line.model_id
    assert "<details>" in result.line.value and "open>" not in result.line.value
    buttons(guess).value = "1 m"  # compared at once, in both places
    for line in (guess.children[2], result.line):
        assert "You predicted &quot;1 m&quot;." in line.value and "<details>" not in line.value
    buttons(guess).value = "10 m"
    assert "As you predicted." in guess.children[2].value and "As you predicted." in result.line.value
    guess.choice = None
    assert guess.children[2].value == "" and "<details>" in result.line.value


def test_a_choice_names_the_cell_that_compares(monkeypatch):
    guess = Predict(QUESTION, OPTIONS)
    monkeypatch.setattr(predict, "get_ipython", lambda: SimpleNamespace(user_ns={"_": guess, "x": 1, "height": guess}))
    buttons(guess).value = "1 m"
    assert "The cell with height.compare(…) compares it" in guess.children[2].value
    monkeypatch.setattr(predict, "get_ipython", lambda: None)
    buttons(guess).value = "10 m"
    assert "A cell below compares it" in guess.children[2].value


def test_an_answer_of_an_earlier_run_is_compared_as_before():
    Predict(QUESTION, OPTIONS).choice = "1 m"
    guess = Predict(QUESTION, OPTIONS)
    assert "<details>" not in guess.compare("10 m").line.value
    assert "You predicted" in guess.children[2].value


def test_a_refused_choice_keeps_the_answer():
    guess = Predict(QUESTION, OPTIONS)
    guess.choice = "1 m"
    with pytest.raises(ValueError, match="^choice must be one of '1 m', '10 m', '100 m', or None; got '2 m'$"):
        guess.choice = "2 m"
    assert guess.choice == "1 m"
    guess.choice = None
    assert Predict(QUESTION, OPTIONS).choice is None


def test_a_measurement_that_is_no_option_is_said():
    guess = Predict(QUESTION, OPTIONS)
    guess.choice = "1 m"
    result = guess.compare("11 m")
    assert repr(result) == 'Measured: 11 m; none of the options fits. You predicted "1 m".'
    assert result.option is None and result.correct is None


@pytest.mark.parametrize("options", [[], ["one"], ["same", "same"]])
def test_a_question_needs_two_options(options):
    with pytest.raises(ValueError, match="at least two different options"):
        Predict(QUESTION, options)


def test_without_a_kernel_the_question_and_its_options_can_be_read():
    bundle = Predict(QUESTION, OPTIONS)._repr_mimebundle_()
    assert bundle["text/plain"] == "Predict: How tall is it?\n( ) 1 m\n( ) 10 m\n( ) 100 m"


def test_markup_in_a_question_is_text():
    assert "<script>" not in Predict("<script>?", OPTIONS).children[0].value
