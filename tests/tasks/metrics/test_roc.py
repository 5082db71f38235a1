"""A curve by hand, scikit-learn's on random scores, and the area as a probability."""

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from peers import properties
from torch.testing import assert_close

from gpt2lab.errors import InputError
from gpt2lab.tasks.metrics import auc, precision_recall_curve, roc_auc, roc_curve

cases = st.lists(st.tuples(st.integers(0, 1), st.integers(-5, 5).map(lambda n: n / 4)), min_size=2, max_size=40)


def both(pairs):
    truth, scores = (list(column) for column in zip(*pairs, strict=True))
    assume(0 < sum(truth) < len(truth) and len(set(scores)) > 1)
    return truth, scores


def test_by_hand():
    """Thresholds 0.9, 0.8 (a tie of one positive, one negative), 0.3."""
    curve = roc_curve([1, 1, 0, 0], [0.9, 0.8, 0.8, 0.3])
    assert curve.false_positive_rate.tolist() == [0, 0, 0.5, 1]
    assert curve.true_positive_rate.tolist() == [0, 0.5, 1, 1]
    assert curve.thresholds.tolist() == [float("inf"), 0.9, 0.8, 0.3]
    assert roc_auc([1, 1, 0, 0], [0.9, 0.8, 0.8, 0.3]) == pytest.approx(0.875)


@properties
@given(cases)
def test_agrees_with_scikit_learn(sklearn, pairs):
    truth, scores = both(pairs)
    x, y, thresholds = (torch.tensor(column) for column in sklearn.roc_curve(truth, scores, drop_intermediate=False))
    curve = roc_curve(truth, torch.tensor(scores))
    assert_close(curve.false_positive_rate, x, atol=1e-12, rtol=0)
    assert_close(curve.true_positive_rate, y, atol=1e-12, rtol=0)
    assert_close(curve.thresholds, thresholds, atol=0, rtol=0, check_dtype=False)
    assert roc_auc(truth, scores) == pytest.approx(sklearn.roc_auc_score(truth, scores), abs=1e-12)


@properties
@given(cases)
def test_precision_and_recall_agree_with_scikit_learn(sklearn, pairs):
    truth, scores = both(pairs)
    theirs = sklearn.precision_recall_curve(truth, scores)  # rising thresholds, and a last point without one
    ours = precision_recall_curve(truth, scores)
    for mine, their in zip(ours, (theirs[0][:-1], theirs[1][:-1], theirs[2]), strict=True):
        assert_close(mine.flip(0), torch.tensor(their.copy()), atol=1e-12, rtol=0, check_dtype=False)


@properties
@given(cases)
def test_the_area_is_the_chance_that_a_positive_case_scores_higher(pairs):
    truth, scores = both(pairs)
    score, true = torch.tensor(scores, dtype=torch.float64), torch.tensor(truth, dtype=torch.bool)
    gap = score[true][:, None] - score[~true]
    chance = (gap > 0).double().mean() + (gap == 0).double().mean() / 2
    assert roc_auc(truth, scores) == pytest.approx(float(chance), abs=1e-12)


@properties
@given(cases)
def test_only_the_order_counts(pairs):
    truth, scores = both(pairs)
    stretched = torch.tensor(scores, dtype=torch.float64).exp()
    assert roc_auc(truth, stretched) == pytest.approx(roc_auc(truth, scores), abs=1e-12)
    assert roc_auc(truth, -stretched) == pytest.approx(1 - roc_auc(truth, scores), abs=1e-12)


@pytest.mark.parametrize(
    ("truth", "scores", "message"),
    [
        ([1, 0, 1], [0.5, 0.5, 0.5], "all 3 scores are 0.5: there is no order to judge"),
        ([1, 1], [0.1, 0.2], "both classes need cases, got 2 positive and 0 negative"),
        ([0, 0], [0.1, 0.2], "both classes need cases, got 0 positive and 2 negative"),
        ([0, 2], [0.1, 0.2], "truth must be 0 or 1 for each case, got 2"),
        ([0, 1], [0.1], "one entry per case, got 2 and 1"),
        ([0, 1], [0.1, float("nan")], "scores: entry 1 is NaN"),
        ([], [], r"truth must have one number per case, shape \(n,\), got shape \(0,\)"),
        ([0, 1], ["a", "b"], "scores must be a list or a tensor of numbers"),
    ],
)
def test_scores_without_an_order_get_one_sentence(truth, scores, message):
    for curve in (roc_curve, roc_auc, precision_recall_curve):
        with pytest.raises(InputError, match=message) as caught:
            curve(truth, scores)
        assert "\n" not in str(caught.value)


def test_an_area_needs_sorted_points():
    assert auc([0, 1, 3], [1, 1, 3]) == 5
    with pytest.raises(InputError, match="x must not fall"):
        auc([0, 1, 0.5], [0, 1, 1])
    with pytest.raises(InputError, match="at least 2, got 1 and 1"):
        auc([0], [1])
