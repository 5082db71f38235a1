"""Checks for metrics: F1 from counts, the area under the ROC curve from pairs, BLEU's clipped precision."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch

from gpt2lab.check.base import Answer, CheckResult, Wrong, as_number
from gpt2lab.check.learner import Learner, examine
from gpt2lab.errors import validates
from gpt2lab.tasks.metrics.bleu import ngrams


@validates
def f1(function: Answer) -> CheckResult:
    """``my_f1(tp, fp, fn)`` -> number: F1 from true positives, false positives and false negatives."""
    return examine("f1", function, "tp fp fn", _f1, _f1_without_hits)


def _f1(learner: Learner) -> None:
    for tp, fp, fn in ((30, 10, 50), (10, 90, 0), (7, 7, 7)):
        precision, recall = tp / (tp + fp), tp / (tp + fn)
        _compare(
            as_number(learner(tp, fp, fn)),
            2 * tp / (2 * tp + fp + fn),
            {
                "That is the plain mean of precision and recall. F1 is the harmonic mean, which stays near the smaller of the two.": (
                    precision + recall
                )
                / 2,
                "That is the precision. Where is the recall?": precision,
                "That is the recall. Where is the precision?": recall,
                "That is tp / (tp + fp + fn), the Jaccard index: in F1 each hit counts twice, above and below.": tp
                / (tp + fp + fn),
                "That is the geometric mean. F1 is the harmonic mean.": (precision * recall) ** 0.5,
                "Half of F1: the harmonic mean of two numbers is *two* times their product over their sum.": tp
                / (2 * tp + fp + fn),
                "That is precision times recall. Their harmonic mean is twice that, over their sum.": precision
                * recall,
                "The hits count twice above the line, but once below it: 2 tp below as well.": 2 * tp / (tp + fp + fn),
                "In percent? F1 lies between 0 and 1.": 200 * tp / (2 * tp + fp + fn),
            },
            f"Not right for tp={tp}, fp={fp}, fn={fn}: precision is {precision:.3g}, recall {recall:.3g}.",
        )


def _f1_without_hits(learner: Learner) -> None:
    try:
        value = as_number(learner(0, 5, 5))
    except Wrong as wrong:
        if "ZeroDivisionError" in str(wrong):
            raise Wrong(
                "Right with hits. Without a single hit it divides by zero, although F1 is 0 there: "
                "put the counts into one fraction, or treat tp = 0 by itself."
            ) from None
        raise
    if value != 0:
        raise Wrong(f"Without a single hit F1 is 0; got {value:.4g}.")


@validates
def pairs_won(function: Answer) -> CheckResult:
    """``my_auc(positive, negative)`` -> number: the share of pairs in which the positive case scores higher."""
    return examine("pairs_won", function, "positive negative", _pairs, _ties)


def _pairs(learner: Learner) -> None:
    positive, negative = torch.tensor([3.0, 1.0, 4.0, 0.5]), torch.tensor([2.0, 1.5, 3.5])
    gap = positive[:, None] - negative  # (4, 3)
    won = float((gap > 0).double().mean())
    middle = float(torch.cat([positive, negative]).median())
    _compare(
        as_number(learner(positive, negative)),
        won,
        {
            "The order is turned: that is the share of pairs in which the *negative* case scores higher.": 1 - won,
            "That is the number of pairs won. Divide by the number of pairs.": won * gap.numel(),
            "That compares the means of the two groups: one yes or no, not a share of pairs.": float(
                positive.mean() > negative.mean()
            ),
            "That is the difference of the means. Only the order of the scores counts: how many pairs are in order?": float(
                positive.mean() - negative.mean()
            ),
            "A pair lost counts -1 there. The share of pairs won lies between 0 and 1: a pair lost counts 0.": 2 * won
            - 1,
            "That divides by one group only. There are 4 times 3 pairs here.": won * gap.numel() / len(positive),
            "That divides by the number of scores. There are 4 times 3 pairs here.": won * gap.numel() / 7,
            "How large the gap is does not matter, nor its sigmoid: a pair is won or lost.": float(
                gap.sigmoid().mean()
            ),
            "That compares the cases one by one, first with first. Each positive case meets each negative one: 12 pairs here.": float(
                (positive[:3] > negative).double().mean()
            ),
            "That is the accuracy at the middle score. No threshold is needed here: compare pairs.": float(
                ((positive > middle).sum() + (negative <= middle).sum()) / 7
            ),
        },
        f"Not right for positive {positive.tolist()} and negative {negative.tolist()}: {round(won * 12)} of 12 pairs are in order.",
    )


def _ties(learner: Learner) -> None:
    positive, negative = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 1.0, 0.0])
    _compare(
        as_number(learner(positive, negative)),
        5 / 6,
        {
            "Right without ties. A tie counts half, not as lost: scores that are all equal must give 0.5.": 4 / 6,
            "Right without ties. A tie counts half, not as won: scores that are all equal must give 0.5.": 1.0,
        },
        "Right without ties. With ties it is not: each counts half.",
    )


@validates
def clipped_precision(function: Answer) -> CheckResult:
    """``my_precision(candidate, reference, n)`` -> number: BLEU's share of n-grams that the reference has too."""
    return examine("clipped_precision", function, "candidate reference n", _clipped)


def _clipped(learner: Learner) -> None:
    cat, mat, turned = (
        "the cat is on the mat".split(),
        "the cat sat on the cat".split(),
        "on the mat is the cat".split(),
    )
    trials = ((mat, cat, 1), (["the"] * 7, cat, 1), (mat, cat, 2), (cat, mat, 2), (turned, cat, 2), (cat, cat, 3))
    for candidate, reference, n in trials:
        found, there = ngrams(candidate, n), ngrams(reference, n)
        right = (found & there).total() / found.total()
        _compare(
            as_number(learner(candidate, reference, n)),
            right,
            {
                "Nothing is clipped: “the the the” scores like a good translation. A word counts at most as often as the reference has it.": _share(
                    sum(count for gram, count in found.items() if gram in there), found.total()
                ),
                "That divides by the n-grams of the reference, which is a recall. BLEU divides by those of the candidate.": _share(
                    (found & there).total(), there.total()
                ),
                "That counts different n-grams, each once: it clips to 1. Clip to the count in the reference.": _share(
                    len(found.keys() & there.keys()), len(found)
                ),
                "That divides by the number of words. A candidate of T words has T - n + 1 n-grams.": _share(
                    (found & there).total(), len(candidate)
                ),
                "That looks at single words whatever n is. An n-gram is n words in a row.": _share(
                    (ngrams(candidate, 1) & ngrams(reference, 1)).total(), len(candidate)
                ),
                "That compares place by place. An n-gram counts wherever the reference has it.": _share(
                    sum(candidate[i : i + n] == reference[i : i + n] for i in range(found.total())), found.total()
                ),
                "Each n-gram counts once above the line. It counts as often as both have it.": _share(
                    len(found.keys() & there.keys()), found.total()
                ),
                "The last n-gram is missing: the first word of an n-gram may stand at T - n, so range(T - n + 1).": _share(
                    (ngrams(candidate[:-1], n) & ngrams(reference[:-1], n)).total(), found.total() - 1
                ),
                "That is the mean of the shares for 1 to n words, the next step of BLEU. Here only n words in a row count.": math.prod(
                    (ngrams(candidate, k) & ngrams(reference, k)).total() / (len(candidate) - k + 1)
                    for k in range(1, n + 1)
                )
                ** (1 / n),
            },
            f"Not right for {' '.join(candidate)!r} against {' '.join(reference)!r} with n={n}: "
            f"{(found & there).total()} of {found.total()} n-grams are matched.",
        )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def _compare(given: float, right: float, known: Mapping[str, int | float], otherwise: str) -> None:
    """Pass what is right; say which known mistake it is, or ``otherwise``."""
    if math.isclose(given, right, rel_tol=1e-4, abs_tol=1e-6):
        return
    for message, wrong in known.items():
        if math.isclose(given, wrong, rel_tol=1e-4, abs_tol=1e-6):
            raise Wrong(message)
    raise Wrong(otherwise)
