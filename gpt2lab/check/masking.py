"""Checks for masks: the causal mask, a softmax that respects a mask, padding on the left, leaks."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from gpt2lab.check.base import Answer, CheckResult, Wrong, as_tensor, as_truth, judge
from gpt2lab.check.learner import Learner, examine
from gpt2lab.errors import validates
from gpt2lab.masking import causal_mask as reference


@validates
def causal_mask(function: Answer) -> CheckResult:
    """``my_causal_mask(T_query, T_key)`` -> (T_query, T_key) bool, True = may attend."""
    return examine("causal_mask", function, "T_query T_key", _square, _bottom_rows)


def _mask(learner: Learner, T_query: int, T_key: int, expected: Tensor, mistakes: dict[str, Tensor]) -> None:
    mask = learner.tensor(T_query, T_key, shape=(T_query, T_key), why="One row per query, one column per key.")
    if mask.dtype != torch.bool:
        raise Wrong(f"A mask is boolean (True = may attend), yours holds {mask.dtype}. Return a comparison.")
    judge(mask.float(), expected.float(), {m: r.float() for m, r in mistakes.items()}, "Query i sees keys 0 … i.")


def _square(learner: Learner) -> None:
    ones = torch.ones(5, 5, dtype=torch.bool)
    _mask(learner, 5, 5, reference(5), {
        "The polarity is inverted: True means *may attend* here, and yours is True for the future.": ones.triu(1),
        "The mask is transposed: position 0 sees everything, the last one only itself. Rows are queries.": ones.triu(),
        "The diagonal is closed. Then position 0 has nothing to attend to, and its softmax is NaN.": ones.tril(-1),
        "One step of the future is open: query i sees key i + 1, which is the answer.": ones.tril(1),
        "Nothing is hidden.": ones,
    })  # fmt: skip


def _bottom_rows(learner: Learner) -> None:
    ones = torch.ones(2, 6, dtype=torch.bool)
    _mask(learner, 2, 6, reference(2, 6), {
        "With 2 queries and 6 keys the queries are the *last* 2 positions, 4 and 5. Yours treats them as "
        "positions 0 and 1: where does the first query stand when there are more keys?": ones.tril(),
        "Nothing is hidden, but query 4 must not see key 5.": ones,
    })  # fmt: skip
    _mask(learner, 1, 3, reference(1, 3), {})


@validates
def masked_softmax(function: Answer) -> CheckResult:
    """``my_masked_softmax(scores, mask)`` -> weights; a row with nothing visible comes out as zeros."""
    return examine("masked_softmax", function, "scores mask", _causal_rows, _large_scores, _empty_rows)


def _causal_rows(learner: Learner) -> None:
    scores, mask = torch.randn(2, 3, 5, 5), reference(5)
    hidden = scores.masked_fill(~mask, -torch.inf)
    exponentials = scores.exp()
    judge(learner.tensor(scores, mask, shape=(2, 3, 5, 5)), hidden.softmax(-1), {
        "The hidden scores are 0, and exp(0) is 1: the future still gets attention. Use -inf.":
            scores.masked_fill(~mask, 0.0).softmax(-1),
        "The weights are set to zero after the softmax, so the rows no longer sum to 1.":
            scores.softmax(-1).masked_fill(~mask, 0.0),
        "The mask hides what it should show: True means *may attend*.":
            scores.masked_fill(mask, -torch.inf).softmax(-1).nan_to_num(0.0),
        "The mask is ignored.": scores.softmax(-1),
        "The softmax runs over the queries: each *row* must sum to 1, dim=-1.": hidden.softmax(-2).nan_to_num(0.0),
        "The exponentials are right; divide each row by its sum.": exponentials.masked_fill(~mask, 0.0),
    }, "Not right: what must a hidden score be, so that its exponential is 0?")  # fmt: skip


def _large_scores(learner: Learner) -> None:
    scores, mask = torch.tensor([[-2e4, 3.0], [-1e30, 5.0]]), torch.tensor([[True, False], [True, False]])
    lost = (
        "The only visible score is very negative here, and its exponential is 0, so the row has nothing left to divide "
        "by. Before exp, subtract the largest *visible* score of the row."
    )
    weights = learner.tensor(scores, mask, shape=(2, 2))
    if bool((weights.isnan() | (weights == 0)).all()):
        raise Wrong(lost)
    judge(
        weights,
        torch.tensor([[1.0, 0.0], [1.0, 0.0]]),
        {},
        "The only visible score is very negative here, and a hidden one wins. A large negative constant is not "
        "enough: use -inf.",
    )
    huge = torch.tensor([[1000.0, 999.0, 5.0]])
    judge(
        learner.tensor(huge, torch.tensor([[True, True, False]]), shape=(1, 3)),
        torch.tensor([[1000.0, 999.0, -torch.inf]]).softmax(-1),
        {},
        "Scores around 1000 break it: their exponential is infinite. Subtract the largest visible score of the row first.",
    )


def _empty_rows(learner: Learner) -> None:
    scores = torch.randn(3, 4)
    mask = torch.tensor([[True, True, False, False], [False] * 4, [True] * 4])
    expected = scores.masked_fill(~mask, -torch.inf).softmax(-1).nan_to_num(0.0)
    weights = learner.tensor(scores, mask, shape=(3, 4))
    if bool(weights[1].isnan().any()):
        raise Wrong("The row in which nothing is visible is NaN: 0/0. It should be all zeros.")
    even = expected.clone()
    even[1] = 0.25
    judge(weights, expected, {
        "The row in which nothing is visible attends to everything evenly, to keys that are hidden.": even,
    }, "Rows with something visible sum to 1, empty rows are zero.")  # fmt: skip


@validates
def left_padding_mask(function: Answer) -> CheckResult:
    """``my_mask(lengths, T)`` -> (B, 1, T, T) bool: causal, and the padding on the left is hidden."""
    return examine("left_padding_mask", function, "lengths T", _left_padding)


def _left_padding(learner: Learner) -> None:
    lengths, T = [5, 2, 3], 5
    mask = learner.tensor(lengths, T)
    if mask.dtype != torch.bool:
        raise Wrong(f"A mask is boolean (True = may attend), yours holds {mask.dtype}.")
    if mask.shape == (3, T, T):
        raise Wrong(
            "Shape (B, T, T) would be taken for one mask per *head*. Insert an axis for the heads: (B, 1, T, T)."
        )
    as_tensor(mask, learner.name, (3, 1, T, T), "One mask per sample, the same for every head.")
    real = torch.arange(T) >= T - torch.tensor(lengths)[:, None]  # (B, T)
    right = torch.arange(T) < torch.tensor(lengths)[:, None]  # (B, T)
    causal, diagonal = reference(T), torch.eye(T, dtype=torch.bool)
    keys = real[:, None, None, :]
    mistakes = {
        "The padding is hidden on the right side, but this batch has it on the left.":
            (right[:, None, None, :] & causal) | diagonal,
        "The padding is hidden, but the future is not: combine with the causal mask by &.":
            (keys & torch.ones_like(causal)) | diagonal,
        "Padded queries have nothing to attend to, so their rows become NaN: open the diagonal with |.": keys & causal,
        "The padding is hidden as *queries* (rows). It must be hidden as keys (columns).":
            (real[:, None, :, None] & causal) | diagonal,
        "The padding is still visible.": causal.expand(3, 1, T, T),
    }  # fmt: skip
    judge(mask.float(), ((keys & causal) | diagonal).float(), {m: r.float() for m, r in mistakes.items()},
          "Not right: when is a key visible to a query, and what about a query that sees nothing?")  # fmt: skip


@validates
def leaks(function: Answer) -> CheckResult:
    """``my_leaks(model, tokens, vocab_size)`` -> True if some prediction sees a later token."""
    return examine("leaks", function, "model tokens vocab_size", _finds_leaks, _tokens_stay)


def _mixer(weights: Tensor) -> Callable[[Tensor], Tensor]:
    """A model whose position i sees position j where weights[i, j] is not 0: (B, t) -> (B, t, 11), t ≤ context."""
    table = torch.randn(11, 11)
    return lambda tokens: weights[: tokens.shape[1], : tokens.shape[1]] @ F.embedding(tokens, table)


def _finds_leaks(learner: Learner) -> None:
    T, context = 6, 64  # an answer may put text behind the tokens and see whether their logits change
    tokens = torch.randint(11, (1, T))
    lower = torch.rand(context, context).tril() + torch.eye(context)
    middle = lower.clone()
    middle[2, 3] = 0.5  # position 2 sees position 3, nothing else leaks
    first = lower.clone()
    first[0, 1] = 0.5
    last = lower.clone()
    last[T - 2, T - 1] = 0.5
    for name, weights, answer in (
        ("a causal model", lower, False),
        ("a model in which every position sees every other", torch.rand(context, context) + 0.1, True),
        ("a model that leaks from the last position to the one before it", last, True),
        ("a model that leaks from position 3 to position 2 only", middle, True),
        ("a model that leaks from position 1 to position 0 only", first, True),
    ):
        found = as_truth(learner(_mixer(weights), tokens, 11))
        if found != answer:
            advice = (
                "Compare only the logits *before* the changed token: those at it and after it may change."
                if not answer
                else "Change every position in turn, not only one, and compare all logits before it."
            )
            raise Wrong(f"For {name} the answer is {answer}, yours is {found}. {advice}")


def _tokens_stay(learner: Learner) -> None:
    tokens = torch.full((1, 4), 10)  # the largest id: adding 1 would leave the vocabulary

    each_for_itself = _mixer(torch.eye(64))

    def strict(ids: Tensor) -> Tensor:
        if int(ids.min()) < 0 or int(ids.max()) > 10:
            raise ValueError(f"token ids must lie in [0, 11), got {int(ids.max())}")
        return each_for_itself(ids)

    if as_truth(learner(strict, tokens, 11)):
        raise Wrong("A model in which each position sees only itself does not leak, yours says it does.")
