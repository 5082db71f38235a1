"""Checks for the whole way: the forward pass from its parts, and the gradient's way back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from gpt2lab.check.base import CheckResult, Learner, Wrong, examine, judge
from gpt2lab.config import GPT2Config
from gpt2lab.model import GPT2


def forward(function: Any) -> CheckResult:
    """``my_forward(parts, tokens)`` -> logits (B, T, vocab_size), from a model's parts.

    ``parts`` has ``token_embedding``, ``position_embedding``, ``blocks`` and ``ln_f``.
    """
    return examine("forward", function, "parts tokens", _forward)


class Parts(SimpleNamespace):
    """A model's parts without the model: calling it, or asking it for more, says so."""

    def __getattr__(self, name: str) -> Any:
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

    def through(x: Tensor, blocks: Any) -> Tensor:
        for block in blocks:
            x = block(x)
        return x

    def logits(x: Tensor) -> Tensor:
        return model.ln_f(x) @ table.T

    start = words + places
    end = through(start, model.blocks)
    right = logits(end)
    with torch.no_grad():
        out = learner.tensor(parts, tokens)
    if tuple(out.shape) == (2, 6, 32):
        raise Wrong("These are vectors of width d_model, not logits yet: multiply by token_embedding.weight.T.")
    if tuple(out.shape) == (2, 40):
        raise Wrong("Only one position is left. Return the logits of all positions: (B, T, vocab_size).")
    judge(
        learner.tensor(parts, tokens, shape=(2, 6, 40), why="Expected (B, T, vocab_size)."),
        right,
        {
            "ln_f is missing: the last norm, between the last block and the output layer.": end @ table.T,
            "The positions are missing: add position_embedding of 0, 1, … T-1 to the token vectors.":
                logits(through(words, model.blocks)),
            "The blocks are missing: x = block(x) for each of them.": logits(start),
            "Every block starts from the embeddings again. Hand on what the block before returned: x = block(x).":
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
            "The positions are looked up with the token ids. Use torch.arange(T).":
                logits(through(words + model.position_embedding(tokens), model.blocks)),
        },
        "Follow the map: token row + position row, every block in turn, ln_f, then @ token_embedding.weight.T.",
    )  # fmt: skip


def _normed_each_time(x: Tensor, model: GPT2) -> Tensor:
    for block in model.blocks[:-1]:
        x = model.ln_f(block(x))
    return model.blocks[-1](x)


def _added_again(x: Tensor, model: GPT2) -> Tensor:
    for block in model.blocks:
        x = x + block(x)
    return x


def gradient(function: Any) -> CheckResult:
    """``my_gradient(slopes, residual)`` -> derivative of the last number with respect to the first.

    Part i turns x into slope_i · x, or, with ``residual``, into x + slope_i · x.
    """
    return examine("gradient", function, "slopes residual", _gradient)


def _gradient(learner: Learner) -> None:
    cases = ([0.5, -0.25, 2.0], [0.1] * 5, [3.0], [-0.5, -0.5])
    for residual in (True, False):
        for slopes in cases:
            value = learner(list(slopes), residual)
            try:
                actual = torch.tensor(float(value))
            except (TypeError, ValueError):
                raise Wrong(f"{learner.name} must return a number, got {type(value).__name__}.") from None
            s = torch.tensor(slopes)
            with_sum, without, called = (1 + s).prod(), s.prod(), f"With slopes={slopes} and residual={residual}"
            mistakes = {
                True: {
                    "This is the product of the slopes, as if nothing were added. With x + slope·x the factor of "
                    "each part is 1 + slope.": without,
                    "1 is added once, after multiplying. Every part has its own sum, so every factor is 1 + slope.":
                        1 + without,
                    "The slopes are added up. Derivatives of parts in a row are multiplied: (1 + a)(1 + b) … ; the "
                    "sum leaves out the paths through several parts.": 1 + s.sum(),
                    "The slopes are added. Derivatives of parts in a row are multiplied.": s.sum(),
                },
                False: {
                    "`residual` is ignored: without the sum the factor of each part is its slope alone.": with_sum,
                    "The slopes are added. Derivatives of parts in a row are multiplied.": s.sum(),
                    "1 is added. Without the residual there is no 1.": 1 + without,
                },
            }[residual]
            expected = with_sum if residual else without
            judge(actual, expected, mistakes, f"{called} the product of the factors is wanted.", tolerance=1e-5)
