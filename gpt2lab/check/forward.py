"""Check for the whole model, put together from its parts."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import NoReturn

import torch
from torch import Tensor, nn

from gpt2lab.check.base import Answer, CheckResult, Wrong, judge
from gpt2lab.check.learner import Learner, examine, explained
from gpt2lab.config import GPT2Config
from gpt2lab.errors import validates
from gpt2lab.model import GPT2


@validates
def forward(function: Answer) -> CheckResult:
    """``my_forward(parts, tokens)`` -> logits (B, T, vocab_size), from a model's parts.

    ``parts`` has ``token_embedding``, ``position_embedding``, ``blocks`` and ``ln_f``.
    """
    return examine("forward", function, "parts tokens", _forward, _forward_other_sizes)


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


def _parts(**sizes: int) -> tuple[GPT2, Parts]:
    """A small model with random weights, and its parts."""
    model = GPT2(GPT2Config.tiny(**sizes)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    names = ("token_embedding", "position_embedding", "blocks", "ln_f")
    return model, Parts(**{name: getattr(model, name) for name in names})


@torch.no_grad()
def _forward_other_sizes(learner: Learner) -> None:
    model, parts = _parts(vocab_size=9, n_layers=4)
    tokens = torch.randint(9, (1, 3))
    x = model.token_embedding(tokens) + model.position_embedding(torch.arange(3))
    for block in model.blocks[:3]:
        x = block(x)
    judge(
        learner.tensor(parts, tokens, shape=(1, 3, 9)),
        model(tokens),
        {"The number of blocks is fixed in your function: here there are 4.": model.unembed(model.ln_f(x))},
        "Right for one model, not for another: is a size fixed in your function?",
    )


def _forward(learner: Learner) -> None:
    model, parts = _parts(vocab_size=40, n_layers=3)
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
