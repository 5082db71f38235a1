"""The checks of the whole way and of the gradient: right answers pass, each mistake has its message."""

import math

import torch
import torch.nn.functional as F
from teeth import bite


def start(parts, tokens):
    return parts.token_embedding(tokens) + parts.position_embedding(torch.arange(tokens.shape[1]))


def through(x, blocks):
    for block in blocks:
        x = block(x)
    return x


def forward(parts, tokens):
    return parts.ln_f(through(start(parts, tokens), parts.blocks)) @ parts.token_embedding.weight.T


def forward_by_linear(parts, tokens):
    x = torch.nn.Sequential(*parts.blocks, parts.ln_f)(start(parts, tokens))
    return F.linear(x, parts.token_embedding.weight)


def forward_by_tables(parts, tokens):
    table, places = parts.token_embedding.weight, parts.position_embedding.weight
    x = through(table[tokens] + places[: tokens.shape[1]], parts.blocks)
    return torch.einsum("btd,vd->btv", parts.ln_f(x), table)


def logits(parts, x):
    return x @ parts.token_embedding.weight.T


def normed_each_time(parts, tokens):
    x = start(parts, tokens)
    for block in parts.blocks:
        x = parts.ln_f(block(x))
    return logits(parts, x)


def added_again(parts, tokens):
    x = start(parts, tokens)
    for block in parts.blocks:
        x = x + block(x)
    return logits(parts, parts.ln_f(x))


def always_from_the_start(parts, tokens):
    x = start(parts, tokens)
    for block in parts.blocks:
        out = block(x)
    return logits(parts, parts.ln_f(out))


def scaled(parts, tokens):
    x = parts.token_embedding(tokens) * math.sqrt(32) + parts.position_embedding(torch.arange(tokens.shape[1]))
    return logits(parts, parts.ln_f(through(x, parts.blocks)))


def looked_up_by_id(parts, tokens):
    x = parts.token_embedding(tokens) + parts.position_embedding(tokens)
    return logits(parts, parts.ln_f(through(x, parts.blocks)))


RIGHT = {
    "forward": [forward, forward_by_linear, forward_by_tables],
    "gradient": [
        lambda slopes, residual: math.prod(1 + s if residual else s for s in slopes),
        lambda slopes, residual: (torch.tensor(slopes) + float(residual)).prod(),
        lambda slopes, residual: slopes and (slopes[0] + residual) * RIGHT["gradient"][0](slopes[1:], residual),
    ],
}
WRONG = {
    "forward": [
        (lambda p, t: logits(p, through(start(p, t), p.blocks)), "ln_f is missing"),
        (lambda p, t: logits(p, p.ln_f(through(p.token_embedding(t), p.blocks))), "positions are missing"),
        (lambda p, t: logits(p, p.ln_f(start(p, t))), "blocks are missing"),
        (always_from_the_start, "Every block starts from the embeddings again"),
        (lambda p, t: logits(p, p.ln_f(p.blocks[0](start(p, t)))), "Only the first block"),
        (lambda p, t: logits(p, p.ln_f(through(start(p, t), list(p.blocks)[::-1]))), "from last to first"),
        (lambda p, t: logits(p, p.ln_f(through(p.ln_f(start(p, t)), p.blocks))), "before the blocks as well"),
        (lambda p, t: logits(p, through(p.ln_f(start(p, t)), p.blocks)), "stands before the blocks"),
        (normed_each_time, "follows every block"),
        (added_again, "adds the stream twice"),
        (lambda p, t: forward(p, t).softmax(-1), "These are probabilities"),
        (lambda p, t: p.blocks(start(p, t)), "a list cannot be called"),
        (lambda p, t: p.token_embedding(t) + p.position_embedding(t.shape[1]), "one for each position"),
        (lambda p, t: p.token_embedding(p.ln_f(through(start(p, t), p.blocks))), "asked with ids"),
        (lambda p, t: forward(p, t)[:, -1], "Only one position is left"),
        (lambda p, t: p.ln_f(through(start(p, t), p.blocks)), "not logits yet"),
        (scaled, "multiplied by √d_model"),
        (looked_up_by_id, "looked up with the token ids"),
        (
            lambda p, t: logits(p, p.ln_f(through(start(p, t), [p.blocks[i] for i in range(3)]))),
            "The number of blocks is fixed",
        ),
        (lambda p, t: p.hidden(t), "put the model together"),
        (lambda p, t: p(t), "not callable"),
        (lambda p: p, "must take (parts, tokens)"),
    ],
    "gradient": [
        (lambda slopes, residual: math.prod(slopes), "as if nothing were added"),
        (lambda slopes, residual: residual + math.prod(slopes), "1 is added once"),
        (lambda slopes, residual: 1 + sum(slopes), "paths through several parts"),
        (lambda slopes, residual: sum(slopes), "The slopes are added. Derivatives"),
        (lambda slopes, residual: math.prod(1 + s for s in slopes), "`residual` is ignored"),
        (lambda slopes, residual: math.prod(1 + s for s in slopes) if residual else 1 + math.prod(slopes), "no 1"),
        (lambda slopes, residual: math.prod(1 - s for s in slopes), "The signs are turned"),
        (lambda slopes, residual: residual + slopes[-1], "Only the last part counts"),
        (lambda slopes, residual: residual + slopes[0], "Only the first part counts"),
        (lambda slopes, residual: residual + sum(slopes) / len(slopes), "averaged"),
        (lambda slopes, residual: 0.123, "the product of the factors is wanted"),
        (lambda slopes, residual: [], "Return a number"),
    ],
}
test_accepts, test_refuses, test_messages_differ = bite(RIGHT, WRONG)


def test_not_done_yet():
    from gpt2lab import check

    def unsolved(parts, tokens): ...

    assert repr(check.forward(unsolved)) == "not done yet"
    assert repr(check.gradient(lambda slopes, residual: ...)) == "not done yet"
