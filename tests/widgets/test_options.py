"""Which option a measured value fits: values, intervals, functions, and what authors get wrong."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from gpt2lab.errors import InputError
from gpt2lab.widgets import Predict

THIRDS = {"next to nothing": (0, 0.1), "about a third": (0.25, 0.45), "more than half": (0.5, 1)}
MIXED = {"two": 2, "a third": 1 / 3, "nothing": 0.0, "yes": True, "the noun": "robot", "many": (10, None)}
NARROW = {"grows": lambda value: value > 1.05, "shrinks": lambda value: value < 0.95}


def option(options, measured, **more):
    return Predict("How much?", options, **more).compare(measured).option


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        (0.31, "about a third"),
        (0, "next to nothing"),
        (0.1, None),  # half-open: the upper end belongs to the next interval, if there is one
        (0.25, "about a third"),
        (0.45, None),
        (1, "more than half"),  # the highest interval includes its upper end
        (1.0001, None),
        (-0.1, None),
        (math.nan, None),
        (True, None),  # not the number 1
        ("about a third", None),
    ],
)
def test_intervals(measured, expected):
    assert option(THIRDS, measured) == expected


def test_neighbours_share_no_value():
    assert option({"low": (None, 1), "middle": (1, 2), "high": (2, None)}, 1.0) == "middle"
    assert option({"low": (None, 1), "middle": (1, 2), "high": (2, None)}, math.inf) == "high"


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        (2, "two"),
        (2.01, "two"),  # 1 % is the tolerance for floats
        (2.03, None),
        (0.3329, "a third"),
        (0.34, None),
        (Fraction(1, 3), "a third"),
        (3e-8, "nothing"),
        (1e-3, None),
        (True, "yes"),
        (False, None),
        (1, None),
        ("robot", "the noun"),
        (10, "many"),
        ([1, 2], None),
        (None, None),
    ],
)
def test_values(measured, expected):
    assert option(MIXED, measured) == expected


def test_whole_numbers_are_compared_exactly():
    assert option({"100": 100, "101": 101}, 101) == "101"
    assert option([100, 101], 101) == "101"
    assert option([100, 200], 101.5) is None
    assert option([100, 200], 101.5, tolerance=0.02) == "100"


def test_functions():
    assert option(NARROW, 1.2) == "grows"
    assert option(NARROW, 1.0) is None
    assert option({"one": lambda words: len(words) == 1, "two": lambda words: len(words) == 2}, ["a", "b"]) == "two"
    assert option({"up": lambda x: (x > 0).all(), "down": lambda x: (x < 0).all()}, torch.ones(3)) == "up"


@pytest.mark.parametrize(
    "measured",
    [torch.tensor(0.31), torch.tensor([[0.31]]), np.float32(0.31), np.array(0.31), torch.tensor(0.31).double()],
)
def test_one_number_in_a_tensor_or_array(measured):
    assert repr(Predict("How much?", THIRDS).compare(measured)) == 'Measured: 0.31, that is "about a third".'


@pytest.mark.parametrize("measured", [np.bool_(True), torch.tensor(True), torch.tensor(2) == 2])
def test_one_truth_in_a_tensor_or_array(measured):
    assert option({"yes": True, "no": False}, measured) == "yes"


def test_a_tensor_that_needs_gradients():
    assert option(THIRDS, torch.tensor(0.3, requires_grad=True)) == "about a third"


def test_several_numbers_are_refused():
    with pytest.raises(InputError, match=r"compare needs one value, got a Tensor of shape \(2, 3\); take one number"):
        option(THIRDS, torch.ones(2, 3))
    with pytest.raises(InputError, match=r"a ndarray of shape \(0,\)"):
        option(THIRDS, np.array([]))


@pytest.mark.parametrize(
    ("measured", "text"),
    [
        (0.123456, "0.1235"),
        (123456.7, "123,500"),
        (1234.56, "1235"),
        (50257, "50,257"),
        (-0.00001234, "-1.234e-05"),
        (1.2e30, "1.2e+30"),
        (math.inf, "inf"),
        (math.nan, "nan"),
        (True, "True"),
        ([1, 2], "[1, 2]"),
        ("x" * 3, "xxx"),
    ],
)
def test_measured_values_have_few_digits(measured, text):
    never = {"a": lambda value: False, "b": lambda value: False}
    assert repr(Predict("?", never).compare(measured)) == f"Measured: {text}; none of the options fits."


def test_two_options_that_fit_are_the_author_s_mistake():
    overlapping = {"some": (0, 2), "more": (1, 3)}
    assert option(overlapping, 0.5) == "some"
    with pytest.raises(InputError, match="^The options 'some', 'more' both fit 1.5: change their rules"):
        option(overlapping, 1.5)


def test_a_function_that_fails_is_named():
    with pytest.raises(InputError, match=r"rule of option 'long' fails on 3 \(TypeError: .*len"):
        option({"long": lambda value: len(value) > 3, "short": lambda value: False}, 3)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ((1, 1), r"interval of option 'b' must be \(low, high\) with low < high, got \(1, 1\)"),
        ((2, 1), "low < high"),
        ((1, 2, 3), r"must be a value, an interval \(low, high\) or a function, got \(1, 2, 3\)"),
        (("1", "2"), "must be a value, an interval"),
        (None, "got None"),
        ([1, 2], r"got \[1, 2\]"),
    ],
)
def test_rules_without_meaning(rule, message):
    with pytest.raises(InputError, match=message):
        Predict("?", {"a": 1, "b": rule})


@pytest.mark.parametrize("tolerance", [-1, 1, "0.1", True, None])
def test_tolerances_without_meaning(tolerance):
    with pytest.raises(InputError, match="tolerance must be a number from 0 to below 1"):
        Predict("?", {"a": 1, "b": 2}, tolerance=tolerance)


def test_labels_alone_may_be_numbers():
    assert option(["1", "3"], 3) == "3"
    assert option([1, 3], np.int64(3)) == "3"
    assert option(["True", "False"], True) == "True"
