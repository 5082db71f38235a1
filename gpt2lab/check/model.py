"""Checks for the way through the whole model: embed, unembed, the next token, shapes, forward."""

from __future__ import annotations

import math
from collections.abc import Iterable
from types import SimpleNamespace
from typing import NoReturn

import torch
from torch import Tensor, nn

from gpt2lab.check.base import Answer, CheckResult, NotDone, Wrong, judge
from gpt2lab.check.learner import Learner, examine, explained
from gpt2lab.config import GPT2Config
from gpt2lab.errors import validates
from gpt2lab.model import GPT2


@validates
def embed(function: Answer) -> CheckResult:
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
            "The token vectors are missing: row number `token` of the token table.": places[:4].expand(2, 4, 6),
            "The two vectors are multiplied. They are added.": words[tokens] * places[:4],
        },
        "Not right: which row of which table does the token at position t get?",
    )


def _embed_one(learner: Learner) -> None:
    words, places = torch.randn(10, 6), torch.randn(8, 6)
    for tokens in (torch.tensor([[7]]), torch.tensor([[0, 1, 2, 3, 4, 5, 6, 7]])):
        out = learner.tensor(tokens, words, places, shape=(1, tokens.shape[1], 6))
        judge(out, words[tokens] + places[: tokens.shape[1]], {}, f"Not right for tokens {tuple(tokens.shape)}.")


@validates
def unembed(function: Answer) -> CheckResult:
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
        "Not right: each logit says how well x matches one token's row of the table. Which product compares x with every row at once?",
    )


@validates
def next_token(function: Answer) -> CheckResult:
    """``my_next_token(logits)``: (B, T, vocab_size) -> (B,), the most probable token after the last position."""
    return examine("next_token", function, "logits", _next_token)


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
            "This is the least probable token.": logits[:, -1].argmin(-1).float(),
        },
        "Not right: whose prediction is about the token that is not there yet?",
    )


@validates
def shapes(function: Answer) -> CheckResult:
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
                f"With B=2, T=7, d_model=48, n_heads=4, vocab_size=100 you say {name} is {given}. The sizes are "
                "right, their order is not: B, then the heads where there are any, then T."
            )
        if given != shape:
            raise Wrong(
                f"With B=2, T=7, d_model=48, n_heads=4, vocab_size=100 you say {name} is {given}. "
                f"Think again: {reason}."
            )


@validates
def forward(function: Answer) -> CheckResult:
    """``my_forward(parts, tokens)`` -> logits (B, T, vocab_size), from a model's parts.

    ``parts`` has ``token_embedding``, ``position_embedding``, ``blocks`` and ``ln_f``.
    """
    return examine("forward", function, "parts tokens", _forward)


# What torch says about a model put together wrongly, and what it means there.
_STOPS = {
    "ModuleList": "`parts.blocks` is a list of blocks, and a list cannot be called. Each block can, one after the other.",
    "must be Tensor, not int": "a table is asked with a tensor of numbers: one for each position, not how many there are.",
    "'indices' to have one of the following scalar types": "a table is asked with ids, and these are vectors. Which "
    "product compares vectors with every row of a table?",
}


class Parts(SimpleNamespace):
    """A model's parts without the model: calling it, or asking it for more, says so."""

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"parts has no {name!r}, only {', '.join(vars(self))}: put the model together from these")


def _forward(learner: Learner) -> None:
    model = GPT2(GPT2Config.tiny(vocab_size=40, n_layers=3)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    parts = Parts(
        token_embedding=model.token_embedding,
        position_embedding=model.position_embedding,
        blocks=model.blocks,
        ln_f=model.ln_f,
    )
    tokens = torch.randint(40, (2, 6))
    table = model.token_embedding.weight
    words, places = model.token_embedding(tokens), model.position_embedding(torch.arange(6))

    def through(x: Tensor, blocks: Iterable[nn.Module]) -> Tensor:
        for block in blocks:
            x = block(x)
        return x

    def logits(x: Tensor) -> Tensor:
        return model.ln_f(x) @ table.T

    start = words + places
    end = through(start, model.blocks)
    right = logits(end)
    with torch.no_grad(), explained(_STOPS):
        out = learner.tensor(parts, tokens)
    if tuple(out.shape) == (2, 6, 32):
        raise Wrong("These are vectors of width d_model, not logits yet: the token table is the output layer, too.")
    if tuple(out.shape) == (2, 40):
        raise Wrong("Only one position is left. Return the logits of all positions: (B, T, vocab_size).")
    judge(
        learner.tensor(parts, tokens, shape=(2, 6, 40), why="Expected (B, T, vocab_size)."),
        right,
        {
            "ln_f is missing: the last norm, between the last block and the output layer.": end @ table.T,
            "The positions are missing: add position_embedding of 0, 1, … T-1 to the token vectors.":
                logits(through(words, model.blocks)),
            "The blocks are missing: the stream passes through each of them.": logits(start),
            "Every block starts from the embeddings again. Hand on what the block before returned.":
                logits(model.blocks[-1](start)),
            "Only the first block is used. There are several: for block in parts.blocks.":
                logits(model.blocks[0](start)),
            "The blocks run from last to first.": logits(through(start, list(model.blocks)[::-1])),
            "ln_f comes before the blocks as well. It belongs after the last block only.":
                logits(through(model.ln_f(start), model.blocks)),
            "ln_f stands before the blocks. It belongs after the last one.": through(model.ln_f(start), model.blocks)
            @ table.T,
            "ln_f follows every block. It belongs after the last one only.":
                logits(_normed_each_time(start, model)),
            "The residual sums are inside the blocks already; `x + block(x)` adds the stream twice.":
                logits(_added_again(start, model)),
            "These are probabilities. Return the logits, before the softmax.": right.softmax(-1),
            "The token vectors are multiplied by √d_model. The Transformer of 2017 did that, GPT-2 does not.":
                logits(through(words * 32**0.5 + places, model.blocks)),
            "The positions are looked up with the token ids. Use the positions: 0, 1, 2 …":
                logits(through(words + model.position_embedding(tokens), model.blocks)),
        },
        "Not right. Follow the map: both tables at the input, every block in turn, the last norm, and the token table once more as output layer.",
    )  # fmt: skip


def _normed_each_time(x: Tensor, model: GPT2) -> Tensor:
    for block in model.blocks[:-1]:
        x = model.ln_f(block(x))
    return model.blocks[-1](x)


def _added_again(x: Tensor, model: GPT2) -> Tensor:
    for block in model.blocks:
        x = x + block(x)
    return x
