"""Checks for the loop that generates text."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from gpt2lab.check.base import Answer, CheckResult, Wrong, as_tensor, judge
from gpt2lab.check.learner import Learner, examine
from gpt2lab.errors import validates


@validates
def greedy(function: Answer) -> CheckResult:
    """``my_greedy(model, tokens, n)`` -> tokens (B, T) followed by n new ones; model: (B, T) -> logits."""
    return examine("greedy", function, "model tokens n", _greedy, _greedy_limits)


def _sum_model(vocab_size: int) -> Callable[[Tensor], Tensor]:
    """Its most probable next token is the weighted sum of the whole prefix, modulo the vocabulary."""

    def model(tokens: Tensor) -> Tensor:
        if tokens.ndim != 2:
            raise ValueError(f"the model takes tokens of shape (B, T), got {tuple(tokens.shape)}")
        if tokens.is_floating_point():
            raise ValueError("the model takes token ids, which are whole numbers; these look like logits")
        answer = (tokens * (torch.arange(tokens.shape[1]) + 1)).cumsum(1) % vocab_size
        # The logits are nearly equal, so that sampling goes elsewhere even at a low temperature.
        return 1e-3 * F.one_hot(answer, vocab_size) - 1e-6 * torch.arange(vocab_size)

    return model


_NO_AXIS = re.compile(
    r"\.argmax\(\s*\)"  # x.argmax()
    r"|torch\.argmax\((?:[^(),\[\]]|\([^()]*\)|\[[^\[\]]*\])*\)"  # torch.argmax(x), brackets and all, without a comma
)
_DRAWN = "Greedy means that nothing is drawn; the largest logit decides, however small its lead."


def _argmax_has_no_axis(function: object) -> bool:
    """Whether the learner's text says so; False where there is none to read."""
    try:
        return bool(_NO_AXIS.search(inspect.getsource(inspect.unwrap(function))))  # type: ignore[arg-type]
    except (OSError, TypeError, ValueError):
        return False


def _greedy(learner: Learner) -> None:
    model, tokens, n = _sum_model(11), torch.tensor([[3, 1, 4], [1, 5, 9]]), 6
    drawn = f"The tokens are drawn at random, which a seed or a low temperature only hides. {_DRAWN}"
    try:
        out = learner.tensor(model, tokens, n)
        again = learner.tensor(model, tokens, n)
    except Wrong as wrong:
        if " stops at `" in str(wrong) and _argmax_has_no_axis(learner.function):
            raise Wrong(
                "argmax without an axis counts through the whole tensor, batch included, and returns a single number: "
                "it has no place for a token of each row. Say over which axis it runs."
            ) from None
        raise
    if out.ndim == 3:
        raise Wrong("These are logits. Return token ids, (B, T + n): at each step the one with the largest logit.")
    if out.shape == (2, n):
        raise Wrong("The prompt is missing: return it, followed by the new tokens.")
    if out.shape == (2, 3 * 2**n):
        raise Wrong("Each step appends a prediction for every position. Only that of the last is about the next token.")
    if out.ndim == 1:
        raise Wrong("The batch is lost: expected (B, T + n).")
    as_expected = as_tensor(again, learner.name, (2, 3 + n), "Expected (B, T + n).").float()
    if not torch.equal(as_expected[:, :3], tokens.float()):
        raise Wrong("The prompt must stay as it is, in front.")
    if not torch.equal(as_expected, out.float()):
        raise Wrong(f"Two calls with the same prompt give different texts: the tokens are drawn at random. {_DRAWN}")
    learner.forbidden = dict.fromkeys(("multinomial", "Categorical"), drawn)
    learner.tensor(model, tokens, n)

    def loop(choose: Callable[[Tensor], Tensor]) -> Tensor:
        text = tokens
        for _ in range(n):
            text = torch.cat([text, choose(text)], dim=1)
        return text.float()

    judge(
        as_expected,
        loop(lambda text: model(text)[:, -1:].argmax(-1)),
        {
            "Only the last token is fed to the model. Without a cache it must read the whole prefix at every step.": loop(
                lambda text: model(text[:, -1:])[:, -1:].argmax(-1)
            ),
            "The logits of the first position are used. The last one predicts what comes next.": loop(
                lambda text: model(text)[:, :1].argmax(-1)
            ),
            "The model always reads the prompt alone. Append each token before asking again.": loop(
                lambda text: model(tokens)[:, -1:].argmax(-1)
            ),
            "The least probable token is taken.": loop(lambda text: model(text)[:, -1:].argmin(-1)),
            "argmax without an axis counts through all rows and tokens together. Say over which axis it runs.": loop(
                lambda text: model(text)[:, -1].argmax().expand(2, 1)
            ),
            "argmax without an axis counts through the whole tensor, batch and positions included. Take the last "
            "position, and say over which axis argmax runs.": loop(lambda text: model(text).argmax().expand(2, 1)),
            "All rows of the batch get the token of the first.": loop(
                lambda text: model(text)[:1, -1:].argmax(-1).expand(2, 1)
            ),
        },
        "Not right. What does the model read at each step, which of its predictions is about the next token, and what "
        "is handed to the next step?",
    )


def _greedy_limits(learner: Learner) -> None:
    tokens = torch.tensor([[2, 7]])
    out = learner.tensor(_sum_model(9), tokens, 0)
    if out.shape != (1, 2):
        raise Wrong(f"With n=0 the prompt comes back alone; yours has shape {tuple(out.shape)}.")
    model = _sum_model(9)
    out = learner.tensor(model, tokens, 1, shape=(1, 3), why="With n=1 there is one new token.")
    right = torch.cat([tokens, model(tokens)[:, -1:].argmax(-1)], dim=1)
    judge(out.float(), right.float(), {}, "Not right for another model and n=1.")
