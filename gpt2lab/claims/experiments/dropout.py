"""Experiments on the claims about dropout."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gpt2lab.attention import MultiHeadAttention
from gpt2lab.claims.base import Figures, experiment
from gpt2lab.claims.experiments.measures import farthest, numbers, stops
from gpt2lab.config import GPT2Config
from gpt2lab.layernorm import LayerNorm
from gpt2lab.model import GPT2


def drop_wrong(x: Tensor, p: float) -> Tensor:
    """Dropout in training: each number is dropped with probability p."""
    mask = torch.bernoulli_(torch.full(x.shape, 1 - p))  # type: ignore[attr-defined]
    return x * mask / (1 - p)


def drop_right(x: Tensor, p: float) -> Tensor:
    """Dropout in training: each number is dropped with probability p."""
    mask = torch.bernoulli(torch.full(x.shape, 1 - p))
    return x * mask / (1 - p)


@experiment(
    "D1",
    shows=lambda found: found["code: stops with an AttributeError"] == 1 and abs(found["right: kept"] - 0.9) < 0.02,
    wrong=drop_wrong,
    right=drop_right,
)
def function_that_is_not_there(seed: int) -> Figures:
    """Whether the code stops, and which share of 100,000 ones the right line keeps at p = 0.1."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        kept = drop_right(torch.ones(100_000), 0.1) != 0
    return {
        "code: stops with an AttributeError": stops(AttributeError, drop_wrong, torch.ones(3), 0.1),
        "right: kept": kept.double().mean().item(),
    }


def mask_wrong(x: Tensor, p: float) -> Tensor:
    """Dropout in training: each number is dropped with probability p."""
    mask = torch.rand(len(x)) >= p
    return x * mask / (1 - p)


def mask_right(x: Tensor, p: float) -> Tensor:
    """Dropout in training: each number is dropped with probability p."""
    mask = torch.rand(x.shape) >= p
    return x * mask / (1 - p)


@experiment(
    "D2",
    shows=lambda found: found["4 by 8: stops with a RuntimeError"] == 1
    and found["code: rows with a mask of their own"] == 1 < 150 < found["right: rows with a mask of their own"],
    wrong=mask_wrong,
    right=mask_right,
)  # fmt: skip
def mask_as_long_as_the_batch(seed: int) -> Figures:
    """Whether it stops on 4 rows of 8; of 200 rows of 200 ones, how many different masks there are at p = 0.1."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        code, right = (function(torch.ones(200, 200), 0.1) != 0 for function in (mask_wrong, mask_right))
    return {
        "4 by 8: stops with a RuntimeError": stops(RuntimeError, mask_wrong, torch.ones(4, 8), 0.1),
        "code: rows with a mask of their own": len(code.unique(dim=0)),
        "right: rows with a mask of their own": len(right.unique(dim=0)),
    }


def dropout_wrong(x: Tensor, p: float) -> Tensor:
    """Dropout in training: each number is dropped with probability p."""
    mask = torch.rand(x.shape) < p
    return x * mask


def dropout_right(x: Tensor, p: float) -> Tensor:
    """Dropout in training: each number is dropped with probability p."""
    mask = (torch.rand(x.shape) >= p) / (1 - p)
    return x * mask


@experiment(
    "D4",
    shows=lambda found: found["code: kept"] < 0.15 and found["code: mean"] < 0.15
    and abs(found["right: mean"] - 1) < 0.02 < 0.85 < found["right: kept"],
    wrong=dropout_wrong,
    right=dropout_right,
)  # fmt: skip
def which_part_survives(seed: int) -> Figures:
    """With p = 0.1: the share of 100,000 ones that is kept, and the mean of the result."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        found: Figures = {}
        for name, function in (("code", dropout_wrong), ("right", dropout_right)):
            out = function(torch.ones(100_000), 0.1)
            found |= {f"{name}: kept": (out != 0).double().mean().item(), f"{name}: mean": out.mean().item()}
    return found


@experiment("D5", shows=lambda found: found["left on: two calls"] > 0.1 and found["eval: two calls"] == 0)
def two_calls(seed: int) -> Figures:
    """How far two calls of the same layer on the same input lie apart (largest difference)."""
    layer, x, found = nn.Dropout(0.1), torch.ones(1000), {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for name in ("left on", "eval"):
            layer.train(name == "left on")
            found[f"{name}: two calls"] = farthest(layer(x), layer(x))
    return found


@experiment("D6", shows=lambda found: found["1 token"] > 0.05 and found["8 tokens"] == 0)
def who_gets_a_gradient(seed: int) -> Figures:
    """The share of 1,000 neurons without any gradient at p = 0.1, by the number of tokens in the batch."""
    found: Figures = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for n in (1, 8):
            weight = torch.ones(1000, requires_grad=True)
            nn.Dropout(0.1)(weight.expand(n, 1000)).sum().backward()
            assert weight.grad is not None
            found[f"{n} token{'s' * (n > 1)}"] = (weight.grad == 0).double().mean().item()
    return found


@experiment(
    "D7",
    shows=lambda found: found["dropout modules"] == 1 + 2 * found["blocks"]
    and min(found["embedding"], found["written by attention"], found["written by network"]) > 0.05
    and found["attention weights: two calls"] > 0 == found["layer norm: two calls"],
)  # fmt: skip
@torch.no_grad()
def where_numbers_are_dropped(seed: int) -> Figures:
    """A GPT-2 in training mode, p = 0.1: the share that each module drops; how far two calls of other parts differ."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = GPT2(GPT2Config.tiny(vocab_size=50, context_length=16, dropout=0.1)).train()
        x, block = numbers(seed, 1, 16, 32), model.blocks[0]
        found: Figures = {
            "blocks": len(model.blocks),
            "dropout modules": sum(isinstance(module, nn.Dropout) for module in model.modules()),
        }
        for name, layer in (
            ("embedding", model.dropout),
            ("written by attention", block.attn.out_dropout),
            ("written by network", block.ffn.dropout),
        ):
            found[name] = (layer(x) == 0).double().mean().item()
        block.attn.out_dropout.eval()  # what is left draws among the weights
        found["attention weights: two calls"] = farthest(block.attn(x), block.attn(x))
        found["layer norm: two calls"] = farthest(block.ln_1(x), block.ln_1(x))
    return found


@experiment("D8", shows=lambda found: found["parameters"] == 0 and found["eval: from the input"] == 0)
def a_class_with_one_dropout(seed: int) -> Figures:
    """The parameters of a module that holds one dropout, and how far its output is from its input in evaluation."""
    module, x = nn.Sequential(nn.Dropout(0.1)).eval(), numbers(seed, 4, 8)
    return {"parameters": len(list(module.parameters())), "eval: from the input": farthest(module(x), x)}


@experiment(
    "D9",
    shows=lambda found: (
        found["dropout: matrices"] == found["norm: matrices"] == 0 < found["attention: matrices"]
        and found["width before"] == found["width after dropout, sum and norm"]
    ),
)
@torch.no_grad()
def nothing_is_mapped(seed: int) -> Figures:
    """The matrices among the parameters of three parts, and the width before and after dropout, sum and norm."""
    dropout, norm, x = nn.Dropout(0.1).eval(), LayerNorm(32), numbers(seed, 1, 5, 32)
    parts = {"dropout": dropout, "norm": norm, "attention": MultiHeadAttention(GPT2Config.tiny())}
    found: Figures = {f"{name}: matrices": sum(p.ndim > 1 for p in part.parameters()) for name, part in parts.items()}
    return {
        **found,
        "width before": x.shape[-1],
        "width after dropout, sum and norm": norm(x + dropout(x)).shape[-1],
    }
