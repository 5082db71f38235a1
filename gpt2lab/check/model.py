"""Checks for the way through the whole model: embed, unembed, the next token, shapes, forward."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from gpt2lab.check.base import Answer, CheckResult, Wrong, as_tensor, judge
from gpt2lab.check.learner import Learner, examine
from gpt2lab.check.sandbox import same
from gpt2lab.errors import validates
from gpt2lab.positions import sinusoidal_table


@validates
def embed(function: Answer) -> CheckResult:
    """``my_embed(tokens, token_table, position_table)`` -> the stream before the first block."""
    return examine("embed", function, "tokens token_table position_table", _embed, _embed_one)


def _embed(learner: Learner) -> None:
    tokens = torch.tensor([[3, 1, 4, 1], [5, 9, 2, 6]])
    words, places = torch.randn(10, 6), torch.randn(10, 6)
    out = learner.tensor(tokens, words, places)
    if not same(out, learner(tokens, words, places)):
        raise Wrong(
            "Two calls give two results: something is drawn at random. Dropout comes later, and in training only."
        )
    if out.shape == (2, 4, 12):
        raise Wrong("The width doubled: the two vectors stand side by side. They are added, so the width stays.")
    judge(
        learner.tensor(tokens, words, places, shape=(2, 4, 6)),
        words[tokens] + places[:4],
        {
            "The position vectors are missing: add row 0 to the first token, row 1 to the second …": words[tokens],
            "The position table is looked up with the token ids. Use the positions 0, 1, 2 …": words[tokens]
            + places[tokens],
            "Every token gets the same position vector. Use row t for the token at position t.": words[tokens]
            + places[0],
            "Every token gets row T. Use rows 0 to T - 1, one for each position.": words[tokens] + places[4],
            "The positions begin at 1. The first token gets row 0.": words[tokens] + places[1:5],
            "The token vectors are multiplied by √d_model. The Transformer of 2017 did that, GPT-2 does not.": words[
                tokens
            ]
            * math.sqrt(6)
            + places[:4],
            "position_table is not used: these are sines and cosines, as in 2017. GPT-2 learns its positions.": words[
                tokens
            ]
            + sinusoidal_table(4, 6),
            "The positions run from last to first. The first token gets row 0.": words[tokens] + places[:4].flip(0),
            "The sum is halved. Both vectors count fully.": (words[tokens] + places[:4]) / 2,
            "A layer norm follows. The stream begins with the plain sum; each block norms what it reads.": F.layer_norm(
                words[tokens] + places[:4], (6,)
            ),
            "The two tables are exchanged.": places[tokens] + words[:4],
            "The token vectors are missing: row number `token` of the token table.": places[:4].expand(2, 4, 6),
            "The two vectors are multiplied. They are added.": words[tokens] * places[:4],
        },
        "Not right: which row of which table does the token at position t get?",
    )


def _embed_one(learner: Learner) -> None:
    words, places = torch.randn(10, 6), torch.randn(8, 6)
    for tokens in (torch.tensor([[7]]), torch.tensor([[0, 1, 2, 3, 4, 5, 6, 7]])):
        out = learner.tensor(tokens, words, places)
        if out.shape == (1, 4, 6):
            raise Wrong("4 tokens are fixed in your function. How many there are, the shape of `tokens` says.")
        out = as_tensor(out, learner.name, (1, tokens.shape[1], 6))
        judge(out, words[tokens] + places[: tokens.shape[1]], {}, f"Not right for tokens {tuple(tokens.shape)}.")


@validates
def unembed(function: Answer) -> CheckResult:
    """``my_unembed(x, token_table)`` -> logits, with the token table as output layer."""
    return examine("unembed", function, "x token_table", _unembed, _unembed_one)


def _unembed(learner: Learner) -> None:
    x, words = torch.randn(2, 4, 6), torch.randn(10, 6)
    logits, lengths = x @ words.T, x.norm(dim=-1, keepdim=True) * words.norm(dim=-1)
    out = learner.tensor(x, words)
    if out.shape == (2, 10):
        raise Wrong("Only one position is left. Each of the T positions has its logits: (B, T, vocab_size).")
    if out.shape == (2, 4):
        raise Wrong("There is one number for each position. Return all logits, one for each token of the vocabulary.")
    if out.shape == (2, 10, 4):
        raise Wrong("The last two axes are exchanged: (B, T, vocab_size), a row of logits for each position.")
    judge(
        as_tensor(out, learner.name, (2, 4, 10), context="There is one logit for each token of the vocabulary."),
        logits,
        {
            "These are probabilities. Return the logits, before the softmax.": logits.softmax(-1),
            "These are logarithms of probabilities. Return the logits, before the softmax.": logits.log_softmax(-1),
            "The logits are divided by √d_model. Nothing is scaled here.": logits / math.sqrt(6),
            "x and the rows are brought to length 1, which gives cosines. A longer row may well win.": logits / lengths,
            "The rows are brought to length 1. They are used as they are.": logits / words.norm(dim=-1),
            "x goes through a layer norm. It comes in normed: ln_f stands before the output layer.": F.layer_norm(
                x, (6,)
            )
            @ words.T,
            "These are distances: the right token gets the smallest number. A logit is large where the two agree.": torch.cdist(
                x, words.expand(2, 10, 6)
            ),
            "The sign is turned: the best token gets the smallest logit.": -logits,
        },
        "Not right: each logit says how well x matches one token's row of the table. Which product compares x with every row at once?",
    )


def _unembed_one(learner: Learner) -> None:
    x, words = torch.randn(1, 1, 4), torch.randn(7, 4)
    out = learner.tensor(x, words, shape=(1, 1, 7))
    judge(out, x @ words.T, {}, "Not right for a vocabulary of 7: is a size fixed in your function?")


@validates
def next_token(function: Answer) -> CheckResult:
    """``my_next_token(logits)``: (B, T, vocab_size) -> (B,), the most probable token after the last position."""
    return examine("next_token", function, "logits", _next_token, _next_token_later)


def _next_token(learner: Learner) -> None:
    logits = torch.randn(3, 5, 11)
    logits[:, 0, 9] = 9.0  # the first position is surest of all
    out = learner.tensor(logits)
    if out.shape == (3, 5):
        raise Wrong("There is one token for every position. Only the last position predicts what comes next.")
    if out.shape == () or (out.numel() == 1):
        raise Wrong(
            "One number for the whole tensor: argmax without dim counts through all positions and samples. "
            "Whose prediction is wanted, and over which axis is it the largest?"
        )
    if out.shape == (3, 1):
        raise Wrong("Almost: the shape is (B, 1), expected (B,).")
    if out.shape == (5,):
        raise Wrong(
            "One number for each position of the last text. The first axis counts the texts, the second one the positions."
        )
    as_ids = learner.tensor(logits, shape=(3,), why="Expected one token id per sample.").float()
    judge(
        as_ids,
        logits[:, -1].argmax(-1).float(),
        {
            "The first position decides here, because it is surest of all. Only the last one may.": logits[:, 0]
            .argmax(-1)
            .float(),
            "These are the largest logits. Return which token has it: argmax.": logits[:, -1].max(-1).values,
            "This is the position with the largest logit. Return the token: look for the largest over the vocabulary.": logits.max(
                -1
            )
            .values.argmax(-1)
            .float(),
            "argmax without an axis counts through all rows together, and every text gets the same number. Say over "
            "which axis it runs.": logits[:, -1].argmax().expand(3).float(),
            "The last but one position decides. The last one predicts what comes next.": logits[:, -2]
            .argmax(-1)
            .float(),
            "This is the least probable token.": logits[:, -1].argmin(-1).float(),
        },
        "Not right: whose prediction is about the token that is not there yet?",
    )


def _next_token_later(learner: Learner) -> None:
    logits = torch.randn(2, 8, 7)
    judge(
        learner.tensor(logits, shape=(2,)).float(),
        logits[:, -1].argmax(-1).float(),
        {"Position 4 is fixed in your function. The last one has number T - 1.": logits[:, 4].argmax(-1).float()},
        "Not right for texts of 8 tokens: is a size fixed in your function?",
    )
