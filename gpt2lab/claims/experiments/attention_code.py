"""Experiments on code that is meant to be attention."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gpt2lab.attention import MultiHeadAttention, attention, causal_mask
from gpt2lab.claims.base import Figures, experiment
from gpt2lab.claims.experiments.measures import farthest, numbers, stops
from gpt2lab.config import GPT2Config


def attend_wrong(x: Tensor, layers: list[nn.Linear]) -> Tensor:
    """Self-attention as one step of a network that is to be trained."""
    d = x.shape[-1]
    q, k, v = (nn.Linear(d, d)(x) for _ in range(3))
    weights = (q @ k.transpose(-2, -1) / d**0.5).softmax(-1)
    return weights @ v


def attend_right(x: Tensor, layers: list[nn.Linear]) -> Tensor:
    """Self-attention as one step of a network that is to be trained."""
    d = x.shape[-1]
    q, k, v = (layer(x) for layer in layers)
    weights = (q @ k.transpose(-2, -1) / d**0.5).softmax(-1)
    return weights @ v


@experiment(
    "A2",
    shows=lambda found: found["made inside: two calls"] > 0.05 and found["handed in: two calls"] == 0,
    wrong=attend_wrong,
    right=attend_right,
)
@torch.no_grad()
def two_calls(seed: int) -> Figures:
    """How far two calls on the same input lie apart (largest difference)."""
    x = numbers(seed, 2, 6, 16)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = [nn.Linear(16, 16) for _ in range(3)]
        made = [attend_wrong(x, layers) for _ in range(2)]
    kept = [attend_right(x, layers) for _ in range(2)]
    return {
        "made inside: two calls": farthest(made[0], made[1]),
        "handed in: two calls": farthest(kept[0], kept[1]),
    }


def blend_wrong(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attention on a batch: q, k and v are (batch, tokens, features); without the root, which is not the bug."""
    scores = q @ k.transpose(0, 1)
    return scores.softmax(-1) @ v


def blend_right(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attention on a batch: q, k and v are (batch, tokens, features); without the root, which is not the bug."""
    scores = q @ k.transpose(-2, -1)
    return scores.softmax(-1) @ v


@experiment(
    "A7",
    shows=lambda found: found["2 samples of 5: stops with a RuntimeError"] == 1
    and found["4 of 4: sample 0 moves by"] > 0 == found["right: sample 0 moves by"],
    wrong=blend_wrong,
    right=blend_right,
)  # fmt: skip
def samples_mixed(seed: int) -> Figures:
    """Whether it stops on (2, 5, 8), and how far sample 0 moves when sample 1 changes, where all sizes are 4."""
    x, same = numbers(seed, 2, 5, 8), numbers(seed, 4, 4, 4)
    other = same.clone()
    other[1] = 3 * other[1] + 1
    return {
        "2 samples of 5: stops with a RuntimeError": stops(RuntimeError, blend_wrong, x, x, x),
        "4 of 4: sample 0 moves by": farthest(blend_wrong(other, other, other)[0], blend_wrong(same, same, same)[0]),
        "right: sample 0 moves by": farthest(blend_right(other, other, other)[0], blend_right(same, same, same)[0]),
    }


def scores_wrong(q: Tensor, k: Tensor) -> Tensor:
    """Scores of a head before the softmax: q and k are (batch, tokens, d_head)."""
    d_head = q.shape[-1]  # noqa: F841
    return q @ k.transpose(-2, -1)


def scores_right(q: Tensor, k: Tensor) -> Tensor:
    """Scores of a head before the softmax: q and k are (batch, tokens, d_head)."""
    d_head = q.shape[-1]
    return q @ k.transpose(-2, -1) / d_head**0.5


@experiment(
    "A8",
    shows=lambda found: found["undivided: largest weight"] > 0.5 > 0.2 > found["divided: largest weight"]
    and found["undivided: gradient"] < found["divided: gradient"],
    wrong=scores_wrong,
    right=scores_right,
)  # fmt: skip
def without_the_root(seed: int) -> Figures:
    """64 queries, 256 keys, 768 wide, variance 1: mean largest weight, and Σ p (1 − p), which the gradient passes."""
    q, k, found = numbers(seed, 64, 768), numbers(seed + 50, 256, 768), dict[str, int | float]()
    for name, scores in (("undivided", scores_wrong(q, k)), ("divided", scores_right(q, k))):
        p = scores.softmax(-1)
        found[f"{name}: largest weight"] = p.amax(-1).mean().item()
        found[f"{name}: gradient"] = (p * (1 - p)).sum(-1).mean().item()
    return found


def attn_weights_wrong(scores: Tensor) -> Tensor:
    """Attention weights from scores (batch, queries, keys)."""
    return scores.softmax(dim=1)


def attn_weights_right(scores: Tensor) -> Tensor:
    """Attention weights from scores (batch, queries, keys)."""
    return scores.softmax(dim=-1)


@experiment(
    "A9",
    shows=lambda found: found["farthest row sum from 1"] > 0.1 and found["right: farthest"] < 1e-5,
    wrong=attn_weights_wrong,
    right=attn_weights_right,
)
def rows_that_do_not_sum(seed: int) -> Figures:
    """How far the sum of a row of weights is from 1, at most; scores (2, 5, 5)."""
    scores = numbers(seed, 2, 5, 5)
    return {
        "farthest row sum from 1": (attn_weights_wrong(scores).sum(-1) - 1).abs().max().item(),
        "right: farthest": (attn_weights_right(scores).sum(-1) - 1).abs().max().item(),
    }


def head_out_wrong(attn_weights: Tensor, values: Tensor) -> Tensor:
    """A head's output from its weights (batch, T, T) and values (batch, T, d_head)."""
    out = torch.sum(attn_weights * values, dim=1)
    return out


def head_out_right(attn_weights: Tensor, values: Tensor) -> Tensor:
    """A head's output from its weights (batch, T, T) and values (batch, T, d_head)."""
    out = attn_weights @ values
    return out


@experiment(
    "A10",
    shows=lambda found: found["6 tokens, 8 wide: stops with a RuntimeError"] == 1
    and found["6 tokens, 6 wide: vectors"] == 1 and found["right: vectors"] == 6,
    wrong=head_out_wrong,
    right=head_out_right,
)  # fmt: skip
def product_of_elements(seed: int) -> Figures:
    """Whether it stops where the text is shorter than the vector is wide; vectors per sample where it is not."""
    weights = numbers(seed, 2, 6, 6).softmax(-1)
    wide, square = numbers(seed + 1, 2, 6, 8), numbers(seed + 1, 2, 6, 6)
    return {
        "6 tokens, 8 wide: stops with a RuntimeError": stops(RuntimeError, head_out_wrong, weights, wide),
        "6 tokens, 6 wide: vectors": head_out_wrong(weights, square).numel() // 12,
        "right: vectors": head_out_right(weights, square).numel() // 12,
    }


def layer_wrong(x: Tensor, attn: nn.MultiheadAttention) -> Tensor:
    """Self-attention of a sequence: x is (batch, tokens, features)."""
    out, attn_weights = attn(x, x, x)
    return (out * x).sum(dim=1)


def layer_right(x: Tensor, attn: nn.MultiheadAttention) -> Tensor:
    """Self-attention of a sequence: x is (batch, tokens, features)."""
    out, attn_weights = attn(x, x, x)
    return out


@experiment(
    "A11",
    shows=lambda found: found["code: vectors"] == 1 and found["right: vectors"] == found["tokens"],
    wrong=layer_wrong,
    right=layer_right,
)
@torch.no_grad()
def one_vector_for_all(seed: int) -> Figures:
    """How many vectors a sequence of six tokens has after the layer."""
    attn, x = nn.MultiheadAttention(16, 2, batch_first=True), numbers(seed, 1, 6, 16)
    return {
        "tokens": 6,
        "code: vectors": layer_wrong(x, attn).numel() // 16,
        "right: vectors": layer_right(x, attn).numel() // 16,
    }


def forward_wrong(self: MultiHeadAttention, x: Tensor) -> Tensor:
    """Causal multi-head attention, up to W_O: a method of its class."""
    q, k, v = selfproject(x)  # type: ignore[name-defined]  # noqa: F821
    return attention(q, k, v, causal_mask(x.shape[1]))[0]


def forward_right(self: MultiHeadAttention, x: Tensor) -> Tensor:
    """Causal multi-head attention, up to W_O: a method of its class."""
    q, k, v = self.project(x)
    return attention(q, k, v, causal_mask(x.shape[1]))[0]


@experiment(
    "A12",
    shows=lambda found: found["Python reads it"] == found["code: stops with a NameError"] == 1 > found["right: stops"],
    wrong=forward_wrong,
    right=forward_right,
)
@torch.no_grad()
def dot_that_is_missing(seed: int) -> Figures:
    """Whether Python reads such a line, and whether the method stops when it is called."""
    layer, x = MultiHeadAttention(GPT2Config.tiny()), numbers(seed, 1, 5, 32)
    return {
        "Python reads it": 1 - stops(SyntaxError, compile, "q, k, v = selfproject(x)", "a line", "exec"),
        "code: stops with a NameError": stops(NameError, forward_wrong, layer, x),
        "right: stops": stops(NameError, forward_right, layer, x),
    }
