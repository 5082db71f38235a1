"""The checks of the assembled model have teeth."""

import math

import torch
import torch.nn.functional as F
from teeth import bite

from gpt2lab.check import weights
from gpt2lab.config import GPT2Config
from gpt2lab.model import GPT2


def with_the_class(weights, tokens, n_layers, n_heads):
    vocab_size, d_model = weights["token_embedding.weight"].shape
    context = len(weights["position_embedding.weight"])
    model = GPT2(
        GPT2Config.tiny(
            vocab_size=vocab_size, context_length=context, n_layers=n_layers, n_heads=n_heads, d_model=d_model
        )
    )
    model.load_state_dict(weights)
    return model.eval()(tokens)


def one_head_at_a_time(weights, tokens, n_layers, n_heads):
    def norm(x, name):
        gain, offset = weights[f"{name}.weight"], weights[f"{name}.bias"]
        return (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True, correction=0) + 1e-5).sqrt() * gain + offset

    T = tokens.shape[1]
    x = weights["token_embedding.weight"][tokens] + weights["position_embedding.weight"][:T]
    hide = torch.full((T, T), -torch.inf).triu(1)
    for i in range(n_layers):
        w = {name.removeprefix(f"blocks.{i}."): value for name, value in weights.items()}
        h = norm(x, f"blocks.{i}.ln_1") @ w["attn.qkv.weight"].T + w["attn.qkv.bias"]
        d = x.shape[-1]
        heads = []
        for head in range(n_heads):
            a = slice(head * d // n_heads, (head + 1) * d // n_heads)
            q, k, v = h[..., :d][..., a], h[..., d : 2 * d][..., a], h[..., 2 * d :][..., a]
            heads.append(((q @ k.mT) / math.sqrt(d // n_heads) + hide).softmax(-1) @ v)
        x = x + torch.cat(heads, -1) @ w["attn.out.weight"].T + w["attn.out.bias"]
        up = norm(x, f"blocks.{i}.ln_2") @ w["ffn.up.weight"].T + w["ffn.up.bias"]
        x = x + F.gelu(up, approximate="tanh") @ w["ffn.down.weight"].T + w["ffn.down.bias"]
    return norm(x, "ln_f") @ weights["token_embedding.weight"].T


def variant(**change):
    return lambda w, tokens, n_layers, n_heads: weights._variant(w, tokens, **change)


def flops(config, T):
    return config.n_layers * (8 * config.d_model**2 + 4 * config.d_model * config.d_ff + 4 * T * config.d_model)


RIGHT = {
    "from_weights": [with_the_class, one_head_at_a_time, variant()],
    "first_loss": [math.log, lambda v: torch.tensor(float(v)).log(), lambda v: -math.log(1 / v)],
    "flops_per_token": [
        flops,
        lambda c, T: float(flops(c, T)),
        lambda c, T: sum(
            2 * (4 * c.d_model**2 + 2 * c.d_model * c.d_ff) + 2 * c.n_heads * 2 * T * c.d_head
            for _ in range(c.n_layers)
        ),
    ],
}
WRONG = {
    "from_weights": [
        (variant(positions=False), "positions are missing"),
        (variant(mask=False), "causal mask"),
        (variant(scale=False), "√d_head"),
        (variant(heads=1), "one head"),
        (variant(ln_f=False), "ln_f, is missing"),
        (variant(post_ln=True), "as in GPT-1"),
        (variant(residual=False), "overwritten"),
        (variant(activation=F.relu), "ReLU"),
        (variant(activation=F.gelu), "exact GELU"),
        (lambda w, t, n, h: with_the_class(w, t, n, h)[:, -1], "shape"),
    ],
    "first_loss": [
        (math.log2, "base 2"),
        (math.log10, "base 10"),
        (lambda v: 1 / v, "the probability"),
        (lambda v: -math.log(v), "sign"),
        (lambda v: v, "perplexity"),
    ],
    "flops_per_token": [
        (lambda c, T: flops(c, T) / 2, "two operations"),
        (lambda c, T: flops(c, 0), "are missing"),
        (lambda c, T: flops(c, T / 2), "Only one"),
        (lambda c, T: flops(c, T) / c.n_layers, "one layer"),
        (lambda c, T: flops(c, T) * T, "whole sequence"),
        (lambda c, T: flops(c, c.context_length), "T is not used"),
        (lambda c, T: flops(c, T * c.n_heads), "heads do not"),
        (lambda c, T: c.n_layers * (24 * c.d_model**2 + 4 * T * c.d_model), "d_ff"),
    ],
}
test_accepts, test_refuses, test_messages_differ = bite(RIGHT, WRONG)
