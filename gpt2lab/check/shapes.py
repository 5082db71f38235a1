"""Check for the shapes on the way through the model."""

from __future__ import annotations

from gpt2lab.check.base import Answer, CheckResult, NotDone, Wrong
from gpt2lab.check.learner import Learner, examine
from gpt2lab.errors import validates


@validates
def shapes(function: Answer) -> CheckResult:
    """``my_shapes(B, T, d_model, n_heads, vocab_size)`` -> dict with the shapes of six tensors.

    Keys: ``tokens``, ``x`` (the stream), ``q`` (all heads), ``attn_weights``, ``ffn_hidden``, ``logits``.
    """
    return examine("shapes", function, "B T d_model n_heads vocab_size", _shapes, _other_shapes)


def _shapes(learner: Learner) -> None:
    _judge_shapes(learner, 2, 7, 48, 4, 100)


def _other_shapes(learner: Learner) -> None:
    if learner(3, 5, 30, 2, 60) == learner(2, 7, 48, 4, 100):
        raise Wrong("The shapes are the same whatever the sizes are. Put them together from the arguments.")
    _judge_shapes(learner, 3, 5, 30, 2, 60)


def _judge_shapes(learner: Learner, B: int, T: int, d_model: int, n_heads: int, vocab_size: int) -> None:
    said = f"With B={B}, T={T}, d_model={d_model}, n_heads={n_heads}, vocab_size={vocab_size} you say"
    result = learner(B, T, d_model, n_heads, vocab_size)
    if not isinstance(result, dict):
        raise Wrong(f"Return a dict, got {type(result).__name__}.")
    right = {
        "tokens": ((B, T), "one id for each token of each sample"),
        "x": ((B, T, d_model), "one vector of width d_model for each token"),
        "q": (
            (B, n_heads, T, d_model // n_heads),
            "the heads have an axis of their own, and each works in a slice of d_model / n_heads features",
        ),
        "attn_weights": ((B, n_heads, T, T), "each head has one weight for each query and each key"),
        "ffn_hidden": ((B, T, 4 * d_model), "the feed-forward network is four times as wide inside"),
        "logits": ((B, T, vocab_size), "one number for each token of the vocabulary, at every position"),
    }
    if missing := [name for name in right if name not in result]:
        raise Wrong(f"The dict has no {missing[0]!r}. It needs: {', '.join(right)}.")
    if all(value is ... for value in result.values()):
        raise NotDone
    if any(value is ... for value in result.values()):
        raise Wrong("Some shapes are still missing: " + ", ".join(n for n in right if result[n] is ...) + ".")
    for name, (shape, reason) in right.items():
        try:
            given = tuple(result[name])
        except TypeError:
            raise Wrong(f"The shape of {name} must be a tuple, got {result[name]!r}.") from None
        if given != shape and sorted(map(str, given)) == sorted(map(str, shape)):
            raise Wrong(
                f"{said} {name} is {given}. The sizes are "
                "right, their order is not: B, then the heads where there are any, then T."
            )
        if given != shape:
            raise Wrong(f"{said} {name} is {given}. Think again: {reason}.")
