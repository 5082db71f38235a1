"""The ceiling: the matrix products of a model and nothing else, on the same machine in the same run.

A product of (m, k) and (k, n) is 2·m·k·n FLOP. Counted are the linear layers, the output layer and
the two products of the attention, whose masked half is counted and computed as well (Chowdhery et
al. 2022, "PaLM", appendix B). Backwards there are two products for every one forwards: one for the
gradient of the input, one for that of the weight.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gpt2lab.model import GPT2

Product = tuple[Tensor, Tensor, Tensor]  # two factors and where the result goes


def products(model: GPT2, B: int, T: int, backward: bool = False) -> list[Product]:
    """Every matrix product of one pass over tokens (B, T).

    The weights are the model's own, as each is read from memory in its turn. What else goes in or out
    is one buffer per shape.
    """
    buffers: dict[tuple[int, ...], tuple[Tensor, Tensor]] = {}

    def buffer(*shape: int, result: bool = False) -> Tensor:
        if shape not in buffers:
            buffers[shape] = (torch.randn(shape), torch.empty(shape))
        return buffers[shape][result]

    def three(a: Tensor, b: Tensor) -> list[Product]:
        """a @ b and, backwards, the gradients of b and a."""
        out = (*a.shape[:-1], b.shape[-1])
        forwards = [(a, b, buffer(*out, result=True))]
        if not backward:
            return forwards
        gradient = buffer(*out)
        return forwards + [
            (a.mT, gradient, buffer(*b.shape, result=True)),
            (gradient, b.mT, buffer(*a.shape, result=True)),
        ]

    config = model.config
    heads = (B * config.n_heads, T, config.d_head)
    found: list[Product] = []
    for block in model.blocks:
        for layer in (block.attn.qkv, block.attn.out, block.ffn.up, block.ffn.down):
            found += three(buffer(B * T, layer.in_features), layer.weight.detach().T)
        found += three(buffer(*heads), buffer(*heads).mT)
        found += three(buffer(*heads[:2], T), buffer(*heads))
    weight = model.token_embedding.weight.detach()
    return found + three(buffer(B * T, config.d_model), weight.T)


def flops(found: list[Product]) -> int:
    """FLOP of all these products."""
    return sum(2 * math.prod(a.shape) * b.shape[-1] for a, b, _ in found)


def multiply(found: list[Product]) -> None:
    """Compute them, one after another."""
    with torch.no_grad():
        for a, b, out in found:
            torch.matmul(a, b, out=out)
