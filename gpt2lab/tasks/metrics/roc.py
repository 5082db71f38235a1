r"""Judging scores before a threshold is chosen: the ROC curve and the area below it.

For every threshold, cases with at least that score are called positive:

    true positive rate  = TP / positives  (recall)
    false positive rate = FP / negatives

The area under the curve is the probability that a positive case drawn at random scores higher than a
negative one (ties count half). Source: Hanley and McNeil 1982, "The meaning and use of the area under a
receiver operating characteristic (ROC) curve".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gpt2lab.errors import InputError, validates

Numbers = Tensor | Sequence[float]


class RocCurve(NamedTuple):
    """One point per threshold, from (0, 0) to (1, 1)."""

    false_positive_rate: Tensor  # (n,)
    true_positive_rate: Tensor  # (n,)
    thresholds: Tensor  # (n,), falling; the first is infinite: nothing is called positive


class PrecisionRecallCurve(NamedTuple):
    """One point per threshold, as it falls."""

    precision: Tensor  # (n,)
    recall: Tensor  # (n,), rising
    thresholds: Tensor  # (n,), falling


@validates
def roc_curve(truth: Numbers, scores: Numbers) -> RocCurve:
    """The rates at every threshold at which they change.

    Parameters
    ----------
    truth : (n,)
        1 or True for positive cases, 0 or False for negative ones.
    scores : (n,)
        Higher means more positive: probabilities, logits or anything that can be ordered.

    Raises
    ------
    InputError
        If one of the classes has no case, all scores are equal, or a score is not a number.
    """
    hits, alarms, thresholds = _totals(truth, scores)
    start = hits.new_zeros(1)
    return RocCurve(
        torch.cat([start, alarms / alarms[-1]]),
        torch.cat([start, hits / hits[-1]]),
        torch.cat([start + torch.inf, thresholds]),
    )


@validates
def precision_recall_curve(truth: Numbers, scores: Numbers) -> PrecisionRecallCurve:
    """Precision and recall at every threshold; arguments and errors as for ``roc_curve``."""
    hits, alarms, thresholds = _totals(truth, scores)
    return PrecisionRecallCurve(hits / (hits + alarms), hits / hits[-1], thresholds)


@validates
def auc(x: Numbers, y: Numbers) -> float:
    """The area below a curve of straight pieces; x must not fall.

    Raises
    ------
    InputError
        If there are fewer than two points, x and y differ in length, or x falls somewhere.
    """
    across, up = _numbers("x", x), _numbers("y", y)
    if len(across) != len(up) or len(across) < 2:
        raise InputError(f"x and y need the same number of points, at least 2, got {len(across)} and {len(up)}")
    width = across.diff()
    if (width < 0).any():
        raise InputError("x must not fall: sort the points first")
    return float((width * (up[1:] + up[:-1]) / 2).sum())


@validates
def roc_auc(truth: Numbers, scores: Numbers) -> float:
    """The area under the ROC curve: 0.5 for scores that say nothing, 1 for a perfect order."""
    curve = roc_curve(truth, scores)
    return auc(curve.false_positive_rate, curve.true_positive_rate)


def _totals(truth: object, scores: object) -> tuple[Tensor, Tensor, Tensor]:
    """True and false positives at each threshold, float64, and the thresholds, highest first."""
    true, score = _numbers("truth", truth), _numbers("scores", scores)
    if len(true) != len(score):
        raise InputError(f"truth and scores must have one entry per case, got {len(true)} and {len(score)}")
    wrong = true[(true != 0) & (true != 1)]
    if len(wrong):
        raise InputError(f"truth must be 0 or 1 for each case, got {wrong[0].item():g}")
    positives = int(true.sum())
    if not 0 < positives < len(true):
        raise InputError(f"both classes need cases, got {positives} positive and {len(true) - positives} negative ones")
    if score.max() == score.min():
        raise InputError(f"all {len(score)} scores are {score[0].item():g}: there is no order to judge")
    ordered, order = score.sort(descending=True, stable=True)
    last = torch.cat([ordered.diff() != 0, torch.ones(1, dtype=torch.bool)])  # of each group of equal scores
    hits = true[order].cumsum(0)[last]
    return hits, (1 - true[order]).cumsum(0)[last], ordered[last]


def _numbers(name: str, values: object) -> Tensor:
    """Numbers as a tensor (n,), float64 on the CPU."""
    try:
        tensor = torch.as_tensor(values, dtype=torch.float64, device="cpu").detach()
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{name} must be a list or a tensor of numbers ({error})") from error
    if tensor.ndim != 1 or not len(tensor):
        raise InputError(f"{name} must have one number per case, shape (n,), got shape {tuple(tensor.shape)}")
    if tensor.isnan().any():
        raise InputError(f"{name}: entry {int(tensor.isnan().nonzero()[0])} is NaN")
    return tensor
