"""Check for a search for leaks: does some prediction see a later token?"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from gpt2lab.check.base import Answer, CheckResult, Wrong, as_truth
from gpt2lab.check.learner import Learner, examine
from gpt2lab.errors import validates

VOCABULARY, CONTEXT, T = 11, 64, 6  # an answer may put text behind the T tokens and see whether their logits change


@validates
def leaks(function: Answer) -> CheckResult:
    """``my_leaks(model, tokens, vocab_size)`` -> True if some prediction sees a later token."""
    return examine("leaks", function, "model tokens vocab_size", _finds_leaks, _tokens_stay)


def _mixer(weights: Tensor) -> Callable[[Tensor], Tensor]:
    """A model whose position i sees position j where weights[i, j] is not 0: (B, t) -> (B, t, 11), t ≤ context."""
    table = torch.randn(VOCABULARY, VOCABULARY)  # of which a smaller vocabulary uses the first rows
    return lambda tokens: weights[: tokens.shape[1], : tokens.shape[1]] @ F.embedding(tokens, table)


def _with_a_leak(weights: Tensor, query: int) -> Tensor:
    """The weights, and ``query`` sees the token behind it."""
    leaky = weights.clone()
    leaky[query, query + 1] = 0.5
    return leaky


def _finds_leaks(learner: Learner) -> None:
    tokens = torch.randint(VOCABULARY, (1, T))
    lower = torch.rand(CONTEXT, CONTEXT).tril() + torch.eye(CONTEXT)
    causal = {
        "a causal model": lower,
        "a model in which each position sees only the tokens before it": lower.tril(-1),
        "a model in which each position sees only itself": torch.eye(CONTEXT),
        "a model that ignores its tokens": torch.zeros(CONTEXT, CONTEXT),
    }
    leaky = {
        "a model in which every position sees every other": torch.rand(CONTEXT, CONTEXT) + 0.1,
        "a model that leaks from the last position to the one before it": _with_a_leak(lower, T - 2),
        "a model that leaks from position 3 to position 2 only": _with_a_leak(lower, 2),
        "a model that leaks from position 1 to position 0 only": _with_a_leak(lower, 0),
    }
    found = {name: as_truth(learner(_mixer(weights), tokens, VOCABULARY)) for name, weights in (causal | leaky).items()}
    if known := _known_mistake([found[name] for name in causal], [found[name] for name in leaky]):
        raise Wrong(known)
    for name, answer in found.items():
        if answer != (name in leaky):
            raise Wrong(
                f"For {name} the answer is {name in leaky}, yours is {answer}. Change every position in turn, and "
                "compare all logits before it."
            )


def _known_mistake(causal: list[bool], leaky: list[bool]) -> str | None:
    """What the answers for the models say, in the order in which the models stand above."""
    before = "Compare only the logits *before* the changed token: those at it and after it may change."
    if not any(causal + leaky):
        return "The answer is never True, even for a model in which every position sees every other."
    if all(causal + leaky):
        return "The answer is always True, even for a model that ignores its tokens."
    if all(causal) and not any(leaky):
        return "It is the other way round: True means that there is a leak."
    match causal:
        case [True, False, _, _]:
            return f"A causal model does not leak, yours says it does: the logits at the changed token itself count. {before}"
        case [True, True, True, _]:
            return f"A causal model does not leak, yours says it does. {before}"
        case [True, True, False, _]:
            return (
                "You find a leak in models in which nothing looks ahead. That later logits follow an earlier token is "
                f"what a model is for. {before}"
            )
    match leaky:
        case [True, True, False, False]:
            return "The last token alone is changed: a leak between other positions goes unnoticed. Change every position in turn."
        case [True, False, False, True]:
            return "The logits at position 0 alone are compared: a leak to other positions goes unnoticed. Compare all before the change."
    return None


def _tokens_stay(learner: Learner) -> None:
    vocab_size = VOCABULARY - 4
    tokens = torch.full((1, 4), vocab_size - 1)  # the largest id: adding 1 would leave the vocabulary
    each_for_itself = _mixer(torch.eye(CONTEXT))

    def strict(ids: Tensor) -> Tensor:
        if int(ids.min()) < 0 or int(ids.max()) >= vocab_size:
            raise ValueError(f"token ids must lie in [0, {vocab_size}), got {int(ids.max())}")
        return each_for_itself(ids)

    if as_truth(learner(strict, tokens, vocab_size)):
        raise Wrong("A model in which each position sees only itself does not leak, yours says it does.")
