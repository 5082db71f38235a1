"""Checks for a forward pass from bare weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

import torch
import torch.nn.functional as F
from torch import Tensor

from gpt2lab.check.base import Answer, CheckResult, judge
from gpt2lab.check.learner import Learner, examine
from gpt2lab.config import GPT2Config
from gpt2lab.errors import validates
from gpt2lab.masking import causal_mask
from gpt2lab.model import GPT2


class Change(TypedDict, total=False):
    """What a wrong forward pass does differently; the keywords of ``_variant``."""

    positions: bool
    post_ln: bool
    residual: bool
    ln_f: bool
    eps: float
    activation: Callable[[Tensor], Tensor]
    mask: bool
    scale: bool
    heads: int


@validates
def from_weights(function: Answer) -> CheckResult:
    """``my_gpt2(weights, tokens, n_layers, n_heads)`` -> logits; ``weights`` is a GPT2's state_dict."""
    return examine("from_weights", function, "weights tokens n_layers n_heads", _from_weights)


def _from_weights(learner: Learner) -> None:
    config = GPT2Config.tiny(vocab_size=50, n_layers=2, d_model=24, n_heads=3)
    model = GPT2(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.15 * torch.randn_like(parameter))
        tokens = torch.randint(50, (2, 7))
        weights = dict(model.state_dict())
        judge(
            learner.tensor(weights, tokens, 2, 3, shape=(2, 7, 50), why="One logit per position and token."),
            model(tokens),
            {message: _variant(weights, tokens, **change) for message, change in _MISTAKES.items()},
            "Not right.",
        )


def _attend(x: Tensor, w: Callable[[str], Tensor], mask: bool = True, scale: bool = True, heads: int = 3) -> Tensor:
    q, k, v = F.linear(x, w("attn.qkv.weight"), w("attn.qkv.bias")).chunk(3, dim=-1)
    q, k, v = (part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in (q, k, v))
    scores = q @ k.transpose(-2, -1) * (q.shape[-1] ** -0.5 if scale else 1.0)
    if mask:
        scores = scores.masked_fill(~causal_mask(x.shape[1]), -torch.inf)
    return F.linear((scores.softmax(-1) @ v).transpose(1, 2).flatten(2), w("attn.out.weight"), w("attn.out.bias"))


def gelu_tanh(x: Tensor) -> Tensor:
    """GPT-2's activation."""
    return F.gelu(x, approximate="tanh")


def _variant(
    weights: dict[str, Tensor],
    tokens: Tensor,
    *,
    positions: bool = True,
    post_ln: bool = False,
    residual: bool = True,
    ln_f: bool = True,
    eps: float = 1e-5,
    activation: Callable[[Tensor], Tensor] | None = None,
    mask: bool = True,
    scale: bool = True,
    heads: int = 3,
) -> Tensor:
    """GPT-2's forward pass with one thing done differently."""
    act = activation or gelu_tanh

    def norm(x: Tensor, name: str) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"], eps)

    x = weights["token_embedding.weight"][tokens]
    x = x + weights["position_embedding.weight"][: tokens.shape[1]] if positions else x
    for i in range(2):

        def w(name: str, i: int = i) -> Tensor:
            return weights[f"blocks.{i}.{name}"]

        def attend(x: Tensor, w: Callable[[str], Tensor] = w) -> Tensor:
            return _attend(x, w, mask, scale, heads)

        def feed(x: Tensor, w: Callable[[str], Tensor] = w) -> Tensor:
            up = act(F.linear(x, w("ffn.up.weight"), w("ffn.up.bias")))
            return F.linear(up, w("ffn.down.weight"), w("ffn.down.bias"))

        for part, ln in ((attend, f"blocks.{i}.ln_1"), (feed, f"blocks.{i}.ln_2")):
            if post_ln:
                x = norm(x + part(x), ln)
            else:
                x = (x if residual else 0) + part(norm(x, ln))
    return F.linear(norm(x, "ln_f") if ln_f else x, weights["token_embedding.weight"])


_MISTAKES: dict[str, Change] = {
    "The positions are missing: add rows 0 … T−1 of position_embedding.weight to the token vectors.": {
        "positions": False
    },
    "The causal mask is missing: position 0 sees the whole text.": {"mask": False},
    "The scores are not divided by √d_head.": {"scale": False},
    "There is one head instead of n_heads: split the features of q, k and v first.": {"heads": 1},
    "The last layer norm, ln_f, is missing.": {"ln_f": False},
    "The norms stand on the stream, after each sum, as in GPT-1. In GPT-2 they stand on the branches, "
    "in front of each part.": {"post_ln": True},
    "The stream is overwritten: each part must be *added* to x.": {"residual": False},
    "The activation is ReLU. GPT-2 has GELU.": {"activation": F.relu},
    "This is the exact GELU. GPT-2 uses the tanh form.": {"activation": F.gelu},
}
