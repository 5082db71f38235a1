"""Experiments on code that is meant to be a residual connection."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from gpt2lab.block import TransformerBlock
from gpt2lab.claims.base import Figures, experiment
from gpt2lab.claims.experiments.measures import farthest, numbers, stops
from gpt2lab.claims.experiments.residual import arriving, block_and_input

Part = Callable[[Tensor], Tensor]


def block_wrong(x: Tensor, attention: Part, feedforward: Part) -> Tensor:
    """One block: two parts, each with its residual connection; norms left out, which is not the bug."""
    x = attention(x)
    x = x + feedforward(x)
    return x


def block_right(x: Tensor, attention: Part, feedforward: Part) -> Tensor:
    """One block: two parts, each with its residual connection; norms left out, which is not the bug."""
    x = x + attention(x)
    x = x + feedforward(x)
    return x


def without_gradient(part: Part, norm: Part) -> Part:
    """The numbers of part(norm(x)), through which no gradient passes."""
    return lambda x: part(norm(x)).detach() + 0 * x


@experiment(
    "R6",
    shows=lambda found: found["code: gradient"] == 0 and abs(found["right: gradient"] - 1) < 1e-5,
    wrong=block_wrong,
    right=block_right,
)
def input_that_is_not_added(seed: int) -> Figures:
    """The gradient that passes 16 blocks beside attention and network, relative to the one behind them."""
    found: Figures = {}
    for name, code in (("code", block_wrong), ("right", block_right)):

        def step(block: TransformerBlock, x: Tensor, code: Callable[..., Tensor] = code) -> Tensor:
            return code(x, without_gradient(block.attn, block.ln_1), without_gradient(block.ffn, block.ln_2))

        found[f"{name}: gradient"] = arriving(seed, step)
    return found


def residual_wrong(x: Tensor, part: Part) -> Tensor:
    """A residual connection around a part."""
    output = output + part(x)  # type: ignore[has-type]  # noqa: F821
    return output


def residual_right(x: Tensor, part: Part) -> Tensor:
    """A residual connection around a part."""
    output = x + part(x)
    return output


@experiment(
    "R7",
    shows=lambda found: found["code: stops with a NameError"] == 1 > found["right: stops"],
    wrong=residual_wrong,
    right=residual_right,
)
def name_without_a_value(seed: int) -> Figures:
    """Whether a call stops because a name has no value yet."""
    x = numbers(seed, 3, 4)
    return {
        "code: stops with a NameError": stops(NameError, residual_wrong, x, torch.relu),
        "right: stops": stops(NameError, residual_right, x, torch.relu),
    }


def sublayer_wrong(x: Tensor, part: Part) -> Tensor:
    """A residual connection around a part."""
    identity = nn.Identity()
    return identity(part(x))


def sublayer_right(x: Tensor, part: Part) -> Tensor:
    """A residual connection around a part."""
    identity = nn.Identity()
    return identity(x) + part(x)


@experiment(
    "R9",
    shows=lambda found: found["from part(x)"] == 0 and found["from x + part(x)"] > 0.1,
    wrong=sublayer_wrong,
    right=sublayer_right,
)
@torch.no_grad()
def identity_is_no_sum(seed: int) -> Figures:
    """How far the code's result is from the bare part, and from the residual sum (largest difference)."""
    block, x = block_and_input(seed)
    found = sublayer_wrong(x, block.attn)
    return {
        "from part(x)": farthest(found, block.attn(x)),
        "from x + part(x)": round(farthest(found, sublayer_right(x, block.attn)), 3),
    }


def join_heads_wrong(heads: Tensor, w_o: Tensor) -> Tensor:
    """Join heads (h, T, d_head) and mix them by W_O: (T, d_model)."""
    joined = torch.bmm(w_o, heads)
    return joined


def join_heads_right(heads: Tensor, w_o: Tensor) -> Tensor:
    """Join heads (h, T, d_head) and mix them by W_O: (T, d_model)."""
    joined = heads.transpose(0, 1).flatten(1) @ w_o
    return joined


@experiment(
    "R12",
    shows=lambda found: found["code: stops with a RuntimeError"] == 1 and found["right: vectors"] == found["tokens"],
    wrong=join_heads_wrong,
    right=join_heads_right,
)
def shapes_that_do_not_fit(seed: int) -> Figures:
    """Three heads of 5 tokens, 4 wide: whether the code stops, and how many vectors the right line gives."""
    heads, w_o = numbers(seed, 3, 5, 4), numbers(seed + 1, 12, 8)
    return {
        "code: stops with a RuntimeError": stops(RuntimeError, join_heads_wrong, heads, w_o),
        "tokens": heads.shape[1],
        "right: vectors": len(join_heads_right(heads, w_o)),
    }


def encode_wrong(x: Tensor, parts: nn.ModuleList) -> Tensor:
    """Run the parts of an encoder, attention, norms and networks, one after the other."""
    for i, part in enumerate(parts):
        attends = i % 2 == 0
        x = part(x, x, x)[0] if attends else part(x)
    return x


def encode_right(x: Tensor, parts: nn.ModuleList) -> Tensor:
    """Run the parts of an encoder, attention, norms and networks, one after the other."""
    for i, part in enumerate(parts):  # noqa: B007
        attends = isinstance(part, nn.MultiheadAttention)
        x = part(x, x, x)[0] if attends else part(x)
    return x


@experiment(
    "R14",
    shows=lambda found: found["code: stops with a TypeError"] == 1 > found["right: stops"],
    wrong=encode_wrong,
    right=encode_right,
)
def parts_by_their_index(seed: int) -> Figures:
    """Two layers of attention, norm and network in one list: whether running them in turn stops."""
    parts = nn.ModuleList(
        part
        for _ in range(2)
        for part in (nn.MultiheadAttention(8, 2), nn.LayerNorm(8), nn.Sequential(nn.Linear(8, 8), nn.ReLU()))
    )
    x = numbers(seed, 5, 8)
    return {
        "parts": len(parts),
        "code: stops with a TypeError": stops(TypeError, encode_wrong, x, parts),
        "right: stops": stops(TypeError, encode_right, x, parts),
    }
