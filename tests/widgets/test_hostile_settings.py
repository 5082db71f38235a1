"""What no setting may do: a traceback, a change of type, a loss. Every panel, every setting, every kind of value."""

import math

import numpy as np
import pytest
import torch

from gpt2lab import widgets
from gpt2lab.errors import InputError
from gpt2lab.widgets.traits import Choice, Number, Switch, Whole, Words

PANELS = [name for name in widgets.__all__ if name not in ("Panel", "Predict", "Quiz")]  # those have tests of their own


class Unprintable:
    """An object of a learner whose repr fails."""

    def __repr__(self):
        raise RuntimeError("no repr")


NO_VALUE = [
    None,
    b"abc",
    [1],
    1j,
    np.array([1, 2]),
    np.array(["a", "b"]),
    torch.tensor(1.0),
    torch.ones(2),
    Unprintable(),
]
NO_TEXT = [*NO_VALUE, 7, True, math.nan, ""]
NO_NUMBER = [*NO_VALUE, math.nan, math.inf, -math.inf, np.float32("nan"), np.float64("inf"), np.bool_(True), True]
NO_NUMBER += ["3", "\ud800", "x" * 100_000, 10**400, -(10**5000), np.int64(10**15)]
BAD = {
    Whole: [*NO_NUMBER, 1.5, np.float32(1)],
    Number: NO_NUMBER,
    Choice: [*NO_VALUE, math.nan, True, 10**5000, "\ud800", "\0", "x" * 100_000],
    Switch: [*NO_VALUE, math.nan, 0, 1, np.int64(1), 10**5000, "True", "\ud800"],
    Words: [*NO_TEXT, "x" * 100_000, "\ud800" * 100_000],
}


@pytest.fixture(scope="module", params=PANELS)
def panel(request):
    return getattr(widgets, request.param)()


def state(panel):
    return panel.settings(), panel.png, repr(panel.result), panel.redraws


def traits(panel, kind=object):
    return {name: panel._trait(name) for name in panel.setting_names() if isinstance(panel._trait(name), kind)}


def test_a_bad_value_is_one_sentence_and_nothing_is_lost(panel):
    for name, trait in traits(panel).items():
        for value in BAD[type(trait)]:
            before = state(panel)
            with pytest.raises(InputError, match=f"^{name} must ") as refused:
                setattr(panel, name, value)
            sentence = str(refused.value)
            assert "\n" not in sentence and len(sentence.split(", got ")[-1]) <= 80, sentence[:500]
            assert state(panel) == before


def test_typed_by_hand_it_is_a_sentence_in_the_panel(panel):
    for name in traits(panel, Words):
        before = state(panel)
        for text in ("", "x" * 100_000):
            panel.control(name).value = text
            assert panel.message.startswith(f"{name} must ") and len(panel.message) < 200
            assert state(panel) == before
        panel.control(name).value = getattr(panel, name)


def test_numpys_values_become_pythons(panel):
    as_numpy = {Whole: np.int64, Number: np.float64, Choice: np.str_, Switch: np.bool_, Words: np.str_}
    for name, trait in traits(panel).items():
        value = getattr(panel, name)
        setattr(panel, name, as_numpy[type(trait)](value))
        assert type(getattr(panel, name)) is type(value) and getattr(panel, name) == value


def test_an_error_that_cannot_be_printed_is_still_a_sentence(monkeypatch):
    class Silent(Exception):
        def __str__(self):
            raise RuntimeError("no text")

    def broken(self):
        raise Silent

    panel = widgets.SizesPanel()
    monkeypatch.setattr(type(panel), "measure", broken)
    panel.control("shares").value = True
    assert panel.message == "The model could not be run: Silent: "
