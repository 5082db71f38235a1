"""Experiments on attention code that leaves something out: W_O, the mask, whether heads fit, the mode."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gpt2lab.attention import MultiHeadAttention, attention, causal_mask, merge_heads
from gpt2lab.claims.base import Figures, experiment
from gpt2lab.claims.experiments.measures import farthest, numbers, stops
from gpt2lab.config import GPT2Config
from gpt2lab.errors import InputError


def multi_head_wrong(q: Tensor, k: Tensor, v: Tensor, w_o: Tensor) -> Tensor:
    """Multi-head attention from heads (batch, h, T, d_head) to the stream."""
    heads, attn_weights = attention(q, k, v)
    return merge_heads(heads)


def multi_head_right(q: Tensor, k: Tensor, v: Tensor, w_o: Tensor) -> Tensor:
    """Multi-head attention from heads (batch, h, T, d_head) to the stream."""
    heads, attn_weights = attention(q, k, v)
    return merge_heads(heads) @ w_o


@experiment(
    "A21",
    shows=lambda found: found["code: from W_O = identity"] < 1e-5 < 0.1 < found["code: from a W_O"]
    and abs(found["share of the weights in W_O"] - 0.25) < 0.01,
    wrong=multi_head_wrong,
    right=multi_head_right,
)  # fmt: skip
def without_the_last_matrix(seed: int) -> Figures:
    """How far the code is from multi-head attention with W_O = identity and with a random W_O; W_O's share."""
    q, k, v = (numbers(3 * seed + i, 2, 4, 6, 8) for i in range(3))
    w_o, identity = numbers(seed + 99, 32, 32) / 32**0.5, torch.eye(32)
    layer = MultiHeadAttention(GPT2Config.tiny(d_model=32, n_heads=4))
    whole = sum(p.numel() for p in layer.parameters())
    code = multi_head_wrong(q, k, v, w_o)
    return {
        "code: from W_O = identity": farthest(code, multi_head_right(q, k, v, identity)),
        "code: from a W_O": farthest(code, multi_head_right(q, k, v, w_o)),
        "share of the weights in W_O": sum(p.numel() for p in layer.out.parameters()) / whole,
    }


def decoder_attention_wrong(x: Tensor) -> Tensor:
    """Self-attention in a decoder: x is (tokens, features); no projections, which is not the bug."""
    mask = None
    return attention(x, x, x, mask)[0]


def decoder_attention_right(x: Tensor) -> Tensor:
    """Self-attention in a decoder: x is (tokens, features); no projections, which is not the bug."""
    mask = causal_mask(len(x))
    return attention(x, x, x, mask)[0]


@experiment(
    "A22",
    shows=lambda found: found["code: token 0 moves by"] > 1e-3 and found["right: token 0 moves by"] == 0,
    wrong=decoder_attention_wrong,
    right=decoder_attention_right,
)
def without_a_mask(seed: int) -> Figures:
    """How far the first of six tokens moves when the last one changes (largest change)."""
    x = numbers(seed, 6, 8) / 2
    other = x.clone()
    other[-1] += 1
    return {
        "code: token 0 moves by": farthest(decoder_attention_wrong(other)[0], decoder_attention_wrong(x)[0]),
        "right: token 0 moves by": farthest(decoder_attention_right(other)[0], decoder_attention_right(x)[0]),
    }


@experiment(
    "A23",
    shows=lambda found: found["True = hidden, read as may attend: NaN in the last row"] == 4
    and found["mask (B, T): stops"] == 1 and found["mask (B, T, T), B = heads: from each sample's own"] > 0.1,
)  # fmt: skip
def what_true_means(seed: int) -> Figures:
    """Torch's attention with 4 samples, 4 heads, 4 tokens and three masks that mean something else to it."""
    q, k, v = (numbers(3 * seed + i, 4, 4, 4, 8) for i in range(3))
    hidden = ~causal_mask(4)
    real = torch.ones(4, 5).bool()
    own = torch.rand(4, 4, 4, generator=torch.Generator().manual_seed(seed)) < 0.5
    own |= torch.eye(4).bool()
    turned = attention(q, k, v, hidden)[1][0, 0, -1]
    return {
        "True = hidden, read as may attend: NaN in the last row": int(turned.isnan().sum()),
        "mask (B, T): stops": stops(RuntimeError, F.scaled_dot_product_attention, q, k, v, real),
        "mask (B, T, T), B = heads: from each sample's own": farthest(
            F.scaled_dot_product_attention(q, k, v, own), F.scaled_dot_product_attention(q, k, v, own[:, None])
        ),
    }


def split_wrong(x: Tensor, n_heads: int) -> Tensor:
    """Cut x (tokens, d_model) into heads: (n_heads, tokens, d_head)."""
    d_head = x.shape[-1] // n_heads
    return x.reshape(n_heads, -1, d_head)


def split_right(x: Tensor, n_heads: int) -> Tensor:
    """Cut x (tokens, d_model) into heads: (n_heads, tokens, d_head)."""
    d_head = x.shape[-1] // n_heads
    return x.unflatten(-1, (n_heads, d_head)).transpose(0, 1)


@experiment(
    "A24",
    shows=lambda found: found["tokens before"] == 9 != found["code: tokens after"]
    and found["right: stops"] == found["GPT-2's config: stops"] == 1,
    wrong=split_wrong,
    right=split_right,
)  # fmt: skip
def other_tokens(seed: int) -> Figures:
    """Nine tokens of ten features, cut into three heads without asking whether 3 divides 10."""
    x = numbers(seed, 9, 10)
    return {
        "tokens before": len(x),
        "code: tokens after": split_wrong(x, 3).shape[1],
        "right: stops": stops(RuntimeError, split_right, x, 3),
        "GPT-2's config: stops": stops(InputError, lambda: GPT2Config(d_model=10, n_heads=3)),
    }


def with_dropout_wrong(q: Tensor, k: Tensor, v: Tensor, training: bool) -> Tensor:
    """Attention with dropout of the weights in training and none otherwise."""
    p = 0.5 if model.training else 0.0  # type: ignore[name-defined]  # noqa: F821
    return F.scaled_dot_product_attention(q, k, v, dropout_p=p)


def with_dropout_right(q: Tensor, k: Tensor, v: Tensor, training: bool) -> Tensor:
    """Attention with dropout of the weights in training and none otherwise."""
    p = 0.5 if training else 0.0
    return F.scaled_dot_product_attention(q, k, v, dropout_p=p)


@experiment(
    "A20",
    shows=lambda found: found["code: stops with a NameError"] == 1
    and found["dropout_p = 0.5: two calls"] > 0 == found["right, not training: two calls"],
    wrong=with_dropout_wrong,
    right=with_dropout_right,
)  # fmt: skip
def who_knows_the_mode(seed: int) -> Figures:
    """Whether the code stops; how far two calls of torch's function lie apart, with dropout_p and without."""
    q, k, v = (numbers(3 * seed + i, 6, 16) for i in range(3))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        dropped = [F.scaled_dot_product_attention(q, k, v, dropout_p=0.5) for _ in range(2)]
    return {
        "code: stops with a NameError": stops(NameError, with_dropout_wrong, q, k, v, False),
        "dropout_p = 0.5: two calls": farthest(*dropped),
        "right, not training: two calls": farthest(*(with_dropout_right(q, k, v, False) for _ in range(2))),
    }
