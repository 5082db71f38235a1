"""The checks of the assembled model have teeth."""

import math

import torch
import torch.nn.functional as F
from teeth import bite

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


def split(x, n):
    return x.view(*x.shape[:2], n, -1).transpose(1, 2)


def join(x):
    return x.transpose(1, 2).flatten(2)


def tanh_gelu(x):
    return F.gelu(x, approximate="tanh")


def plain_block(x, attn, ffn, ln_1, ln_2):
    x = x + attn(ln_1(x))
    return x + ffn(ln_2(x))


def post_block(x, attn, ffn, ln_1, ln_2):
    x = ln_1(x + attn(x))
    return ln_2(x + ffn(x))


def overwriting_block(x, attn, ffn, ln_1, ln_2):
    x = ln_1(x)
    x = x + attn(x)
    x = ln_2(x)
    return x + ffn(x)


def forward(
    start=lambda w, t: w["token_embedding.weight"][t] + w["position_embedding.weight"][: t.shape[1]],
    block=plain_block,
    act=tanh_gelu,
    thirds=lambda qkv: qkv.chunk(3, -1),
    split=split,
    join=join,
    n_heads=lambda n: n,
    scale=lambda d_head, n: d_head**-0.5,
    mask=lambda T: torch.ones(T, T).tril().bool(),
    dim=-1,
    biases=True,
    out=True,
    order=lambda n: range(n),
    restart=False,
    eps=1e-5,
    end=lambda x, norm, w: norm(x, "ln_f") @ w["token_embedding.weight"].T,
):
    def answer(weights, tokens, n_layers, heads):
        def norm(x, name):
            return F.layer_norm(x, x.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"], eps)

        x = first = start(weights, tokens)
        for i in order(n_layers):

            def linear(x, name, i=i):
                y = x @ weights[f"blocks.{i}.{name}.weight"].T
                return y + weights[f"blocks.{i}.{name}.bias"] if biases else y

            def attn(x, linear=linear):
                q, k, v = (split(part, n_heads(heads)) for part in thirds(linear(x, "attn.qkv")))
                scores = q @ k.mT * scale(q.shape[-1], heads)
                blend = join(scores.masked_fill(~mask(x.shape[1]), -torch.inf).softmax(dim) @ v)
                return linear(blend, "attn.out") if out else blend

            def ffn(x, linear=linear):
                return linear(act(linear(x, "ffn.up")), "ffn.down")

            def ln_1(x, i=i):
                return norm(x, f"blocks.{i}.ln_1")

            def ln_2(x, i=i):
                return norm(x, f"blocks.{i}.ln_2")

            x = block(first if restart else x, attn, ffn, ln_1, ln_2)
        return end(x, norm, weights)

    return answer


def scaled_start(w, t):
    table = w["token_embedding.weight"]
    return table[t] * table.shape[1] ** 0.5 + w["position_embedding.weight"][: t.shape[1]]


def in_place(weights, tokens, n_layers, n_heads):
    logits = with_the_class(weights, tokens, n_layers, n_heads)
    weights["ln_f.bias"] -= 1
    return logits


def flops(config, T):
    return config.n_layers * (8 * config.d_model**2 + 4 * config.d_model * config.d_ff + 4 * T * config.d_model)


RIGHT = {
    "from_weights": [with_the_class, one_head_at_a_time, forward()],
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
        (forward(start=lambda w, t: w["token_embedding.weight"][t]), "positions are missing"),
        (
            forward(start=lambda w, t: w["token_embedding.weight"][t] + w["position_embedding.weight"][t]),
            "with the token ids",
        ),
        (forward(end=lambda x, norm, w: x @ w["token_embedding.weight"].T), "ln_f, is missing"),
        (
            forward(end=lambda x, norm, w: norm(norm(x, "ln_f"), "ln_f") @ w["token_embedding.weight"].T),
            "ln_f is applied twice",
        ),
        (
            forward(end=lambda x, norm, w: (norm(x, "ln_f") @ w["token_embedding.weight"].T).softmax(-1)),
            "These are probabilities",
        ),
        (
            lambda w, t, n, h: forward()({k: v.T if "attn.out.w" in k else v for k, v in w.items()}, t, n, h),
            "without transposing",
        ),
        (forward(block=post_block), "as in GPT-1"),
        (forward(block=lambda x, attn, ffn, ln_1, ln_2: ffn(ln_2(attn(ln_1(x))))), "*added* to x"),
        (forward(block=overwriting_block), "not its norm"),
        (
            forward(block=lambda x, attn, ffn, ln_1, ln_2: (lambda y: y + ffn(ln_2(y)))(attn(ln_1(x)))),
            "attention's result overwrites",
        ),
        (
            forward(block=lambda x, attn, ffn, ln_1, ln_2: plain_block(x, attn, ffn, lambda x: x, ln_2)),
            "ln_1, in front",
        ),
        (
            forward(block=lambda x, attn, ffn, ln_1, ln_2: plain_block(x, attn, ffn, ln_1, lambda x: x)),
            "ln_2, in front",
        ),
        (
            forward(block=lambda x, attn, ffn, ln_1, ln_2: x + ffn(ln_2(attn(ln_1(x))))),
            "not the stream after the first sum",
        ),
        (
            forward(block=lambda x, attn, ffn, *_: plain_block(x, attn, ffn, lambda x: x, lambda x: x)),
            "ln_1 and ln_2, are",
        ),
        (forward(block=lambda x, attn, ffn, ln_1, ln_2: plain_block(x, attn, ffn, ln_1, ln_1)), "ln_1 is used twice"),
        (
            forward(block=lambda x, attn, ffn, ln_1, ln_2: x + attn(ln_1(x)) + ffn(ln_2(x))),
            "Both parts read the same x",
        ),
        (
            forward(block=lambda x, attn, ffn, ln_1, ln_2: plain_block(x, ffn, attn, ln_2, ln_1)),
            "Attention comes first",
        ),
        (
            forward(block=lambda x, attn, ffn, ln_1, ln_2: plain_block(x, attn, lambda x: 2 * ffn(x), ln_1, ln_2)),
            "in the block, and not in the scores",
        ),
        (forward(start=scaled_start), "multiplied by √d_model"),
        (
            forward(end=lambda x, norm, w: norm(x, "ln_f") @ w["token_embedding.weight"].T / 2),
            "outside the blocks",
        ),
        (forward(thirds=lambda qkv: [qkv.chunk(3, -1)[i] for i in (1, 0, 2)]), "Queries and keys are exchanged"),
        (forward(thirds=lambda qkv: [qkv.chunk(3, -1)[i] for i in (0, 2, 1)]), "Keys and values are exchanged"),
        (forward(split=lambda x, n: x.unflatten(-1, (-1, n)).movedim(-1, 1)), "every n_heads-th feature"),
        (forward(dim=1), "over the heads"),
        (in_place, "argument weights in place"),
        (forward(act=F.relu), "ReLU"),
        (forward(act=F.gelu), "exact GELU"),
        (forward(thirds=lambda qkv: qkv.chunk(3, -1)[::-1]), "in another order"),
        (forward(out=False), "attn.out, is missing"),
        (forward(biases=False), "The biases of the linear"),
        (forward(mask=lambda T: torch.ones(T, T).bool()), "causal mask"),
        (forward(mask=lambda T: torch.ones(T, T).tril(1).bool()), "one step of the future open"),
        (forward(mask=lambda T: torch.ones(T, T).tril().triu(-2).bool()), "where tokens meet"),
        (forward(scale=lambda d_head, n: 1.0), "not divided by √d_head"),
        (forward(scale=lambda d_head, n: (d_head * n) ** -0.5), "divided by √d_model"),
        (forward(n_heads=lambda n: 1), "one head"),
        (forward(n_heads=lambda n: 3), "3 heads are fixed"),
        (forward(split=lambda x, n: x.reshape(len(x), n, x.shape[1], -1)), "cut by one reshape"),
        (forward(join=lambda x: x.reshape(len(x), x.shape[2], -1)), "without moving the axes back"),
        (forward(dim=-2), "over the queries"),
        (forward(order=lambda n: [0] * n), "reads the weights of block 0"),
        (forward(restart=True), "Only the last block is used"),
        (forward(order=lambda n: range(n)[::-1]), "from last to first"),
        (forward(order=lambda n: range(1)), "Only block 0 is used"),
        (forward(order=lambda n: [0] + [1] * 2 * (n - 1)), "the way from block to block"),
        (lambda w, t, n, h: with_the_class(w, t, n, h)[:, -1], "shape"),
    ],
    "first_loss": [
        (math.log2, "base 2"),
        (math.log10, "base 10"),
        (lambda v: 1 / v, "the probability"),
        (lambda v: -math.log(v), "sign"),
        (lambda v: v, "perplexity"),
        (lambda v: round(math.log(v), 2), "rounded"),
        (lambda v: 10.98, "same number for every"),
        (lambda v: math.log(v) + 0.15, "equally likely tokens each"),
        (lambda v: math.log(v) + 0.0002 * 768, "the rule for a fresh GPT-2"),
    ],
    "flops_per_token": [
        (lambda c, T: flops(c, T) / 2, "two operations"),
        (lambda c, T: flops(c, 0), "are missing"),
        (lambda c, T: flops(c, T / 2), "Only one"),
        (lambda c, T: flops(c, T) / c.n_layers, "one layer"),
        (lambda c, T: flops(c, T) * T, "whole sequence"),
        (lambda c, T: flops(c, c.context_length), "T is not used"),
        (lambda c, T: flops(c, T * c.n_heads), "heads do not"),
        (lambda c, T: flops(c, T / c.n_heads), "for one head"),
        (lambda c, T: flops(c, T * T), "One token has one query"),
        (lambda c, T: flops(c, T) + 2 * c.d_model * c.vocab_size, "output layer is counted"),
        (lambda c, T: flops(c, T) - c.n_layers * 2 * c.d_model**2, "output map"),
        (lambda c, T: flops(c, T) - flops(c, 0) / 2, "A weight takes"),
        (lambda c, T: flops(c, T) - c.n_layers * 2 * c.d_model * c.d_ff, "Only one map"),
        (lambda c, T: c.n_layers * (24 * c.d_model**2 + 4 * T * c.d_model), "d_ff"),
    ],
}
test_accepts, test_refuses, test_messages_differ = bite(RIGHT, WRONG)
