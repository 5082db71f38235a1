"""The threshold panel: its counts are those of the metrics, its marker lies on the curve."""

import pytest
import torch

from gpt2lab.errors import InputError
from gpt2lab.tasks.metrics import accuracy, f1, precision, recall
from gpt2lab.widgets import ThresholdPanel


@pytest.mark.parametrize("called", [1, 7, 30, 60])
def test_its_numbers_are_those_of_the_metrics(called):
    panel = ThresholdPanel(called=called)
    truth = panel.truth.long()
    predicted = (panel.scores >= panel.threshold).long()
    assert int(predicted.sum()) == called
    result = panel.result
    assert result.precision == pytest.approx(precision(truth, predicted))
    assert result.recall == pytest.approx(recall(truth, predicted))
    assert result.f1 == pytest.approx(f1(truth, predicted))
    assert result.accuracy == pytest.approx(accuracy(truth, predicted))


def test_every_setting_is_a_point_of_the_curve():
    panel = ThresholdPanel()
    points = set(zip(panel.curve.false_positive_rate.tolist(), panel.curve.true_positive_rate.tolist(), strict=True))
    for called in range(61):
        panel.called = called
        assert (panel.result.fp / 40, panel.result.recall) in points


def test_equal_scores_go_together():
    panel = ThresholdPanel([1.0, 2.0], [1.0, 0.0], called=2)
    assert (panel.result.tp, panel.result.fp) == (2, 1)


def test_nothing_called_has_no_precision():
    panel = ThresholdPanel(called=0)
    assert repr(panel.result) == (
        "0 hits, 0 false alarms, 20 missed: precision undefined, recall 0.00, F1 0.00, accuracy 0.67"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0], None), "needs the scores of both kinds of cases, or none"),
        (([1.0], []), "both classes need cases, got 1 positive and 0 negative"),
        (([1.0], [1.0]), "all 2 scores are 1: there is no order to judge"),
        (([1.0], [float("nan")]), "scores: entry 1 is NaN"),
        (([1.0], [2.0], "ab"), "names must be two strings, got 'ab'"),
    ],
)
def test_scores_without_an_order_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        ThresholdPanel(*arguments)


def test_a_tensor_with_a_gradient_will_do():
    assert ThresholdPanel(torch.ones(3, requires_grad=True), torch.zeros(3), called=3).result.f1 == 1
