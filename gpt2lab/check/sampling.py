"""Checks for the sampling rules: temperature, top-k, top-p."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gpt2lab.check.base import Answer, CheckResult, Wrong, agree, as_tensor, judge
from gpt2lab.check.learner import Learner, examine
from gpt2lab.errors import validates


@validates
def temperature(function: Answer) -> CheckResult:
    """``my_temperature(logits, temperature)`` -> probabilities."""
    return examine("temperature", function, "logits temperature", _temperature, _temperature_limits)


def _temperature(learner: Learner) -> None:
    logits = 2 * torch.randn(3, 8)
    for value in (0.5, 2.0, 1.0):
        judge(
            learner.tensor(logits, value, shape=(3, 8)),
            (logits / value).softmax(-1),
            {
                "The logits are multiplied. Divide by the temperature: a high one flattens.": (logits * value).softmax(
                    -1
                ),
                "The temperature is not used.": logits.softmax(-1),
                "These are logarithms of probabilities. Return the probabilities.": (logits / value).log_softmax(-1),
                "The largest logit takes everything, whatever the temperature. That is temperature 0.": F.one_hot(
                    logits.argmax(-1), 8
                ).float(),
                "1 is added to the temperature. Temperature 1 changes nothing.": (logits / (1 + value)).softmax(-1),
                "The probabilities are divided, after the softmax. Divide the logits.": logits.softmax(-1) / value,
                "These are logits. The softmax is missing.": logits / value,
                "A softmax is taken twice: the temperature divides the logits, before the only one.": (
                    logits.softmax(-1) / value
                ).softmax(-1),
                "These are powers of the probabilities, and they do not sum to 1. Divide by their sum.": (
                    logits.softmax(-1) ** (1 / value)
                ),
                "The softmax runs over the rows of the batch. Each row is a distribution of its own: dim=-1.": (
                    logits / value
                ).softmax(0),
                "The logits are divided by the root of the temperature. Divide by the temperature.": (
                    logits / value**0.5
                ).softmax(-1),
            },
            f"Not right for temperature {value}: the logits are scaled, then become probabilities.",
        )


def _temperature_limits(learner: Learner) -> None:
    logits = torch.tensor([[1.0, 4.0, 3.0], [0.0, -1.0, -2.0]])
    best = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    judge(
        learner.tensor(logits, 0, shape=(2, 3)),
        best,
        {
            "Temperature 0 divides by zero. Handle it before you divide: all probability on the largest logit.": (
                logits / 0
            ).softmax(-1),
            "With temperature 0 nothing changes. Give all probability to the largest logit.": logits.softmax(-1),
        },
        "Temperature 0 means greedy: probability 1 for the largest logit of each row, 0 for all others.",
    )


@validates
def top_k(function: Answer) -> CheckResult:
    """``my_top_k(logits, k)`` -> probabilities with only the k most probable tokens left, summing to 1."""
    return examine("top_k", function, "logits k", _top_k, _top_k_limits)


def _top_k(learner: Learner) -> None:
    logits = torch.randn(4, 10)
    order = logits.argsort(-1, descending=True).argsort(-1)
    fixed = "3 is fixed in your function. How many stay, k says."
    for k in (3, 1):
        plain = logits.softmax(-1)
        out = learner.tensor(logits, k)
        if out.shape == (4, k):
            what = "probabilities, in sorted order" if out.is_floating_point() else "numbers of the tokens"
            raise Wrong(
                f"These are the {what}, {k} in each row. Return one probability for each token: (B, vocab_size)."
            )
        judge(
            as_tensor(out, learner.name, (4, 10)),
            logits.masked_fill(order >= k, -torch.inf).softmax(-1),
            {
                "What is left does not sum to 1. Put -inf into the dropped logits before the softmax, or divide by the sum.": plain
                * (order < k),
                "The dropped logits are set to 0. exp(0) is 1: they keep probability. Use -inf.": (
                    logits * (order < k)
                ).softmax(-1),
                "The k *least* probable tokens are kept.": logits.masked_fill(order < 10 - k, -torch.inf).softmax(-1),
                "One token too many is kept.": logits.masked_fill(order > k, -torch.inf).softmax(-1),
                "The k-th token is dropped too. Keep k tokens.": logits.masked_fill(order >= k - 1, -torch.inf).softmax(
                    -1
                ),
                "Nothing is dropped.": plain,
                **({} if k == 3 else {fixed: logits.masked_fill(order >= 3, -torch.inf).softmax(-1)}),
                "A second softmax makes the probabilities nearly equal, and revives what was dropped. Divide by their sum.": (
                    plain * (order < k)
                ).softmax(-1),
                "The kept tokens are equally probable. Their logits still count.": (order < k).float() / k,
                "These are logits. The softmax is missing.": logits.masked_fill(order >= k, -torch.inf),
                "The largest logits of the whole batch decide. Look at each row: dim=-1.": logits.masked_fill(
                    logits < logits.flatten().topk(k).values[-1], -torch.inf
                ).softmax(-1),
            },
            f"With k={k} it is not right: which tokens stay in each row, and what do their probabilities sum to?",
        )


def _top_k_limits(learner: Learner) -> None:
    logits = torch.randn(2, 5)
    judge(
        learner.tensor(logits, 5, shape=(2, 5)), logits.softmax(-1), {}, "With k = vocabulary nothing may be dropped."
    )
    judge(
        learner.tensor(logits, 50, shape=(2, 5)),
        logits.softmax(-1),
        {},
        "With k larger than the vocabulary nothing may be dropped.",
    )


@validates
def top_p(function: Answer) -> CheckResult:
    """``my_top_p(logits, p)`` -> probabilities: the fewest most probable tokens that reach p, summing to 1."""
    return examine("top_p", function, "logits p", _top_p, _top_p_limits)


def _top_p(learner: Learner) -> None:
    probabilities = torch.tensor([[0.05, 0.4, 0.1, 0.3, 0.15], [0.9, 0.02, 0.02, 0.05, 0.01]])
    logits = probabilities.log()

    def keep(*rows: list[int]) -> Tensor:
        kept = torch.zeros(2, 5)
        for row, columns in enumerate(rows):
            kept[row, columns] = probabilities[row, columns]
        return kept / kept.sum(-1, keepdim=True)

    kept = keep([1, 3], [0])
    order = probabilities.sort(dim=-1, descending=True, stable=True).indices
    ordered = kept.gather(-1, order)
    mixed = probabilities * (ordered > 0)  # a mask for sorted probabilities, on unsorted ones
    share = torch.tensor([[0.7], [0.9]])  # what is kept, before it is divided by its sum
    out = learner.tensor(logits, 0.5, shape=(2, 5))
    if any(agree(out, keep([1, 2, 3, 4], row)) for row in ([0], [0, 3])):  # 0.9 may be rounded down
        raise Wrong("0.9 is fixed in your function. What is to be reached, p says.")
    judge(
        out,
        kept,
        {
            "The token that crosses p is dropped: the kept ones do not reach p, and a model that is very sure of one "
            "token keeps nothing. Keep the token that crosses.": keep([1], []),
            "The token that crosses p is dropped: with p=0.5 a row keeps only 0.4. Keep the token that crosses.": keep(
                [1], [0]
            ),
            "The probabilities are added up in the order of the vocabulary. Sort first, the most probable in front.": keep(
                [0, 1, 2], [0]
            ),
            "What is left does not sum to 1. Divide by the sum.": kept * share,
            "The probabilities are still in sorted order. Bring each back to the place of its token.": ordered,
            "The probabilities are still in sorted order, and do not sum to 1. Bring each back to the place of its token, "
            "and divide by the sum.": ordered * share,
            "Probabilities or mask are still in sorted order, and the token that crosses p is dropped. Keep it, and bring "
            "what was sorted back to the places of the tokens.": keep([1], []).gather(-1, order),
            "The kept probabilities went to wrong places: sorting is undone by writing *to* the places that sort gave, "
            "not by reading from them.": ordered.gather(-1, order),
            "The mask is in sorted order, the probabilities are not: they belong to different tokens.": mixed
            / mixed.sum(-1, keepdim=True),
            "The mask is in sorted order, the probabilities are not, and they do not sum to 1.": mixed,
            "Nothing is dropped.": probabilities,
            "Nothing is dropped, and the probabilities are in sorted order.": probabilities.gather(-1, order),
            "The kept probabilities go through a second softmax, which makes them nearly equal and revives what was "
            "dropped. Divide by their sum.": (kept * share).softmax(-1),
            "The kept probabilities go through a second softmax, which makes them nearly equal. Divide by their sum.": (
                (kept * share).masked_fill(kept == 0, -torch.inf).softmax(-1)
            ),
            "The dropped logits are set to 0. exp(0) is 1: they keep probability. Use -inf.": (
                logits * (kept > 0)
            ).softmax(-1),
            "p is taken as the least probability of one token, and a row where none is so likely keeps nothing. p is "
            "what the kept tokens reach *together*.": logits.masked_fill(probabilities < 0.5, -torch.inf).softmax(-1),
            "The least probable tokens are kept. Sort in descending order.": keep([0, 2, 3, 4], [0, 1, 2, 3, 4]),
            "One token too many is kept.": keep([1, 3, 4], [0, 3]),
        },
        "Not right: which is the shortest list of most probable tokens that reaches p, and what do they sum to afterwards?",
    )


def _top_p_limits(learner: Learner) -> None:
    logits = torch.randn(3, 6)
    judge(learner.tensor(logits, 1.0, shape=(3, 6)), logits.softmax(-1), {}, "With p=1 nothing may be dropped.")
    best = F.one_hot(logits.argmax(-1), 6).float()
    judge(
        learner.tensor(logits, 1e-6, shape=(3, 6)),
        best,
        {},
        "With a tiny p the most probable token must remain, alone.",
    )
