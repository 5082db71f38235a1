"""Experiments on the claims about several heads."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from gpt2lab.attention import MultiHeadAttention, attention, causal_mask
from gpt2lab.claims.base import Figures, experiment
from gpt2lab.claims.experiments.english import costs_of_heads
from gpt2lab.claims.experiments.measures import farthest, numbers, stops
from gpt2lab.config import GPT2Config


def made_layer(seed: int, n_heads: int, d_model: int = 32) -> MultiHeadAttention:
    """Multi-head attention whose matrices keep the variance."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layer = MultiHeadAttention(GPT2Config.tiny(d_model=d_model, n_heads=n_heads)).eval()
        nn.init.normal_(layer.qkv.weight, std=d_model**-0.5)
    return layer


def attend_wrong(x: Tensor, h: int) -> Tensor:
    """All h heads at once: x is (batch, tokens, features); no projections, which is not the bug."""
    B, T, d = x.shape
    heads = x.view(B, h, T // h, d)
    out, attn_weights = attention(heads, heads, heads)
    return out.transpose(1, 2).reshape(B, T, d)


def attend_right(x: Tensor, h: int) -> Tensor:
    """All h heads at once: x is (batch, tokens, features); no projections, which is not the bug."""
    B, T, d = x.shape
    heads = x.view(B, T, h, d // h).transpose(1, 2)
    out, attn_weights = attention(heads, heads, heads)
    return out.transpose(1, 2).reshape(B, T, d)


def hearing(cut: Callable[[Tensor, int], Tensor], seed: int) -> Tensor:
    """How far each of six tokens moves when the last one changes, with two heads and no mask: (6,)."""
    x = numbers(seed, 1, 6, 8)
    other = x.clone()
    other[0, -1] += 1
    return (cut(other, 2) - cut(x, 2))[0].abs().amax(-1)


@experiment(
    "H1",
    shows=lambda found: found["sequence cut: token 0"] == 0 < found["features cut: token 0"],
    wrong=attend_wrong,
    right=attend_right,
)
def who_hears_of_the_last_token(seed: int) -> Figures:
    """How far the first of six tokens moves when the last one changes, without a mask (largest change)."""
    return {
        "sequence cut: token 0": float(hearing(attend_wrong, seed)[0]),
        "features cut: token 0": float(hearing(attend_right, seed)[0]),
    }


def by_head_wrong(x: Tensor, h: int) -> Tensor:
    """All h heads at once: x is (batch, tokens, features); no projections, which is not the bug."""
    heads = x.reshape(-1, h, x.shape[-1] // h)
    out, attn_weights = attention(heads, heads, heads)
    return out.transpose(1, 2).reshape(x.shape)


def by_head_right(x: Tensor, h: int) -> Tensor:
    """All h heads at once: x is (batch, tokens, features); no projections, which is not the bug."""
    heads = x.unflatten(-1, (h, -1)).transpose(1, 2)
    out, attn_weights = attention(heads, heads, heads)
    return out.transpose(1, 2).reshape(x.shape)


@experiment(
    "H2",
    shows=lambda found: found["reshaped: other tokens"] == 0 < found["right: other tokens"],
    wrong=by_head_wrong,
    right=by_head_right,
)
def heads_attend_to_heads(seed: int) -> Figures:
    """How far the first five of six tokens move when the last one changes, without a mask (largest change)."""
    return {
        "reshaped: other tokens": float(hearing(by_head_wrong, seed)[:-1].max()),
        "right: other tokens": float(hearing(by_head_right, seed)[:-1].min()),
    }


@experiment(
    "H3",
    shows=lambda found: found["12 layers of full width: parameters"] == 12 * found["12 heads: parameters"]
    and found["12 heads: from 12 narrow ones"] < 1e-4,
)  # fmt: skip
@torch.no_grad()
def one_layer_cut_in_twelve(seed: int) -> Figures:
    """Parameters at width 768; and how far 12 heads are from 12 narrow attentions through rows of W_O, summed."""
    with torch.device("meta"):
        layer = MultiHeadAttention(GPT2Config.gpt2())
    count = sum(p.numel() for p in layer.parameters())
    small, x = made_layer(seed, n_heads=12, d_model=48), numbers(seed, 1, 6, 48)
    q, k, v = small.project(x)  # 3 × (1, 12, 6, 4)
    w_o = small.out.weight.T.view(12, 4, 48)
    summed = small.out.bias + sum(attention(q[:, h], k[:, h], v[:, h], causal_mask(6))[0] @ w_o[h] for h in range(12))
    return {
        "12 heads: parameters": count,
        "12 layers of full width: parameters": 12 * count,
        "12 heads: from 12 narrow ones": farthest(summed, small(x)),
    }


@experiment("H4", shows=lambda found: found["heads that feature 0 depends on"] == found["heads"] > 1)
def output_matrix_mixes(seed: int) -> Figures:
    """On how many heads one feature of the output depends: its gradient at each head's slice."""
    layer = made_layer(seed, n_heads=4)
    joined = numbers(seed, 32).requires_grad_()
    layer.out(joined)[0].backward()
    assert joined.grad is not None
    return {"heads": 4, "heads that feature 0 depends on": int((joined.grad.view(4, 8).norm(dim=-1) > 0).sum())}


def join_wrong(heads: Tensor, attn_weights: Tensor) -> Tensor:
    """Join heads (batch, h, T, d_head) to (batch, T, d_model)."""
    joined = torch.cat(heads, dim=2)  # type: ignore[arg-type]
    return joined


def join_right(heads: Tensor, attn_weights: Tensor) -> Tensor:
    """Join heads (batch, h, T, d_head) to (batch, T, d_model)."""
    joined = heads.transpose(1, 2).flatten(2)
    return joined


@experiment(
    "H5",
    shows=lambda found: found["code: stops with a TypeError"] == 1 and found["right: width"] == 32
    and found["code on output and weights: width"] == 32 + 6,
    wrong=join_wrong,
    right=join_right,
)  # fmt: skip
@torch.no_grad()
def output_joined_to_weights(seed: int) -> Figures:
    """Four heads of six tokens, 8 wide: what the code does with them, and with what torch's layer returns."""
    heads, x = numbers(seed, 1, 4, 6, 8), numbers(seed, 1, 6, 32)
    returned = nn.MultiheadAttention(32, 4, batch_first=True)(x, x, x)
    return {
        "code: stops with a TypeError": stops(TypeError, join_wrong, heads, x),
        "code on output and weights: width": torch.cat(returned, dim=2).shape[-1],
        "right: width": join_right(heads, x).shape[-1],
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


@experiment(
    "H7",
    shows=lambda found: (
        found["heads that move with one head's weights"] == 1
        and found["parameters, 4 heads"] == found["parameters, 1 head"]
    ),
)
@torch.no_grad()
def slices_of_their_own(seed: int) -> Figures:
    """How many of four heads move when the first one's rows of the matrix change; parameters with 4 heads and 1."""
    layer, x = made_layer(seed, n_heads=4), numbers(seed, 1, 6, 32)
    before = layer.trace(x).head_out
    for start in (0, 32, 64):  # the first head's queries, keys and values
        layer.qkv.weight[start : start + 8] += 1
    moved = (layer.trace(x).head_out != before).flatten(2).any(-1)
    return {
        "heads that move with one head's weights": int(moved.sum()),
        "parameters, 4 heads": sum(p.numel() for p in layer.parameters()),
        "parameters, 1 head": sum(p.numel() for p in made_layer(seed, n_heads=1).parameters()),
    }


@experiment(
    "H8",
    shows=lambda found: found["heads that cost less than 0.05 nats"] >= 20 and found["all off: nats"] > 0.5,
)
def heads_taken_out(seed: int) -> Figures:
    """The course's English model on four unread passages: what each of its 24 heads costs alone, and all together."""
    costs, together = costs_of_heads(seed)
    return {
        "heads": len(costs),
        "heads that cost less than 0.05 nats": sum(cost < 0.05 for cost in costs),
        "dearest: nats": max(costs),
        "all off: nats": together,
    }


@experiment(
    "H9", shows=lambda found: [found[f"rank with {h}"] for h in (1, 4, 16)] == [32, 8, 2] and found["width"] == 32
)
@torch.no_grad()
def narrower_comparisons(seed: int) -> Figures:
    """The rank of what a head compares with, W_q W_kᵀ, at width 32 with 1, 4 and 16 heads."""
    found: Figures = {"width": 32}
    for h in (1, 4, 16):
        w_q, w_k, _ = made_layer(seed, n_heads=h).qkv.weight.double().chunk(3)  # rows: one head after the other
        found[f"rank with {h}"] = int(torch.linalg.matrix_rank(w_q[: 32 // h].T @ w_k[: 32 // h]))
    return found
