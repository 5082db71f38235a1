"""Counts by hand, scikit-learn's figures on random cases, and what has no value."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from peers import properties

from gpt2lab.errors import InputError
from gpt2lab.tasks.metrics import accuracy, confusion_matrix, f1, precision, recall

# 10 true positives, 90 false positives, no false negative, 900 true negatives.
TRUTH = [1] * 10 + [0] * 990
CALLED = [1] * 100 + [0] * 900

classes = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40)


def test_by_hand():
    assert confusion_matrix(TRUTH, CALLED).tolist() == [[900, 90], [0, 10]]
    assert accuracy(TRUTH, CALLED) == pytest.approx(0.91)
    assert precision(TRUTH, CALLED) == pytest.approx(0.1)
    assert recall(TRUTH, CALLED) == 1
    assert f1(TRUTH, CALLED) == pytest.approx(2 / 11)


@properties
@given(classes)
def test_agrees_with_scikit_learn(sklearn, pairs):
    truth, called = (list(column) for column in zip(*pairs, strict=True))
    assert accuracy(truth, called) == pytest.approx(sklearn.accuracy_score(truth, called), abs=1e-6)
    assert (
        confusion_matrix(truth, called, 4).tolist()
        == sklearn.confusion_matrix(truth, called, labels=[0, 1, 2, 3]).tolist()
    )
    for ours, theirs in (
        (precision, sklearn.precision_score), (recall, sklearn.recall_score), (f1, sklearn.f1_score),
    ):  # fmt: skip
        for positive in range(4):
            value = theirs(truth, called, labels=[positive], average=None, zero_division=float("nan"))[0]
            if value != value:
                with pytest.raises(InputError, match="is undefined: no case"):
                    ours(truth, called, positive)
            else:
                assert ours(torch.tensor(truth), torch.tensor(called), positive) == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], []), "truth is empty"),
        (([0, 1], [0]), "one entry per case, got 2 and 1"),
        (([[0, 1]], [[0, 1]]), r"shape \(n,\), got shape \(1, 2\)"),
        (([0, 1], [0.2, 0.8]), "predicted must be class numbers, got torch.float32: choose the class first"),
        (([0, -1], [0, 1]), "class numbers start at 0, got -1"),
        ((["a", "b"], [0, 1]), "truth must be a list or a tensor of class numbers"),
        (([0, 3], [0, 1], 3), r"classes must lie in \[0, 3\), got 3"),
        (([0, 1], [0, 1], 0), "n_classes must be a whole number of at least 1"),
    ],
)
def test_bad_cases_get_one_sentence(arguments, message):
    with pytest.raises(InputError, match=message) as caught:
        confusion_matrix(*arguments)
    assert "\n" not in str(caught.value)


def test_a_class_without_cases_has_no_recall():
    with pytest.raises(InputError, match="recall is undefined: no case belongs to class 1"):
        recall([0, 0], [0, 1])
    with pytest.raises(InputError, match="precision is undefined: no case was predicted as class 1"):
        precision([0, 1], [0, 0])
    with pytest.raises(InputError, match="F1 is undefined"):
        f1([0, 0], [0, 0])
    assert f1([0, 1], [0, 0]) == 0
