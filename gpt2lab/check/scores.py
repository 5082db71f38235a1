"""Checks for what comes before the blend: the softmax and the scaled scores."""

from __future__ import annotations

import math

import torch

from gpt2lab.check.base import Answer, CheckResult, Wrong, agree, judge
from gpt2lab.check.learner import Learner, examine
from gpt2lab.errors import validates


@validates
def softmax(function: Answer) -> CheckResult:
    """``my_softmax(scores)`` -> weights over the last axis, each row positive with sum 1."""
    return examine("softmax", function, "scores", _softmax, _softmax_large, _softmax_hidden)


def _softmax(learner: Learner) -> None:
    scores = torch.randn(2, 4, 5)
    raised = scores.exp()
    judge(
        learner.tensor(scores, shape=(2, 4, 5)),
        scores.softmax(-1),
        {
            "All numbers of the tensor together sum to 1. Each *row* must.": raised / raised.sum(),
            "The columns sum to 1, not the rows. Sum over dim=-1.": scores.softmax(1),
            "The sum runs over the first axis, the batch. Sum over dim=-1.": scores.softmax(0),
            "The scores are divided by their sum without exp. Scores can be negative; exp makes them positive.": scores
            / scores.sum(-1, keepdim=True),
            "The exponentials are right; divide them by their sum.": raised,
            "The largest score is subtracted and exp taken; now divide each row by its sum.": (
                scores - scores.amax(-1, keepdim=True)
            ).exp(),
            "Divided by the largest score: that changes the weights. Subtract it.": (
                scores / scores.amax(-1, keepdim=True)
            ).softmax(-1),
            "The absolute values are divided by their sum: a score of −2 weighs as much as one of 2. Use exp.": scores.abs()
            / scores.abs().sum(-1, keepdim=True),
            "This is a sigmoid of each score by itself. The weights of a row share what there is: they sum to 1.": scores.sigmoid(),
            "The signs are turned: the smallest score gets the largest weight.": (-scores).softmax(-1),
            "The squares are divided by their sum: a score of −2 weighs as much as one of 2. Use exp.": scores**2
            / (scores**2).sum(-1, keepdim=True),
            "The smallest score is subtracted, and the rest divided by its sum. Use exp: no weight is 0.": (
                scores - scores.amin(-1, keepdim=True)
            )
            / (scores - scores.amin(-1, keepdim=True)).sum(-1, keepdim=True),
            "The largest score takes everything. The others get their share as well: use exp.": (
                scores == scores.amax(-1, keepdim=True)
            ).float(),
            "All weights are equal: the scores do not count.": torch.full_like(scores, 1 / 5),
            "This is the logarithm of the softmax.": scores.log_softmax(-1),
            "Powers of 2 instead of e: use exp.": (scores * math.log(2)).softmax(-1),
        },
        "Not right: every weight is positive, every row sums to 1, and a score that is larger by 1 has e times the weight.",
    )


def _softmax_large(learner: Learner) -> None:
    scores = torch.tensor([[1000.0, 999.0, 0.0], [-1000.0, -1001.0, -3000.0]])
    out = learner.tensor(scores, shape=(2, 3))
    if agree(out[0], scores[0].softmax(-1)) and not bool(torch.isfinite(out[1]).all()):
        raise Wrong(
            "A row far below the others becomes 0/0: the largest score of the whole tensor is subtracted. "
            "Subtract the largest of each row."
        )
    judge(
        out,
        scores.softmax(-1),
        {},
        "Scores around ±1000 break it: exp(1000) is infinite. Subtract the largest score of the row first; "
        "the result stays the same.",
    )


def _softmax_hidden(learner: Learner) -> None:
    scores = torch.tensor([[1.0, 2.0, -torch.inf]])
    judge(learner.tensor(scores, shape=(1, 3)), scores.softmax(-1), {}, "A score of -inf must get the weight 0.")


@validates
def attention_scores(function: Answer) -> CheckResult:
    """``my_scores(q, k)`` -> q kᵀ / √d_head, (..., T_query, T_key)."""
    return examine("attention_scores", function, "q k", _scores, _scores_shapes)


def _scores(learner: Learner) -> None:
    q, k = torch.randn(2, 3, 6, 16), torch.randn(2, 3, 6, 16)
    dots = q @ k.transpose(-2, -1)
    judge(
        learner.tensor(q, k, shape=(2, 3, 6, 6), why="There is one score for each query and each key."),
        dots / 4,
        {
            "The scores are not scaled: divide by √d_head.": dots,
            "Divided by d_head. Divide by its root: a sum of d_head products spreads like √d_head.": dots / 16,
            "Multiplied by √d_head. Divide.": dots * 4,
            "Divided by the root of the number of keys. It is the *width* of the vectors that makes dot products "
            "large: √d_head.": dots / math.sqrt(6),
            "Divided by √d_model, the width of all heads together. Each dot product runs over one head: √d_head.": dots
            / math.sqrt(48),
            "Divided by the root of the number of heads. Each dot product runs over the last axis, and its size counts.": dots
            / math.sqrt(3),
            "Divided by the root of the batch's size. Each dot product runs over the last axis, and its size counts.": dots
            / math.sqrt(2),
            "Divided by 8, whatever the width. That is right for GPT-2's heads of 64; read the width off the last axis of q.": dots
            / 8,
            "Queries and keys are brought to length 1 (a cosine). A score is the plain dot product, divided by √d_head.": dots
            / (q.norm(dim=-1, keepdim=True) * k.norm(dim=-1, keepdim=True).transpose(-2, -1)),
            "Rows and columns are exchanged: a row belongs to a query, a column to a key.": dots.transpose(-2, -1) / 4,
            "These are distances. A score is a dot product: large where two vectors agree.": -torch.cdist(q, k),
            "The queries are compared with themselves. Compare each with the keys.": q @ q.mT / 4,
            "The keys are compared with themselves. Compare each query with them.": k @ k.mT / 4,
            "The signs are lost: a query can point away from a key.": dots.abs() / 4,
            "The future is hidden already. The mask comes later; return all scores.": (dots / 4).masked_fill(
                torch.ones(6, 6).triu(1).bool(), -torch.inf
            ),
            "The softmax is already in it. Return the scores.": (dots / 4).softmax(-1),
        },
        "Not right: a score is the dot product of one query with one key, scaled by the width of a head. Compute one by hand, and compare.",
    )


def _scores_shapes(learner: Learner) -> None:
    for *batch, T_query, T_key, d_head in ((5, 5, 9), (2, 1, 7, 4), (4, 4, 4, 4)):
        q, k = torch.randn(*batch, T_query, d_head), torch.randn(*batch, T_key, d_head)
        out = learner.tensor(q, k, shape=(*batch, T_query, T_key))
        dots = q @ k.transpose(-2, -1)
        judge(
            out,
            dots / math.sqrt(d_head),
            {"Divided by 4, whatever the width. Read the width off the last axis of q.": dots / 4},
            f"Not right for q {tuple(q.shape)} and k {tuple(k.shape)}: transpose the *last two* axes of k.",
        )
