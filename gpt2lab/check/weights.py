"""Check for a forward pass from bare weights.

Four calls narrow a slip down: blocks that add nothing, one block on one token (attention has nothing to
choose), one block on several tokens, two blocks. What fails first says where to look.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import torch
import torch.nn.functional as F
from torch import Tensor

from gpt2lab.check.base import Answer, CheckResult, agree, judge
from gpt2lab.check.learner import Learner, examine
from gpt2lab.config import GPT2Config
from gpt2lab.errors import validates
from gpt2lab.model import GPT2

# Each slip that ``_forward`` can make, and what to say about it.
_MISTAKES = {
    "no positions": "The positions are missing: add rows 0 … T−1 of position_embedding.weight to the token vectors.",
    "positions by id": "The position table is looked up with the token ids. The token at position t gets row t.",
    "scaled embeddings": "The token vectors are multiplied by √d_model. The Transformer of 2017 did that, GPT-2 does not.",
    "ln_f twice": "ln_f is applied twice. Once, after the last block, is enough.",
    "no ln_f": "The last layer norm, ln_f, is missing.",
    "probabilities": "These are probabilities. Return the logits, before the softmax.",
    "post-LN": "The norms stand on the stream, after each sum, as in GPT-1. In GPT-2 they stand on the branches, "
    "in front of each part.",
    "no residual": "The stream is overwritten: each part must be *added* to x.",
    "normed stream": "The norms overwrite the stream: what is added to must be x itself, not its norm.",
    "parallel": "Both parts read the same x. The feed-forward network reads the stream *after* the attention has added to it.",
    "parts exchanged": "The feed-forward network comes before the attention. Attention comes first.",
    "one sum": "The feed-forward network reads what the attention wrote, not the stream after the first sum.",
    "no first sum": "The attention's result overwrites the stream: it must be *added* to x.",
    "no ln_1": "ln_1, in front of the attention, is missing.",
    "no ln_2": "ln_2, in front of the feed-forward network, is missing.",
    "no norms": "The norms of the blocks, ln_1 and ln_2, are missing.",
    "ln_1 twice": "ln_1 is used twice. The feed-forward network has a norm of its own, ln_2.",
    "relu": "The activation is ReLU. GPT-2 has GELU.",
    "exact gelu": "This is the exact GELU. GPT-2 uses the tanh form.",
    "qkv order": "The thirds of attn.qkv are in another order: first the queries, then the keys, then the values.",
    "keys first": "Queries and keys are exchanged: the first third of attn.qkv asks, the second is compared with it.",
    "values second": "Keys and values are exchanged: the second third of attn.qkv is compared, the last is blended.",
    "no out": "The attention's output map, attn.out, is missing: nothing mixes the heads.",
    "out turned": "attn.out is used without transposing. Weights are stored as (out, in); this one is square, "
    "so that torch cannot notice.",
    "no biases": "The biases of the linear maps are missing.",
    "no mask": "The causal mask is missing: position 0 sees the whole text.",
    "one ahead": "The mask leaves one step of the future open: position t sees token t + 1, which is the answer.",
    "no scale": "The scores are not divided by √d_head.",
    "wide scale": "The scores are divided by √d_model. Each dot product runs over one head: √d_head.",
    "three heads": "3 heads are fixed in your function. How many there are, n_heads says.",
    "one head": "There is one head instead of n_heads: split the features of q, k and v first.",
    "straight cut": "The heads are cut by one reshape, which mixes tokens. Keep B and T apart, then move the heads.",
    "straight merge": "The heads are joined without moving the axes back, which mixes tokens.",
    "interleaved": "Each head takes every n_heads-th feature. A head is a block of neighbouring features.",
    "columns": "The softmax runs over the queries. Each query's weights must sum to 1.",
    "over heads": "The softmax runs over the heads. It runs over the keys, the last axis.",
    "first block": "Every round of the loop reads the weights of block 0.",
    "block 0 only": "Only block 0 is used. There are n_layers blocks, one after the other.",
    "last block": "Only the last block is used: each must start from what the block before returned.",
    "backwards": "The blocks run from last to first.",
}
_OUTSIDE = {"no positions", "positions by id", "scaled embeddings", "ln_f twice", "no ln_f", "probabilities"}
_STAGES = (  # layers, heads, tokens, whether the blocks write anything, what an unknown difference means
    (1, 3, 7, False, "The slip stands outside the blocks: with blocks that add nothing (their last maps are zero) the "
     "logits already differ. Look at the two tables, the last norm, and the output layer."),
    (1, 3, 1, True, "The slip stands in the block, and not in the scores: with one block and one token, attention has "
     "nothing to choose, and the logits differ. Look at the norms, the values, attn.out, the sums, the network."),
    (1, 3, 7, True, "The slip stands where tokens meet: one block is right for one token, and not for seven. Look at how "
     "the heads are cut and joined, at the scores, and at the mask."),
    (2, 2, 7, True, "The slip stands in the way from block to block: one block is right, two with 2 heads are not. Look at "
     "the loop, at the names of the weights, and for numbers that are fixed."),
)  # fmt: skip


@validates
def from_weights(function: Answer) -> CheckResult:
    """``my_gpt2(weights, tokens, n_layers, n_heads)`` -> logits; ``weights`` is a GPT2's state_dict."""
    trials = (partial(_stage, *stage) for stage in _STAGES)
    return examine("from_weights", function, "weights tokens n_layers n_heads", *trials)


def _stage(n_layers: int, n_heads: int, T: int, writes: bool, otherwise: str, learner: Learner) -> None:
    weights, tokens, right = _case(n_layers, n_heads, T, writes)
    out = learner.tensor(weights, tokens, n_layers, n_heads, shape=(2, T, 50), why="One logit per position and token.")
    if agree(out, right):
        return
    results = _results(n_layers, n_heads, T, writes)
    if not writes and any(agree(out, results[slip]) for slip in results.keys() - _OUTSIDE):
        return  # a slip inside the block, which shows here as well: the next call tells which one
    judge(out, right, {_MISTAKES[slip]: result for slip, result in results.items()}, otherwise)


@cache
@torch.no_grad()
def _case(n_layers: int, n_heads: int, T: int, writes: bool) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """Weights, tokens and logits of a stage; the same in every run."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(n_layers)
        model = GPT2(GPT2Config.tiny(vocab_size=50, n_layers=n_layers, d_model=24, n_heads=n_heads)).eval()
        for parameter in model.parameters():
            parameter.add_(0.15 * torch.randn_like(parameter))
        for block in () if writes else model.blocks:
            for parameter in (p for writer in block.writers() for p in writer.parameters()):
                parameter.zero_()
        tokens = torch.randint(50, (2, T))
    return dict(model.state_dict()), tokens, model(tokens)


@cache
@torch.no_grad()
def _results(n_layers: int, n_heads: int, T: int, writes: bool) -> dict[str, Tensor]:
    """The logits that each slip leads to."""
    weights, tokens, _ = _case(n_layers, n_heads, T, writes)
    return {slip: _forward(weights, tokens, n_layers, n_heads, slip) for slip in _MISTAKES}


def _forward(weights: dict[str, Tensor], tokens: Tensor, n_layers: int, n_heads: int, slip: str) -> Tensor:
    """GPT-2's forward pass with one thing done differently."""

    def norm(x: Tensor, name: str) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"])

    table, places = weights["token_embedding.weight"], weights["position_embedding.weight"]
    x = table[tokens] * (table.shape[1] ** 0.5 if slip == "scaled embeddings" else 1)
    if slip != "no positions":
        x = x + places[tokens if slip == "positions by id" else torch.arange(tokens.shape[1])]
    order = {
        "first block": [0] * n_layers,
        "block 0 only": [0],
        "last block": [n_layers - 1],
        "backwards": list(range(n_layers))[::-1],
    }
    for i in order.get(slip, range(n_layers)):
        x = _block(x, weights, f"blocks.{i}", norm, n_heads, slip)
    for _ in range({"no ln_f": 0, "ln_f twice": 2}.get(slip, 1)):
        x = norm(x, "ln_f")
    logits = F.linear(x, table)
    return logits.softmax(-1) if slip == "probabilities" else logits


def _block(
    x: Tensor, weights: dict[str, Tensor], name: str, norm: Callable[[Tensor, str], Tensor], n_heads: int, slip: str
) -> Tensor:
    def linear(x: Tensor, part: str) -> Tensor:
        turned = slip == "out turned" and part == "attn.out"
        weight = weights[f"{name}.{part}.weight"]
        return F.linear(
            x, weight.T if turned else weight, None if slip == "no biases" else weights[f"{name}.{part}.bias"]
        )

    def attend(x: Tensor) -> Tensor:
        blend = _heads(linear(x, "attn.qkv"), n_heads, slip)
        return blend if slip == "no out" else linear(blend, "attn.out")

    def feed(x: Tensor) -> Tensor:
        up = linear(x, "ffn.up")
        act = F.relu(up) if slip == "relu" else F.gelu(up, approximate="none" if slip == "exact gelu" else "tanh")
        return linear(act, "ffn.down")

    start = x
    parts = ((attend, f"{name}.ln_1"), (feed, f"{name}.ln_{1 if slip == 'ln_1 twice' else 2}"))
    for part, ln in parts[::-1] if slip == "parts exchanged" else parts:
        if slip == "parallel":
            x = x + part(norm(start, ln))
        elif slip == "post-LN":
            x = norm(x + part(x), ln)
        elif slip == "normed stream":
            x = norm(x, ln)
            x = x + part(x)
        elif slip == "no norms" or f"{name}.{slip[3:]}" == ln:  # "no ln_1", "no ln_2"
            x = x + part(x)
        elif slip in ("no residual", "one sum") or (slip == "no first sum" and part is attend):
            x = part(norm(x, ln))
        else:
            x = x + part(norm(x, ln))
    return start + x if slip == "one sum" else x


def _heads(qkv: Tensor, n_heads: int, slip: str) -> Tensor:
    """(B, T, 3·d_model) -> the heads' blends side by side, (B, T, d_model)."""
    B, T, width = qkv.shape
    order = {"qkv order": (2, 1, 0), "keys first": (1, 0, 2), "values second": (0, 2, 1)}.get(slip, (0, 1, 2))
    q, k, v = (qkv.chunk(3, dim=-1)[third] for third in order)
    heads = {"one head": 1, "three heads": 3}.get(slip, n_heads)
    if slip == "straight cut":
        q, k, v = (part.reshape(B, heads, T, -1) for part in (q, k, v))
    elif slip == "interleaved":
        q, k, v = (part.unflatten(-1, (-1, heads)).movedim(-1, 1) for part in (q, k, v))
    else:
        q, k, v = (part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in (q, k, v))
    scale = {"no scale": 1.0, "wide scale": (width / 3) ** -0.5}.get(slip, q.shape[-1] ** -0.5)
    scores = q @ k.transpose(-2, -1) * scale
    if slip != "no mask":
        seen = torch.ones(T, T).tril(1 if slip == "one ahead" else 0).bool()
        scores = scores.masked_fill(~seen, -torch.inf)
    blend = scores.softmax({"columns": -2, "over heads": 1}.get(slip, -1)) @ v
    return blend.reshape(B, T, -1) if slip == "straight merge" else blend.transpose(1, 2).flatten(2)
