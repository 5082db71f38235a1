"""Experiments on how attention is described: the diagonal, values, "it", cross-attention, convolutions."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gpt2lab.attention import MultiHeadAttention, attention, causal_mask, split_heads
from gpt2lab.claims.base import Figures, experiment
from gpt2lab.claims.experiments.attention import small_gpt2
from gpt2lab.claims.experiments.encoder_decoder import small_encoder_decoder
from gpt2lab.claims.experiments.english import english, passages
from gpt2lab.claims.experiments.measures import farthest, numbers
from gpt2lab.config import GPT2Config
from gpt2lab.family.cross_attention import CrossAttention
from gpt2lab.residual import all_blocks


@experiment("A15", shows=lambda found: found["row 0, on itself"] == 1 and found["smallest on itself"] > 0)
@torch.no_grad()
def itself_included(seed: int) -> Figures:
    """The weights on the diagonal of a GPT-2's maps: in row 0, and the smallest of all."""
    own = torch.stack(
        [
            block.attn.attn_weights.diagonal(dim1=-2, dim2=-1)
            for block in all_blocks(small_gpt2(seed).trace(torch.arange(10)[None]))
        ]
    )  # (layers, B, n_heads, T)
    return {"row 0, on itself": own[..., 0].min().item(), "smallest on itself": own.min().item()}


@experiment(
    "A16",
    shows=lambda found: (
        found["from W_v · norm(x) + b"] < 1e-5
        and min(found["from the word's vector"], found["head 0 from head 1"], found["layer 0 from layer 1"]) > 0.01
    ),
)
@torch.no_grad()
def values_are_projections(seed: int) -> Figures:
    """How far the values are from a projection of the normed vector, from the vector itself, and from each other."""
    model, tokens = small_gpt2(seed), torch.arange(10)[None]
    first, second, _ = all_blocks(model.trace(tokens))
    qkv = model.blocks[0].attn.qkv
    v = first.attn.v  # (B, n_heads, T, d_head)
    return {
        "from W_v · norm(x) + b": farthest(v, split_heads(F.linear(first.ln_1.out, qkv.weight[64:], qkv.bias[64:]), 4)),
        "from the word's vector": farthest(v, split_heads(first.resid_pre, 4)),
        "head 0 from head 1": farthest(v[:, 0], v[:, 1]),
        "layer 0 from layer 1": farthest(v, second.attn.v),
    }


@experiment(
    "A17",
    shows=lambda found: (
        found["rows without a zero"] == found["rows: one per layer and head"]
        and found["the three largest together, at most"] < 1
    ),
)
@torch.no_grad()
def nothing_gets_zero(seed: int) -> Figures:
    """The course's English model, the last of 24 tokens: rows without a zero; the sum of the three largest weights."""
    rows = torch.stack(
        [block.attn.attn_weights[0, :, -1].double() for block in all_blocks(english().trace(passages(seed, 1, 24)))]
    ).flatten(0, 1)  # (layers · heads, T)
    return {
        "visible tokens": rows.shape[1],
        "rows: one per layer and head": len(rows),
        "rows without a zero": int((rows > 0).all(-1).sum()),
        "the three largest together, at most": rows.topk(3).values.sum(-1).max().item(),
    }


@experiment(
    "A25", shows=lambda found: found["memory = x: from self-attention"] < 1e-5 < 0.01 < found["another text: from it"]
)
@torch.no_grad()
def same_function(seed: int) -> Figures:
    """One set of weights as self-attention and as cross-attention, which reads x itself, then another text."""
    config = GPT2Config.tiny(d_model=32, n_heads=4)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        own, cross = MultiHeadAttention(config), CrossAttention(config)
    own.causal = False
    cross.q.weight.copy_(own.qkv.weight[:32]), cross.kv.weight.copy_(own.qkv.weight[32:])
    cross.q.bias.copy_(own.qkv.bias[:32]), cross.kv.bias.copy_(own.qkv.bias[32:])
    cross.out.load_state_dict(own.out.state_dict())
    x, other = numbers(seed, 1, 6, 32), numbers(seed + 50, 1, 9, 32)
    return {
        "memory = x: from self-attention": farthest(cross(x, x), own(x)),
        "another text: from it": farthest(cross(x, other), own(x)),
    }


@experiment(
    "A26",
    shows=lambda found: found["cross-attentions"] == found["decoder layers"] > 1
    and found["queries: from those of the vectors after self-attention"] < 1e-5 < 0.1
    < found["queries: from those of the decoder's output"],
)  # fmt: skip
@torch.no_grad()
def whose_queries(seed: int) -> Figures:
    """An encoder–decoder's first cross-attention: what its queries are made of (largest difference)."""
    model = small_encoder_decoder(seed)
    source, target = torch.arange(7)[None], torch.arange(5)[None]
    trace = model.trace(source, target).decoder
    first, layer = trace.blocks[0], model.decoder.blocks[0].cross_attn
    return {
        "decoder layers": len(model.decoder.blocks),
        "cross-attentions": sum(isinstance(module, CrossAttention) for module in model.modules()),
        "queries: from those of the vectors after self-attention": farthest(
            first.cross_attn.q, split_heads(layer.q(first.ln_1.out), layer.n_heads)
        ),
        "queries: from those of the decoder's output": farthest(
            first.cross_attn.q, split_heads(layer.q(trace.resid_final), layer.n_heads)
        ),
    }


@experiment("A27", shows=lambda found: found["cross-attentions in it"] == 0 and found["it would add"] > 28_000_000)
def what_it_would_cost(seed: int) -> Figures:
    """Cross-attentions in a GPT-2; parameters that one in each of 12 blocks, with its norm, would add at width 768."""
    with torch.device("meta"):
        layer = CrossAttention(GPT2Config.gpt2())
    return {
        "cross-attentions in it": sum(isinstance(module, CrossAttention) for module in small_gpt2(seed).modules()),
        "it would add": 12 * (sum(p.numel() for p in layer.parameters()) + 2 * 768),
    }


def reached(before: Tensor, after: Tensor) -> int:
    """How many of T vectors, (T, d), differ."""
    return int((before != after).any(-1).sum())


@experiment(
    "A28",
    shows=lambda found: [found[f"convolution, depth {n}"] for n in (1, 2, 3, 4)] == [3, 5, 7, 9]
    and found["causal attention, change at 0"] == 20 and found["causal attention, change at 19"] == 1,
)  # fmt: skip
def how_far_a_change_reaches(seed: int) -> Figures:
    """Of 20 positions, how many differ after one has changed: the tenth for convolutions of width 3."""
    x, weight = numbers(seed, 20, 8), numbers(seed + 1, 8, 8, 3)

    def changed(place: int) -> Tensor:
        return x + (torch.arange(20) == place)[:, None]

    a, b, found = x.T[None], changed(9).T[None], dict[str, int | float]()
    for n in (1, 2, 3, 4):
        a, b = (torch.tanh(F.conv1d(y, weight, padding=1)) for y in (a, b))
        found[f"convolution, depth {n}"] = reached(a[0].T, b[0].T)
    whole = attention(x, x, x, causal_mask(20))[0]
    for place in (0, 19):
        y = changed(place)
        found[f"causal attention, change at {place}"] = reached(attention(y, y, y, causal_mask(20))[0], whole)
    return found
