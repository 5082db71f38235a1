"""Checks for the loss of next-token prediction, its first value, and the perplexity."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from gpt2lab.check.base import Answer, CheckResult, Wrong, as_number, judge
from gpt2lab.check.learner import Learner, examine
from gpt2lab.errors import validates


@validates
def next_token_loss(function: Answer) -> CheckResult:
    """``my_loss(logits, tokens)`` -> mean cross-entropy in nats of predicting token t + 1 at position t."""
    return examine("next_token_loss", function, "logits tokens", _loss, _loss_when_sizes_agree, _loss_extremes)


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def _loss(learner: Learner) -> None:
    logits, tokens = torch.randn(2, 6, 9), torch.randint(9, (2, 6))
    right = _cross_entropy(logits[:, :-1], tokens[:, 1:])
    out = learner(logits, tokens)
    if isinstance(out, Tensor) and out.numel() == 10:
        raise Wrong("There is one loss per token. Return their mean.")
    judge(
        _number(learner, logits, tokens).to(right.dtype),
        right,
        {
            "Nothing is shifted: position t is asked for token t, which it can see. The target of position t is token t + 1.": _cross_entropy(
                logits, tokens
            ),
            "Logits and tokens lose the same end: position t is asked for token t, which it can see.": _cross_entropy(
                logits[:, :-1], tokens[:, :-1]
            ),
            "The shift goes the wrong way: position t is asked for token t - 1.": _cross_entropy(
                logits[:, 1:], tokens[:, :-1]
            ),
            "The shift runs along the batch: one text is asked for the tokens of another. Shift along the positions.": _cross_entropy(
                logits[:-1], tokens[1:]
            ),
            "It is shifted twice: position t is asked for token t + 2.": _cross_entropy(logits[:, :-2], tokens[:, 2:]),
            "The tokens are rolled around: the last position is asked for the first token, which is no continuation.": _cross_entropy(
                logits, tokens.roll(-1, 1)
            ),
            "The logits are taken for logarithms of probabilities: a log_softmax is missing.": F.nll_loss(
                logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten()
            ),
            "This is the mean squared error of the probabilities. The loss is minus the logarithm of one of them.": F.mse_loss(
                logits[:, :-1].softmax(-1), F.one_hot(tokens[:, 1:], 9).float()
            ),
            "The probabilities are averaged before the logarithm. Average the losses: one surprise counts fully.": -logits[
                :, :-1
            ]
            .softmax(-1)
            .gather(-1, tokens[:, 1:, None])
            .mean()
            .log(),
            "Only the last position is scored. Every position but the last one has a target.": F.cross_entropy(
                logits[:, -2], tokens[:, -1]
            ),
            "The sum is divided by the number of all tokens. The first of each text is no target: T - 1 are.": right
            * 10
            / 12,
            "The losses are summed along each text. Return the mean over all positions.": right * 5,
            "A reshape has mixed positions and vocabulary. cross_entropy wants the vocabulary second: transpose, or flatten.": F.cross_entropy(
                logits[:, :-1].reshape(2, 9, 5), tokens[:, 1:]
            ),
            "The softmax is applied twice: cross_entropy takes logits, not probabilities.": _cross_entropy(
                logits[:, :-1].softmax(-1), tokens[:, 1:]
            ),
            "The losses are summed. Return their mean.": right * 10,
            "The sign is wrong: the loss is *minus* the log-probability.": -right,
            "This is the mean probability, with a minus. The loss is minus the *logarithm* of the probability.": -logits[
                :, :-1
            ]
            .softmax(-1)
            .gather(-1, tokens[:, 1:, None])
            .mean(),
            "This is in bits. Use the natural logarithm: nats.": right / math.log(2),
            "This is the perplexity, exp(loss).": right.exp(),
        },
        "Not right: which token is position t asked for, and what is the loss of one answer?",
    )


def _loss_when_sizes_agree(learner: Learner) -> None:
    logits, tokens = torch.randn(1, 8, 7), torch.randint(7, (1, 8))
    right = _cross_entropy(logits[:, :-1], tokens[:, 1:])
    judge(
        _number(learner, logits, tokens).float(),
        right,
        {},
        "Not right when there are as many positions as tokens in the "
        "vocabulary: are the ids mistaken for probabilities?",
    )


def _loss_extremes(learner: Learner) -> None:
    tokens = torch.tensor([[0, 1, 2]])
    logits = 2000.0 * F.one_hot(torch.tensor([[3, 3, 3]]), 4)  # sure of what does not come
    loss = learner(logits, tokens)
    if not math.isclose(float(loss) if isinstance(loss, (Tensor, float)) else as_number(loss), 2000.0, rel_tol=1e-4):
        raise Wrong("Large logits break it. Use log_softmax or cross_entropy, not log(softmax).")


@validates
def first_loss(function: Answer) -> CheckResult:
    """``my_first_loss(vocab_size)`` -> loss in nats of a model that finds all tokens equally likely."""
    return examine("first_loss", function, "vocab_size", _first_loss)


def _first_loss(learner: Learner) -> None:
    for vocab_size in (50257, 2, 1000):
        given = as_number(learner(vocab_size))
        right = math.log(vocab_size)
        if math.isclose(given, right, rel_tol=1e-4):
            continue
        for message, wrong in {
            "That is the logarithm to base 2, in bits. Losses are in nats: the natural logarithm.": math.log2(
                vocab_size
            ),
            "That is the logarithm to base 10. Losses are in nats: the natural logarithm.": math.log10(vocab_size),
            "That is the probability of one token. The loss is minus its logarithm.": 1 / vocab_size,
            "The sign is wrong: the logarithm of a probability is negative, the loss is minus that.": -right,
            "That is the perplexity, exp(loss).": float(vocab_size),
            "That is the rule for a fresh GPT-2 of width 768, whose logits spread. Here all tokens are equally likely.": right
            + 0.0002 * 768,
        }.items():
            if math.isclose(given, wrong, rel_tol=1e-4):
                raise Wrong(message)
        if math.isclose(given, right, rel_tol=1e-3):
            raise Wrong("Nearly: that is rounded. Return all digits.")
        if given == as_number(learner(vocab_size + 1)):
            raise Wrong("The same number for every vocabulary. vocab_size is not used.")
        raise Wrong(f"For {vocab_size} equally likely tokens each has probability 1/{vocab_size}; got {given:.4g}.")


@validates
def perplexity(function: Answer) -> CheckResult:
    """``my_perplexity(losses)`` -> number: the perplexity of a text from the loss of each token, in nats."""
    return examine("perplexity", function, "losses", _perplexity)


def _perplexity(learner: Learner) -> None:
    losses = torch.tensor([0.5, 3.0, 1.0, 6.0])
    mean = losses.mean()
    judge(
        _number(learner, losses),
        mean.exp(),
        {
            "exp comes before the mean, so that one hard token decides. Average the losses first.": losses.exp().mean(),
            "The losses are in nats: take e to that power, not 2.": 2**mean,
            "This is the loss itself. Take exp of it.": mean,
            "The losses are summed: this is one over the probability of the whole text. Average.": losses.sum().exp(),
            "One over the mean of the probabilities. Average the losses: one token that was thought impossible counts fully.": 1
            / (-losses).exp().mean(),
            "The sum of the losses is not divided by their number before exp, but after.": losses.sum().exp() / 4,
            "This is in bits. The perplexity is a number of tokens.": mean / math.log(2),
            "The token with the median loss decides. Average the losses.": losses.median().exp(),
            "The largest loss decides alone. Average the losses.": losses.max().exp(),
            "The sign is turned: this is the mean probability (geometric), 1 / perplexity.": (-mean).exp(),
        },
        "Not right: average the losses, then go from nats to a number of tokens.",
    )
    uniform = torch.full((3,), math.log(50257.0))
    judge(
        _number(learner, uniform),
        torch.tensor(50257.0),
        {},
        "Not right for a model that finds 50,257 tokens equally likely: its perplexity is their number.",
    )


def _number(learner: Learner, *arguments: object) -> Tensor:
    return torch.tensor(as_number(learner(*arguments), "one number"), dtype=torch.float64)
