"""Experiments on the claims about several heads."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gpt2lab.attention import MultiHeadAttention, attention
from gpt2lab.claims.base import Figures, experiment
from gpt2lab.claims.experiments.measures import numbers
from gpt2lab.config import GPT2Config


def pieces_of_the_sequence(x: Tensor, h: int) -> Tensor:
    B, T, d = x.shape
    parts = x.view(B, h, T // h, d)
    return attention(parts, parts, parts)[0].reshape(B, T, d)


def slices_of_the_features(x: Tensor, h: int) -> Tensor:
    B, T, d = x.shape
    parts = x.view(B, T, h, d // h).transpose(1, 2)
    return attention(parts, parts, parts)[0].transpose(1, 2).reshape(B, T, d)


def hearing(cut: Callable[[Tensor, int], Tensor], seed: int) -> Tensor:
    """How far each of six tokens moves when the last one changes, with two heads and no mask: (6,)."""
    x = numbers(seed, 1, 6, 8)
    other = x.clone()
    other[0, -1] += 1
    return (cut(other, 2) - cut(x, 2))[0].abs().amax(-1)


@experiment(
    "H1",
    shows=lambda found: found["sequence cut: token 0"] == 0 < found["features cut: token 0"],
    wrong=pieces_of_the_sequence,
    right=slices_of_the_features,
)
def who_hears_of_the_last_token(seed: int) -> Figures:
    """How far the first of six tokens moves when the last one changes, without a mask (largest change)."""
    return {
        "sequence cut: token 0": float(hearing(pieces_of_the_sequence, seed)[0]),
        "features cut: token 0": float(hearing(slices_of_the_features, seed)[0]),
    }


def reshaped(x: Tensor, h: int) -> Tensor:
    parts = x.reshape(-1, h, x.shape[-1] // h)
    return attention(parts, parts, parts)[0].reshape(x.shape)


@experiment(
    "H2",
    shows=lambda found: found["reshaped: other tokens"] == 0 < found["right: other tokens"],
    wrong=reshaped,
    right=slices_of_the_features,
)
def heads_attend_to_heads(seed: int) -> Figures:
    """How far the first five of six tokens move when the last one changes, without a mask (largest change)."""
    return {
        "reshaped: other tokens": float(hearing(reshaped, seed)[:-1].max()),
        "right: other tokens": float(hearing(slices_of_the_features, seed)[:-1].min()),
    }


@experiment(
    "H6",
    shows=lambda found: (
        found["parameters, 1 head"] == found["parameters, 48 heads"]
        and found["weights in the maps, 48 heads"] == 48 * found["weights in the maps, 1 head"]
    ),
)
def heads_at_one_width(seed: int) -> Figures:
    """What one layer of width 768 holds with 1 and with 48 heads, and how large its maps of 256 tokens are."""
    found: Figures = {}
    for h in (1, 48):
        layer = MultiHeadAttention(GPT2Config(n_heads=h))
        name = f"{h} head{'s' * (h > 1)}"
        found[f"parameters, {name}"] = sum(parameter.numel() for parameter in layer.parameters())
        with torch.no_grad():
            found[f"weights in the maps, {name}"] = layer.trace(numbers(seed, 1, 256, 768)).attn_weights.numel()
    return found


@experiment("H4", shows=lambda found: found["heads that feature 0 depends on"] == found["heads"] > 1)
def output_matrix_mixes(seed: int) -> Figures:
    """On how many heads one feature of the output depends: its gradient at each head's slice."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layer = MultiHeadAttention(GPT2Config.tiny(d_model=32, n_heads=4))
    joined = numbers(seed, 32).requires_grad_()
    layer.out(joined)[0].backward()
    assert joined.grad is not None
    return {"heads": 4, "heads that feature 0 depends on": int((joined.grad.view(4, 8).norm(dim=-1) > 0).sum())}
