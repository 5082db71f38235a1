"""Experiments on code that is meant to be layer normalisation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gpt2lab.claims.base import Figures, experiment
from gpt2lab.claims.experiments.layernorm import EPS, norm
from gpt2lab.claims.experiments.measures import farthest, numbers, stops
from gpt2lab.claims.experiments.residual import block_and_input

Array = npt.NDArray[np.float32]
Part = Callable[[Tensor], Tensor]


def layer_norm_wrong(x: Tensor) -> Tensor:
    """Layer norm at the start of training: x is (batch, tokens, features)."""
    mean, variance = torch.mean(x), torch.var(x)
    return (x - mean) / torch.sqrt(variance + EPS)


def layer_norm_right(x: Tensor) -> Tensor:
    """Layer norm at the start of training: x is (batch, tokens, features)."""
    mean, variance = x.mean(-1, keepdim=True), x.var(-1, keepdim=True, unbiased=False)
    return (x - mean) / torch.sqrt(variance + EPS)


@experiment(
    "N1",
    shows=lambda found: (
        min(found["whole tensor: sample 0"], found["whole tensor: token 0"]) > 0.02
        and found["per token: sample 0"] == found["per token: token 0"] == 0
    ),
    wrong=layer_norm_wrong,
    right=layer_norm_right,
)
def statistics_of_everything(seed: int) -> Figures:
    """How far sample 0 moves when sample 1 is changed, and token 0 when the last token is (largest change)."""
    x = numbers(seed, 2, 4, 8)
    sample, token = x.clone(), x.clone()
    sample[1], token[0, -1] = 3 * sample[1] + 1, 3 * token[0, -1] + 1
    return {
        "whole tensor: sample 0": farthest(layer_norm_wrong(sample)[0], layer_norm_wrong(x)[0]),
        "whole tensor: token 0": farthest(layer_norm_wrong(token)[0, 0], layer_norm_wrong(x)[0, 0]),
        "per token: sample 0": farthest(layer_norm_right(sample)[0], layer_norm_right(x)[0]),
        "per token: token 0": farthest(layer_norm_right(token)[0, 0], layer_norm_right(x)[0, 0]),
    }


def normalise_wrong(x: Tensor) -> Tensor:
    """Layer norm at the start of training: x is (batch, tokens, features)."""
    mean, variance = x.mean(-1, keepdim=True), x.var(-1, keepdim=True)
    return (x - mean) / torch.sqrt(variance + EPS)


def normalise_right(x: Tensor) -> Tensor:
    """Layer norm at the start of training: x is (batch, tokens, features)."""
    mean, variance = x.mean(-1, keepdim=True), x.var(-1, keepdim=True, unbiased=False)
    return (x - mean) / torch.sqrt(variance + EPS)


@experiment(
    "N2",
    shows=lambda found: abs(found["std of the code"] - (767 / 768) ** 0.5) < 2e-5 and found["std"] > 0.99998,
    wrong=normalise_wrong,
    right=normalise_right,
)
def divided_by_n_minus_one(seed: int) -> Figures:
    """The standard deviation of one normalised token of 768 features, by the code and by layer norm."""
    x = numbers(seed, 1, 768)
    return {
        "std of the code": normalise_wrong(x).std(unbiased=False).item(),
        "std": norm(x).std(unbiased=False).item(),
    }


def numpy_norm_wrong(x: Array) -> Array:
    """Layer norm at the start of training, in NumPy: x is (tokens, features)."""
    mean, variance = np.mean(x), np.var(x)
    return (x - mean) / np.sqrt(variance + EPS)


def numpy_norm_right(x: Array) -> Array:
    """Layer norm at the start of training, in NumPy: x is (tokens, features)."""
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + EPS)


@experiment(
    "N3",
    shows=lambda found: found["code: token 0 moves by"] > 0.02 and found["right: token 0 moves by"] == 0,
    wrong=numpy_norm_wrong,
    right=numpy_norm_right,
)
def numpy_statistics_of_everything(seed: int) -> Figures:
    """How far the first of four tokens moves when the last one changes (largest change)."""
    x = numbers(seed, 4, 8).numpy()
    other = x.copy()
    other[-1] = 3 * other[-1] + 1
    return {
        "code: token 0 moves by": float(abs(numpy_norm_wrong(other) - numpy_norm_wrong(x))[0].max()),
        "right: token 0 moves by": float(abs(numpy_norm_right(other) - numpy_norm_right(x))[0].max()),
    }


def apply_norm_wrong(x: Tensor) -> Tensor:
    """Layer norm by torch's own module."""
    norm = nn.LayerNorm(x.shape[-1])
    x = norm.normalized(x)  # type: ignore[operator]
    return x


def apply_norm_right(x: Tensor) -> Tensor:
    """Layer norm by torch's own module."""
    norm = nn.LayerNorm(x.shape[-1])
    x = norm(x)
    return x


@experiment(
    "N4",
    shows=lambda found: found["code: stops with an AttributeError"] == 1 and found["right: from layer norm"] < 1e-5,
    wrong=apply_norm_wrong,
    right=apply_norm_right,
)
@torch.no_grad()
def method_that_is_not_there(seed: int) -> Figures:
    """Whether the code stops, and how far the right line is from layer norm (largest difference)."""
    x = numbers(seed, 4, 8)
    return {
        "code: stops with an AttributeError": stops(AttributeError, apply_norm_wrong, x),
        "right: from layer norm": farthest(apply_norm_right(x), norm(x)),
    }


def norm_by_hand_wrong(x: Tensor) -> Tensor:
    """Layer norm at the start of training: x is (batch, tokens, features)."""
    mean = x.mean(-1, keepdim=True)
    std = x.std(-1, keepdim=True) + EPS
    return (x - mean) / std


def norm_by_hand_right(x: Tensor) -> Tensor:
    """Layer norm at the start of training: x is (batch, tokens, features)."""
    mean = x.mean(-1, keepdim=True)
    std = (x.var(-1, keepdim=True, unbiased=False) + EPS).sqrt()
    return (x - mean) / std


@experiment(
    "N8",
    shows=lambda found: found["768 wide"] < 0.01 < 0.2 < found["2 wide"] and found["2 wide, right"] < 1e-5,
    wrong=norm_by_hand_wrong,
    right=norm_by_hand_right,
)
def unbiased_deviation(seed: int) -> Figures:
    """Largest difference from torch's layer norm, in wide and in narrow vectors."""
    wide, narrow = numbers(seed, 64, 768), numbers(seed, 64, 2)
    return {
        "768 wide": farthest(norm_by_hand_wrong(wide), F.layer_norm(wide, (768,))),
        "2 wide": farthest(norm_by_hand_wrong(narrow), F.layer_norm(narrow, (2,))),
        "2 wide, right": farthest(norm_by_hand_right(narrow), F.layer_norm(narrow, (2,))),
    }


def block_wrong(x: Tensor, norms: list[Part], attention: Part, feedforward: Part) -> Tensor:
    """GPT-2's block: attention and network, with the norms that belong to them."""
    x = x + self_self_attention(norms[0](x))  # type: ignore[name-defined]  # noqa: F821
    x = x + feedforward(norms[1](x))
    return x


def block_right(x: Tensor, norms: list[Part], attention: Part, feedforward: Part) -> Tensor:
    """GPT-2's block: attention and network, with the norms that belong to them."""
    x = x + attention(norms[0](x))
    x = x + feedforward(norms[1](x))
    return x


@experiment(
    "N11",
    shows=lambda found: found["code: stops with a NameError"] == 1
    and found["its order, names repaired: from GPT-2's block"] > 0.1 > 1e-5 > found["right: from GPT-2's block"],
    wrong=block_wrong,
    right=block_right,
)  # fmt: skip
@torch.no_grad()
def order_of_the_parts(seed: int) -> Figures:
    """Whether the code stops; and how far norm(x + ffn(attention(x))) and the right lines are from GPT-2's block."""
    block, x = block_and_input(seed)
    norms: list[Part] = [block.ln_1, block.ln_2]
    return {
        "code: stops with a NameError": stops(NameError, block_wrong, x, norms, block.attn, block.ffn),
        "its order, names repaired: from GPT-2's block": farthest(block.ln_1(x + block.ffn(block.attn(x))), block(x)),
        "right: from GPT-2's block": farthest(block_right(x, norms, block.attn, block.ffn), block(x)),
    }
