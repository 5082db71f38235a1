"""The checks of the way through the model: three right answers each, every known mistake with its own message."""

import math

import torch
import torch.nn.functional as F
from teeth import bite

from gpt2lab import GPT2
from gpt2lab.positions import sinusoidal_table


def shapes(**changes):
    def answer(B, T, d_model, n_heads, vocab_size):
        right = {
            "tokens": (B, T),
            "x": (B, T, d_model),
            "q": (B, n_heads, T, d_model // n_heads),
            "attn_weights": (B, n_heads, T, T),
            "ffn_hidden": (B, T, 4 * d_model),
            "logits": (B, T, vocab_size),
        }
        return {**right, **{name: change(B, T, d_model, n_heads, vocab_size) for name, change in changes.items()}}

    return answer


def without(name):
    def answer(*sizes):
        result = shapes()(*sizes)
        del result[name]
        return result

    return answer


def count(c, output=False, tokens=True, positions=True, biases=True, norms=True, ln_f=True, w_o=True, blocks=None):
    d, f = c.d_model, c.d_ff
    block = 3 * d * d + d * d * w_o + 2 * d * f
    block += biases * (3 * d + d * w_o + f + d) + norms * 4 * d
    total = c.n_layers * block if blocks is None else blocks * block
    return total + c.vocab_size * d * (tokens + output) + c.context_length * d * positions + 2 * d * ln_f


def table(**options):
    return lambda config: count(config, **options)


def count_by_building(config):
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in GPT2(config).parameters())


def count_as_dict(config):
    d = config.d_model
    norms = (2 * config.n_layers + 1) * 2 * d
    return {"norms": norms, "rest": count(config) - norms}


def one_hot(tokens, words, places):
    return F.one_hot(tokens, len(words)).float() @ words + places[: tokens.shape[1]]


RIGHT = {
    "embed": [
        lambda t, w, p: w[t] + p[: t.shape[1]],
        one_hot,
        lambda t, w, p: F.embedding(t, w) + F.embedding(torch.arange(t.shape[-1]), p),
    ],
    "unembed": [lambda x, w: x @ w.T, lambda x, w: F.linear(x, w), lambda x, w: torch.einsum("btd,vd->btv", x, w)],
    "next_token": [
        lambda logits: logits[:, -1].argmax(-1),
        lambda logits: logits.argmax(-1)[:, -1],
        lambda logits: logits.softmax(-1)[:, -1, :].max(dim=-1).indices,
    ],
    "shapes": [
        shapes(),
        lambda *s: {name: list(shape) for name, shape in shapes()(*s).items()},
        lambda *s: {name: torch.Size(shape) for name, shape in shapes()(*s).items()},
    ],
    "parameter_count": [table(), count_by_building, count_as_dict],
}
WRONG = {
    "embed": [
        (lambda t, w, p: w[t], "The position vectors are missing"),
        (lambda t, w, p: torch.cat([w[t], p[: t.shape[1]].expand(*t.shape, -1)], dim=-1), "The width doubled"),
        (lambda t, w, p: w[t] + p[t], "looked up with the token ids"),
        (lambda t, w, p: w[t] + p[0], "the same position vector"),
        (lambda t, w, p: w[t] + p[t.shape[1]], "Every token gets row T"),
        (lambda t, w, p: w[t] + p[1 : t.shape[1] + 1], "The positions begin at 1"),
        (lambda t, w, p: w[t] * math.sqrt(w.shape[1]) + p[: t.shape[1]], "√d_model"),
        (lambda t, w, p: w[t] * p[: t.shape[1]], "multiplied"),
        (lambda t, w, p: w[t] + sinusoidal_table(t.shape[1], w.shape[1]), "as in 2017. GPT-2 learns"),
        (lambda t, w, p: w[t] + p[: t.shape[1]].flip(0), "from last to first"),
        (lambda t, w, p: (w[t] + p[: t.shape[1]]) / 2, "The sum is halved"),
        (lambda t, w, p: F.layer_norm(w[t] + p[: t.shape[1]], w.shape[1:]), "A layer norm follows"),
        (lambda t, w, p: p[t] + w[: t.shape[1]], "The two tables are exchanged"),
        (lambda t, w, p: F.dropout(w[t] + p[: t.shape[1]], 0.1), "Dropout comes later"),
        (lambda t, w, p: p[: t.shape[1]].expand(*t.shape, -1), "The token vectors are missing"),
        (lambda t, w, p: w[t] + p[:4], "4 tokens are fixed"),
    ],
    "unembed": [
        (lambda x, w: (x @ w.T).softmax(-1), "These are probabilities"),
        (lambda x, w: x @ w.T / math.sqrt(w.shape[1]), "divided by √d_model"),
        (lambda x, w: x[:, -1] @ w.T, "Only one position is left"),
        (lambda x, w: (x @ w.T).argmax(-1), "Return all logits"),
        (lambda x, w: (x @ w.T).mT, "The last two axes are exchanged"),
        (lambda x, w: (x @ w.T).log_softmax(-1), "logarithms of probabilities"),
        (lambda x, w: F.normalize(x, dim=-1) @ F.normalize(w, dim=-1).T, "which gives cosines"),
        (lambda x, w: x @ F.normalize(w, dim=-1).T, "The rows are brought to length 1"),
        (lambda x, w: F.layer_norm(x, x.shape[-1:]) @ w.T, "It comes in normed"),
        (lambda x, w: torch.cdist(x, w.expand(len(x), *w.shape)), "These are distances"),
        (lambda x, w: -x @ w.T, "The sign is turned"),
        (lambda x, w: (x @ w.T).reshape(-1, len(w)), "expected (2, 4, 10)"),
        (lambda x, w: x @ w, "stops at"),
    ],
    "next_token": [
        (lambda logits: logits.argmax(), "One number for the whole tensor"),
        (lambda logits: logits.argmax(-1), "one token for every position"),
        (lambda logits: logits[:, -1].argmax().expand(len(logits)), "all rows together"),
        (lambda logits: logits[:, 0].argmax(-1), "first position decides"),
        (lambda logits: logits[:, -1].max(-1).values, "These are the largest logits"),
        (lambda logits: logits.max(-1).values.argmax(-1), "the position with the largest logit"),
        (lambda logits: logits[:, -1:].argmax(-1), "the shape is (B, 1)"),
        (lambda logits: logits[-1].argmax(-1), "each position of the last text"),
        (lambda logits: logits[:, -1].argmin(-1), "the least probable"),
        (lambda logits: logits[:, 4].argmax(-1), "Position 4 is fixed"),
        (lambda logits: logits[:, -2].argmax(-1), "last but one"),
    ],
    "shapes": [
        (shapes(x=lambda B, T, d, n, v: (B, T)), "one vector of width d_model"),
        (shapes(q=lambda B, T, d, n, v: (B, T, n, d // n)), "their order is not"),
        (shapes(q=lambda B, T, d, n, v: (B, n, T, d)), "slice of d_model / n_heads"),
        (shapes(q=lambda B, T, d, n, v: (B, n, T // n, d)), "(2, 4, 1, 48)"),
        (shapes(attn_weights=lambda B, T, d, n, v: (B, T, T)), "one weight for each query and each key"),
        (shapes(ffn_hidden=lambda B, T, d, n, v: (B, T, d)), "four times as wide"),
        (shapes(logits=lambda B, T, d, n, v: (B, v)), "one number for each token of the vocabulary"),
        (shapes(tokens=lambda B, T, d, n, v: B), "must be a tuple"),
        (without("q"), "has no 'q'"),
        (shapes(x=lambda *s: ...), "still missing: x"),
        (lambda *s: (1, 2), "Return a dict"),
        (lambda *s: shapes()(2, 7, 48, 4, 100), "the same whatever the sizes are"),
        (shapes(x=lambda B, T, d, n, v: (B, T, 48)), "x is (3, 5, 48)"),
    ],
    "parameter_count": [
        (table(output=True), "they are tied"),
        (table(tokens=False), "the token table is missing"),
        (table(positions=False), "the position table is missing"),
        (table(ln_f=False), "the final layer norm"),
        (table(norms=False, ln_f=False), "the layer norms are missing"),
        (table(norms=False), "as many are missing as its two layer norms"),
        (table(biases=False), "the biases of the linear layers"),
        (table(biases=False, norms=False, ln_f=False), "only the matrices are counted"),
        (table(w_o=False), "W_O"),
        (lambda config: count(config.with_(d_ff=4 * config.d_model)), "taken as four times as wide"),
        (lambda config: count(config.with_(context_length=1024)), "taken as 1,024 rows"),
        (lambda config: 0, "nothing is counted"),
        (lambda config: "124M", "Return a whole number"),
        (lambda config: 124_439_808, "GPT-2 small whatever the config says"),
        (
            lambda config: count(config) + config.n_layers * config.d_model * (8 * config.d_model - 2 * config.d_ff),
            "are taken as d × 4d",
        ),
        (lambda config: count(config) - 2 * config.n_layers * config.d_model, "has two layer norms"),
        (lambda config: count(config) - (2 * config.n_layers + 1) * config.d_model, "one of the two is missing"),
        (lambda config: count(config) - config.n_layers * config.d_model, "d numbers are missing in each block"),
        (lambda config: count(config) - config.n_layers * (config.d_ff - config.d_model), "map has d_ff numbers"),
        (lambda config: count(config) + config.n_layers * (config.d_ff - config.d_model), "map has d numbers"),
        (
            lambda config: count(config) + config.n_layers * 4 * config.d_model**2 * (config.n_heads - 1),
            "counted once for each head",
        ),
    ],
}
test_accepts, test_refuses, test_messages_differ = bite(RIGHT, WRONG)
