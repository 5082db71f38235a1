"""Checks for masks: the causal mask, a softmax that respects a mask, padding on the left, leaks."""

from __future__ import annotations

import torch
from torch import Tensor

from gpt2lab.check.base import Answer, CheckResult, Wrong, agree, as_tensor, judge
from gpt2lab.check.learner import Learner, examine
from gpt2lab.check.sandbox import same
from gpt2lab.errors import validates
from gpt2lab.masking import causal_mask as reference


@validates
def causal_mask(function: Answer) -> CheckResult:
    """``my_causal_mask(T_query, T_key)`` -> (T_query, T_key) bool, True = may attend."""
    return examine("causal_mask", function, "T_query T_key", _square, _bottom_rows)


def _mask(learner: Learner, T_query: int, T_key: int, mistakes: dict[str, Tensor]) -> None:
    mask = learner.tensor(T_query, T_key)
    shape, wanted = tuple(mask.shape), (T_query, T_key)
    if shape in ((1, *wanted), (1, 1, *wanted)):
        raise Wrong("There are axes for batch and heads. The mask is the same for all: (T_query, T_key) is enough.")
    if shape != wanted and shape == (5, 5):
        raise Wrong("The size 5 is fixed in your function. Read both sizes off the arguments.")
    if shape != wanted and shape in ((T_key, T_key), (T_query, T_query)):
        name = "T_key" if shape == (T_key, T_key) else "T_query"
        raise Wrong(
            f"The mask is ({name}, {name}), a square. There is one row for each query, one column for each key."
        )
    mask = as_tensor(mask, learner.name, wanted, "One row per query, one column per key.")
    if mask.is_floating_point() and bool(mask.isinf().any()):
        raise Wrong("This is a mask to be added to the scores. A boolean one is asked for: True = may attend.")
    if mask.dtype != torch.bool:
        raise Wrong(f"A mask is boolean (True = may attend), yours holds {mask.dtype}. Return a comparison.")
    judge(
        mask.float(),
        reference(T_query, T_key).float(),
        {m: r.float() for m, r in mistakes.items()},
        "Query i sees keys 0 … i.",
    )


def _square(learner: Learner) -> None:
    ones = torch.ones(5, 5, dtype=torch.bool)
    first, second = learner(5, 5), learner(5, 5)
    if not same(first, second):
        raise Wrong(
            "Two calls give two masks: something is drawn at random. What a causal mask hides is fixed, the future; "
            "hiding words at random is another task, which BERT was trained on."
        )
    _mask(learner, 5, 5, {
        "The polarity is inverted: True means *may attend* here, and yours is True for the future.": ones.triu(1),
        "The mask is transposed: position 0 sees everything, the last one only itself. Rows are queries.": ones.triu(),
        "The diagonal is closed. Then position 0 has nothing to attend to, and its softmax is NaN.": ones.tril(-1),
        "One step of the future is open: query i sees key i + 1, which is the answer.": ones.tril(1),
        "Nothing is hidden.": ones,
        "Each position sees itself alone. It may see all that stand before it as well.": torch.eye(5),
        "The mask is upside down: row 0, the first query, should see one key.": ones.tril().flip(0),
        "Each position sees itself and the one before it. It may see all that stand before it.": ones.tril().triu(-1),
    })  # fmt: skip


def _bottom_rows(learner: Learner) -> None:
    ones = torch.ones(2, 6, dtype=torch.bool)
    _mask(learner, 2, 6, {
        "With 2 queries and 6 keys the queries are the *last* 2 positions, 4 and 5. Yours treats them as "
        "positions 0 and 1: where does the first query stand when there are more keys?": ones.tril(),
        "Nothing is hidden, but query 4 must not see key 5.": ones,
    })  # fmt: skip
    _mask(learner, 1, 3, {})


@validates
def masked_softmax(function: Answer) -> CheckResult:
    """``my_masked_softmax(scores, mask)`` -> weights; a row with nothing visible comes out as zeros."""
    return examine("masked_softmax", function, "scores mask", _causal_rows, _large_scores, _empty_rows)


def _causal_rows(learner: Learner) -> None:
    scores, mask = torch.randn(2, 3, 5, 5), reference(5)
    hidden, even = scores.masked_fill(~mask, -torch.inf), mask / mask.sum(-1, keepdim=True)
    exponentials = scores.exp()
    weights = learner.tensor(scores, mask)
    if weights.ndim == 1:
        raise Wrong("All visible scores go through one softmax. Each query has one row of its own, which sums to 1.")
    multiplied = (scores * torch.where(mask, 1.0, -torch.inf)).softmax(-1)
    if agree(weights.nan_to_num(0.0), multiplied.nan_to_num(0.0)):
        raise Wrong(
            "-inf is multiplied with the scores: a negative one becomes +inf, and the row NaN. Put it in place."
        )
    judge(as_tensor(weights, learner.name, (2, 3, 5, 5)), hidden.softmax(-1), {
        "The hidden scores are 0, and exp(0) is 1: the future still gets attention. Use -inf.":
            scores.masked_fill(~mask, 0.0).softmax(-1),
        "The hidden scores are 0.1, and exp(0.1) is 1.1: a small number is not small enough. Use -inf.":
            scores.masked_fill(~mask, 0.1).softmax(-1),
        "The weights are set to zero after the softmax, so the rows no longer sum to 1.":
            scores.softmax(-1).masked_fill(~mask, 0.0),
        "The mask hides what it should show: True means *may attend*.":
            scores.masked_fill(mask, -torch.inf).softmax(-1).nan_to_num(0.0),
        "The mask is ignored.": scores.softmax(-1),
        "The mask is added to the scores, where True counts as 1 and False as 0: that hides nothing.":
            (scores + mask.float()).softmax(-1),
        "The mask is transposed: rows are queries, and the past is hidden.":
            scores.masked_fill(~mask.mT, -torch.inf).softmax(-1),
        "The softmax runs over the queries: each *row* must sum to 1, dim=-1.": hidden.softmax(-2).nan_to_num(0.0),
        "The softmax is missing: these are the scores, with -inf in the right places.": hidden,
        "This is the logarithm of the weights.": hidden.log_softmax(-1),
        "The scores play no part: all visible keys get the same weight.": even.expand_as(scores),
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
    return examine("left_padding_mask", function, "lengths T", _left_padding, _other_lengths)


def _left_padding(learner: Learner) -> None:
    lengths, T = [3, 5, 2], 5
    mask = learner.tensor(lengths, T)
    if mask.dtype != torch.bool:
        raise Wrong(f"A mask is boolean (True = may attend), yours holds {mask.dtype}.")
    shapes = {
        (
            3,
            T,
            T,
        ): "Shape (B, T, T) would be taken for one mask per *head*. Insert an axis for the heads: (B, 1, T, T).",
        (1, 1, T, T): "There is one mask for the whole batch. The texts have different lengths: (B, 1, T, T).",
        (3, 1, T): "Only the last query has a row. Each of the T queries has one: (B, 1, T, T).",
        (
            3,
            1,
            1,
            T,
        ): "There is one row for all queries: the padding is hidden, the future is not. Each query has a row "
        "of its own, (B, 1, T, T).",
    }
    if message := shapes.get(tuple(mask.shape)):
        raise Wrong(message)
    as_tensor(mask, learner.name, (3, 1, T, T), "One mask per sample, the same for every head.")
    causal, diagonal = reference(T), torch.eye(T, dtype=torch.bool)

    def keys(lengths: list[int]) -> Tensor:
        """(B, 1, 1, T), True where a token stands."""
        return (torch.arange(T) >= T - torch.tensor(lengths)[:, None])[:, None, None, :]

    real, every = keys(lengths), torch.ones_like(causal)
    right = (real & causal) | diagonal
    mistakes = {
        "The padding is hidden on the right side, but this batch has it on the left.": (real.flip(-1) & causal) | diagonal,
        "The padding is hidden, but the future is not: combine with the causal mask by &.": (real & every) | diagonal,
        "Padded queries have nothing to attend to, so their rows become NaN: open the diagonal with |.": real & causal,
        "The padding is hidden, but the future is open, and padded queries have nothing to attend to: their rows become "
        "NaN.": real & every,
        "Padded queries see what stands behind them: for them all keys are open. Their own is enough.":
            (real & causal) | ~real.mT,
        "The padding is hidden as *queries* (rows). It must be hidden as keys (columns).": (real.mT & causal) | diagonal,
        "The padding is still visible.": causal.expand(3, 1, T, T),
        "The polarity is inverted: True means *may attend*, and yours is True for what must be hidden.": ~right,
        "The mask is transposed: rows are queries, columns are keys.": right.mT,
        "The first real token of each text is hidden: n tokens stand in the last n columns.":
            (keys([n - 1 for n in lengths]) & causal) | diagonal,
        "In front of the tokens, one padding token of each text is visible: n tokens stand in the last n columns.":
            (keys([n + 1 for n in lengths]) & causal) | diagonal,
        "Every text gets the mask of the first. Each has a length of its own.":
            ((keys(lengths[:1]) & causal) | diagonal).expand(3, 1, T, T),
        "Real tokens do not see themselves. The diagonal is open for all.": right & ~(diagonal & real),
    }  # fmt: skip
    judge(mask.float(), right.float(), {m: r.float() for m, r in mistakes.items()},
          "Not right: when is a key visible to a query, and what about a query that sees nothing?")  # fmt: skip


def _other_lengths(learner: Learner) -> None:
    lengths, T = [1, 4], 4
    real = (torch.arange(T) >= T - torch.tensor(lengths)[:, None])[:, None, None, :]  # (B, 1, 1, T)
    out = learner.tensor(lengths, T, shape=(2, 1, T, T), why="Is a size fixed in your function?")
    right = (real & reference(T)) | torch.eye(T, dtype=torch.bool)
    judge(
        out.float(),
        right.float(),
        {},
        f"Not right for lengths {lengths} and T {T}: are the lengths fixed in your function?",
    )
