"""Checks for generation: the sampling rules, the loop, the cache."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from gpt2lab.check.base import Answer, CheckResult, Wrong, agree, as_number, judge
from gpt2lab.check.learner import Learner, examine
from gpt2lab.config import GPT2Config
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
                "The probabilities are divided, after the softmax. Divide the logits.": logits.softmax(-1) / value,
                "These are logits. The softmax is missing.": logits / value,
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
    for k in (3, 1):
        plain = logits.softmax(-1)
        judge(
            learner.tensor(logits, k, shape=(4, 10)),
            logits.masked_fill(order >= k, -torch.inf).softmax(-1),
            {
                "What is left does not sum to 1. Put -inf into the dropped logits before the softmax, or divide by the sum.": plain
                * (order < k),
                "The dropped logits are set to 0. exp(0) is 1: they stay in the game. Use -inf.": (
                    logits * (order < k)
                ).softmax(-1),
                "The k *least* probable tokens are kept.": logits.masked_fill(order < 10 - k, -torch.inf).softmax(-1),
                "One token too many is kept.": logits.masked_fill(order > k, -torch.inf).softmax(-1),
                "The k-th token is dropped too. Keep k tokens.": logits.masked_fill(order >= k - 1, -torch.inf).softmax(
                    -1
                ),
                "Nothing is dropped.": plain,
                "The kept tokens are equally probable. Their logits still count.": (order < k).float() / k,
                "These are logits. The softmax is missing.": logits.masked_fill(order >= k, -torch.inf),
                "The largest logits of the whole batch decide. Look at each row: dim=-1.": logits.masked_fill(
                    logits < logits.flatten().topk(k).values[-1], -torch.inf
                ).softmax(-1),
            },
            f"With k={k}: keep the {k} largest logits of each row and renormalise.",
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
    judge(
        learner.tensor(logits, 0.5, shape=(2, 5)),
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
            "What is left does not sum to 1. Divide by the sum.": kept * torch.tensor([[0.7], [0.9]]),
            "Nothing is dropped.": probabilities,
            "The least probable tokens are kept. Sort in descending order.": keep([0, 2, 3, 4], [0, 1, 2, 3, 4]),
            "One token too many is kept.": keep([1, 3, 4], [0, 3]),
        },
        "Keep the fewest most probable tokens whose probabilities sum to at least p, and renormalise.",
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


@validates
def greedy(function: Answer) -> CheckResult:
    """``my_greedy(model, tokens, n)`` -> tokens (B, T) followed by n new ones; model: (B, T) -> logits."""
    return examine("greedy", function, "model tokens n", _greedy, _greedy_limits)


def _sum_model(vocab_size: int) -> Callable[[Tensor], Tensor]:
    """Its most probable next token is the weighted sum of the whole prefix, modulo the vocabulary."""

    def model(tokens: Tensor) -> Tensor:
        if tokens.ndim != 2:
            raise ValueError(f"the model takes tokens of shape (B, T), got {tuple(tokens.shape)}")
        answer = (tokens * (torch.arange(tokens.shape[1]) + 1)).cumsum(1) % vocab_size
        # The logits are nearly equal: who samples instead of taking the largest is found out.
        return 0.05 * F.one_hot(answer, vocab_size) - 1e-4 * torch.arange(vocab_size)

    return model


def _greedy(learner: Learner) -> None:
    model, tokens, n = _sum_model(11), torch.tensor([[3, 1, 4], [1, 5, 9]]), 6
    out = learner.tensor(model, tokens, n)
    if out.shape == (2, n):
        raise Wrong("The prompt is missing: return it, followed by the new tokens.")
    if out.ndim == 1:
        raise Wrong("The batch is lost: expected (B, T + n).")
    as_expected = learner.tensor(model, tokens, n, shape=(2, 3 + n), why="Expected (B, T + n).").float()
    if not torch.equal(as_expected[:, :3], tokens.float()):
        raise Wrong("The prompt must stay as it is, in front.")

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
            "The logits of the first position are used. The last one predicts what comes next: logits[:, -1].": loop(
                lambda text: model(text)[:, :1].argmax(-1)
            ),
            "The model always reads the prompt alone. Append each token before asking again.": loop(
                lambda text: model(tokens)[:, -1:].argmax(-1)
            ),
            "The least probable token is taken.": loop(lambda text: model(text)[:, -1:].argmin(-1)),
            "All rows of the batch get the token of the first.": loop(
                lambda text: model(text)[:1, -1:].argmax(-1).expand(2, 1)
            ),
        },
        "At each step: feed everything so far, take the last position, append the token with the largest logit.",
    )


def _greedy_limits(learner: Learner) -> None:
    tokens = torch.tensor([[2, 7]])
    out = learner.tensor(_sum_model(9), tokens, 0)
    if out.shape != (1, 2):
        raise Wrong(f"With n=0 the prompt comes back alone; yours has shape {tuple(out.shape)}.")
    learner.tensor(_sum_model(9), tokens, 1, shape=(1, 3), why="With n=1 there is one new token.")


@validates
def kv_cache_bytes(function: Answer) -> CheckResult:
    """``my_cache_bytes(config, T, bytes_per_number)`` -> bytes of the keys and values of T tokens, one sequence."""
    return examine("kv_cache_bytes", function, "config T bytes_per_number", _cache)


def _cache(learner: Learner) -> None:
    for config, T, size in ((GPT2Config.gpt2_xl(), 7, 4), (GPT2Config.gpt2(), 1024, 2), (GPT2Config.tiny(), 64, 1)):
        count = as_number(learner(config, T, size), "a number of bytes")
        L, d, right = config.n_layers, config.d_model, 2 * config.n_layers * T * config.d_model * size
        reasons = {
            right // 2: "are both keys *and* values counted?",
            2 * L * T * config.d_head * size: "every head has keys and values of its own: n_heads · d_head = d_model",
            2 * T * d * size: "every layer has a cache of its own",
            right * config.n_heads: "the heads share d_model: n_heads · d_head = d_model",
            2 * L * T * d: "how many bytes has one number?",
            2 * L * d * size: "there is one key and one value for each token",
            right + L * T * d * size: "queries need not be kept: each is used once",
            2 * L * T * T * d * size: "the cache grows with T, not with T²: one key and one value per token",
            2 * L * config.n_heads * T * T * size: "these are attention maps. The cache keeps keys and values",
        }
        if not agree(torch.tensor(count).double(), torch.tensor(float(right)).double(), 1e-9):
            reason = f": {reasons[int(count)]}" if int(count) in reasons else ""
            raise Wrong(
                f"For n_layers={L}, d_model={d}, T={T} and {size} bytes per number the cache takes {right:,} bytes, "
                f"you say {int(count):,}{reason}."
            )
