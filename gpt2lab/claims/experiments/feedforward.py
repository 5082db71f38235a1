"""Experiments on the claims about the feed-forward network."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from gpt2lab.block import TransformerBlock
from gpt2lab.claims.base import Figures, experiment
from gpt2lab.claims.experiments.measures import numbers
from gpt2lab.config import GPT2Config


def weights(seed: int) -> tuple[Tensor, Tensor]:
    """A matrix up (16, 64) and one down (64, 16), so that variances stay."""
    return numbers(seed, 16, 64) / 4, numbers(seed + 1, 64, 16) / 8


@experiment("F1", shows=lambda found: found["relative difference"] > 0.1)
def relu_for_gelu(seed: int) -> Figures:
    """The same weights with ReLU instead of GELU: how far the output moves, relative to its length."""
    x, (up, down) = numbers(seed + 2, 32, 16), weights(seed)
    gelu, relu = F.gelu(x @ up, approximate="tanh") @ down, (x @ up).relu() @ down
    return {"relative difference": ((relu - gelu).norm() / gelu.norm()).item()}


def both_linear_first(x: Tensor, up: Tensor, down: Tensor) -> Tensor:
    return (x @ up @ down).relu()


def activation_between(x: Tensor, up: Tensor, down: Tensor) -> Tensor:
    return (x @ up).relu() @ down


@experiment(
    "F4",
    shows=lambda found: found["code: from one matrix and a ReLU"] < 1e-4 and found["code: negative"] == 0
    and found["right: negative"] > 0.2,
    wrong=both_linear_first,
    right=activation_between,
)  # fmt: skip
def one_matrix_in_disguise(seed: int) -> Figures:
    """How far the code is from a single matrix with a ReLU, and which share of its outputs is negative."""
    x, (up, down) = numbers(seed + 2, 32, 16), weights(seed)
    out = both_linear_first(x, up, down)
    return {
        "code: from one matrix and a ReLU": (out - (x @ (up @ down)).relu()).abs().max().item(),
        "code: negative": (out < 0).double().mean().item(),
        "right: negative": (activation_between(x, up, down) < 0).double().mean().item(),
    }


@experiment("F2", shows=lambda found: found["without the activation"] < 1e-4 < 0.1 < found["with it"])
def two_matrices_are_one(seed: int) -> Figures:
    """How far two linear layers are from the one matrix they multiply to, without and with a GELU between them."""
    x, (up, down) = numbers(seed + 2, 32, 16), weights(seed)
    one = x @ (up @ down)
    return {
        "without the activation": (x @ up @ down - one).abs().max().item(),
        "with it": (F.gelu(x @ up) @ down - one).abs().max().item(),
    }


@experiment("F5", shows=lambda found: found["activation at the end"] > found["as it is"] + 0.2)
def stream_that_only_grows(seed: int) -> Figures:
    """The mean of the stream after 12 networks that add to it, with and without an activation on their output."""
    found = {}
    for name in ("as it is", "activation at the end"):
        x = numbers(seed + 2, 32, 16)
        for i in range(12):
            up, down = weights(seed + 10 * i)
            out = F.gelu(F.layer_norm(x, (16,)) @ up) @ down
            x = x + (F.gelu(out) if name == "activation at the end" else out)
        found[name] = x.mean().item()
    return found


@experiment("F9", shows=lambda found: 0.66 < found["share of a block"] < 0.67)
def two_thirds(seed: int) -> Figures:
    """Which share of a block's parameters the network holds, at GPT-2's width 768."""
    block = TransformerBlock(GPT2Config.gpt2())
    part, whole = (sum(p.numel() for p in module.parameters()) for module in (block.ffn, block))
    return {"share of a block": part / whole}
