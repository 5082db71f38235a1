"""Checks for the way through the whole model: embed, unembed, shapes, count, the next token."""

from __future__ import annotations

import math
from typing import Any

import torch

from gpt2lab.check.base import CheckResult, Learner, NotDone, Wrong, examine, judge
from gpt2lab.config import GPT2Config
from gpt2lab.model import GPT2


def embed(function: Any) -> CheckResult:
    """``my_embed(tokens, token_table, position_table)`` -> the stream before the first block."""
    return examine("embed", function, "tokens token_table position_table", _embed, _embed_one)


def _embed(learner: Learner) -> None:
    tokens = torch.tensor([[3, 1, 4, 1], [5, 9, 2, 6]])
    words, places = torch.randn(10, 6), torch.randn(10, 6)
    out = learner.tensor(tokens, words, places)
    if out.shape == (2, 4, 12):
        raise Wrong("The width doubled: the two vectors stand side by side. They are added, so the width stays.")
    judge(
        learner.tensor(tokens, words, places, shape=(2, 4, 6)),
        words[tokens] + places[:4],
        {
            "The position vectors are missing: add row 0 to the first token, row 1 to the second …": words[tokens],
            "The position table is looked up with the token ids. Use the positions 0, 1, 2 …":
                words[tokens] + places[tokens],
            "Every token gets the same position vector. Use row t for the token at position t.":
                words[tokens] + places[0],
            "The positions begin at 1. The first token gets row 0.": words[tokens] + places[1:5],
            "The token vectors are multiplied by √d_model. The Transformer of 2017 did that, GPT-2 does not.":
                words[tokens] * math.sqrt(6) + places[:4],
            "The token vectors are missing: row number `token` of the token table.": places[:4].expand(2, 4, 6),
            "The two vectors are multiplied. They are added.": words[tokens] * places[:4],
        },
        "Add row `token` of the token table and row t of the position table.",
    )


def _embed_one(learner: Learner) -> None:
    words, places = torch.randn(10, 6), torch.randn(8, 6)
    for tokens in (torch.tensor([[7]]), torch.tensor([[0, 1, 2, 3, 4, 5, 6, 7]])):
        out = learner.tensor(tokens, words, places, shape=(1, tokens.shape[1], 6))
        judge(out, words[tokens] + places[: tokens.shape[1]], {}, f"Not right for tokens {tuple(tokens.shape)}.")


def unembed(function: Any) -> CheckResult:
    """``my_unembed(x, token_table)`` -> logits, with the token table as output layer."""
    return examine("unembed", function, "x token_table", _unembed)


def _unembed(learner: Learner) -> None:
    x, words = torch.randn(2, 4, 6), torch.randn(10, 6)
    logits = x @ words.T
    judge(
        learner.tensor(x, words, shape=(2, 4, 10), why="There is one logit for each token of the vocabulary."),
        logits,
        {
            "These are probabilities. Return the logits, before the softmax.": logits.softmax(-1),
            "The logits are divided by √d_model. Nothing is scaled here.": logits / math.sqrt(6),
        },
        "The logit of a token is the dot product of x with the token's row: x @ token_table.T.",
    )


def next_token(function: Any) -> CheckResult:
    """``my_next_token(logits)``: (B, T, vocab_size) -> (B,), the most probable token after the last position."""
    return examine("next_token", function, "logits", _next_token)


def _next_token(learner: Learner) -> None:
    logits = torch.randn(3, 5, 11)
    logits[:, 0, 9] = 9.0  # the first position is surest of all
    out = learner.tensor(logits)
    if out.shape == (3, 5):
        raise Wrong("There is one token for every position. Only the last position predicts what comes next: "
                    "logits[:, -1].")
    if out.shape == () or (out.numel() == 1):
        raise Wrong("One number for the whole tensor: argmax without dim counts through all positions and samples. "
                    "Take the last position, then argmax over dim=-1.")
    if out.shape == (3, 1):
        raise Wrong("Almost: the shape is (B, 1), expected (B,).")
    as_ids = learner.tensor(logits, shape=(3,), why="Expected one token id per sample.").float()
    judge(
        as_ids,
        logits[:, -1].argmax(-1).float(),
        {
            "This is the prediction after the *first* token. Use the last position, logits[:, -1].":
                logits[:, 0].argmax(-1).float(),
            "These are the largest logits. Return which token has it: argmax.": logits[:, -1].max(-1).values,
            "This is the position with the largest logit. Return the token: argmax over the vocabulary, dim=-1.":
                logits.max(-1).values.argmax(-1).float(),
            "This is the least probable token.": logits[:, -1].argmin(-1).float(),
        },
        "Take the logits after the last position, then the token with the largest one.",
    )


def shapes(function: Any) -> CheckResult:
    """``my_shapes(B, T, d_model, n_heads, vocab_size)`` -> dict with the shapes of six tensors.

    Keys: ``tokens``, ``x`` (the stream), ``q`` (all heads), ``attn_weights``, ``ffn_hidden``, ``logits``.
    """
    return examine("shapes", function, "B T d_model n_heads vocab_size", _shapes)


def _shapes(learner: Learner) -> None:
    B, T, d_model, n_heads, vocab_size = 2, 7, 48, 4, 100
    result = learner(B, T, d_model, n_heads, vocab_size)
    if not isinstance(result, dict):
        raise Wrong(f"Return a dict, got {type(result).__name__}.")
    right = {
        "tokens": ((B, T), "one id for each token of each sample"),
        "x": ((B, T, d_model), "one vector of width d_model for each token"),
        "q": ((B, n_heads, T, d_model // n_heads), "each head works in a slice of d_model / n_heads features"),
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
        if given != shape:
            raise Wrong(f"With B=2, T=7, d_model=48, n_heads=4, vocab_size=100 you say {name} is {given}. "
                        f"Think again: {reason}.")


def parameter_count(function: Any) -> CheckResult:
    """``my_count(config)`` -> number of parameters of a GPT-2 with this GPT2Config, tied output."""
    return examine("parameter_count", function, "config", _count)


def _count(learner: Learner) -> None:
    for config in (GPT2Config.gpt2(), GPT2Config.gpt2_xl(), GPT2Config.tiny(d_ff=100)):
        right = _parameters(config)
        given = learner(config)
        if isinstance(given, dict):
            given = sum(given.values())
        if isinstance(given, bool) or not isinstance(given, (int, float)):
            raise Wrong(f"Return a whole number, got {type(given).__name__}.")
        d, block = config.d_model, 4 * config.d_model**2 + 2 * config.d_model * config.d_ff
        gaps = {
            config.vocab_size * d: "the output layer is counted, or the token table twice. GPT-2 uses one matrix for "
            "both: they are tied",
            -config.vocab_size * d: "the token table is missing",
            -config.context_length * d: "the position table is missing",
            -2 * d: "the final layer norm (weight and bias) is missing",
            -2 * d * (2 * config.n_layers + 1): "the layer norms are missing: two in each block and one at the end, "
            "with a weight and a bias each",
            -4 * d * config.n_layers: "4·d_model are missing per block, as many as its two layer norms have, or "
            "the biases of its attention",
            -4 * d * config.n_layers - (5 * d + config.d_ff) * config.n_layers - 2 * d: "all biases and layer norms "
            "are missing; only the matrices are counted",
            -(5 * d + config.d_ff) * config.n_layers: "the biases of the linear layers are missing",
            -d * d * config.n_layers: "the output projection W_O of the attention is missing",
            -(d * d + d) * config.n_layers: "the output projection W_O of the attention is missing",
            -(d + config.d_ff) * config.n_layers: "the biases of the feed-forward network are missing",
            -right: "nothing is counted",
            -(config.n_layers - 1) * block: "only one block is counted",
        }
        if given != right:
            reason = gaps.get(int(given) - right)
            hint = f": {reason}." if reason else "."
            raise Wrong(f"For {config} you count {given:,}, the model has {right:,} ({given - right:+,}){hint}")


def _parameters(config: GPT2Config) -> int:
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in GPT2(config).parameters())
