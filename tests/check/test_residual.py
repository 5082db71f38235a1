"""The checks of the stream: three right answers each, every known mistake with its own message."""

import math

import torch
import torch.nn.functional as F
from teeth import bite
from torch import nn


def block_in_two_lines(x, attn, ffn, ln_1, ln_2):
    x = x + attn(ln_1(x))
    x = x + ffn(ln_2(x))
    return x


def block_with_names(x, attn, ffn, ln_1, ln_2):
    middle = torch.add(attn(ln_1(x)), x)
    return torch.add(middle, ffn(ln_2(middle)))


def block_by_loop(x, attn, ffn, ln_1, ln_2):
    for part, norm in ((attn, ln_1), (ffn, ln_2)):
        x = x + part(norm(x))
    return x


def overwriting_block(x, attn, ffn, ln_1, ln_2):
    x = ln_1(x)
    x = x + attn(x)
    x = ln_2(x)
    return x + ffn(x)


def post_block(x, attn, ffn, ln_1, ln_2):
    x = ln_1(x + attn(x))
    return ln_2(x + ffn(x))


def parts_added(x, attn, ffn, ln_1, ln_2):
    attn_out = attn(ln_1(x))
    return attn_out + ffn(ln_2(attn_out))


def sandwich(x, attn, ffn, ln_1, ln_2):
    x = x + ln_1(attn(x))
    return x + ln_2(ffn(x))


def overwritten_once(x, attn, ffn, ln_1, ln_2, *, first):
    normed = ln_1(x)
    x = (normed if first else x) + attn(normed)
    normed = ln_2(x)
    return (x if first else normed) + ffn(normed)


def in_place(x, f):
    x += f(x)
    return x


def forgetful(x, f):
    y = x + f(x)  # noqa: F841


RIGHT = {
    "residual": [lambda x, f: x + f(x), lambda x, f: torch.add(f(x), x), lambda x, f: sum([f(x), x])],
    "block": [block_in_two_lines, block_with_names, block_by_loop],
    "residual_scale": [
        lambda n: 1 / math.sqrt(2 * n),
        lambda n: (2 * n) ** -0.5,
        lambda n_layers: torch.rsqrt(torch.tensor(2.0 * n_layers)),
    ],
}
WRONG = {
    "residual": [
        (lambda x, f: (x + f(x)).relu(), "A ReLU follows the sum"),
        (lambda x, f: F.gelu(x + f(x), approximate="tanh"), "An activation follows the sum"),
        (lambda x, f: nn.Identity()(f(x)), "This is f(x) alone"),
        (lambda x, f: x, "f is never used"),
        (lambda x, f: f(x) + f(x), "f(x) is added to itself"),
        (lambda x, f: x * f(x), "multiplied"),
        (lambda x, f: torch.cat([x, f(x)], dim=-1), "(2, 5, 16): x and f(x) stand side by side"),
        (lambda x, f: torch.cat([x, f(x)]), "(4, 5, 8): x and f(x) stand side by side"),
        (lambda x, f: x + f(F.layer_norm(x, x.shape[-1:])), "f reads a normed x"),
        (lambda x, f: x + f(f(x)), "f is used twice"),
        (lambda x, f: F.layer_norm(x + f(x), x.shape[-1:]), "A layer norm follows the sum"),
        (lambda x, f: (x + f(x)) / 2, "halved"),
        (lambda x, f: x + x + f(x), "x is added twice"),
        (lambda x, f: x.detach() + f(x), "no gradient flows back"),
        (in_place, "changes its argument x in place"),
        (forgetful, "returns nothing"),
        (lambda x, f: x + f(x) + 1, "This is not the sum of x and"),
        (lambda x: x, "must take (x, f)"),
    ],
    "block": [
        (post_block, "Post-LN"),
        (overwriting_block, "The norms overwrite the stream"),
        (lambda x, a, f, n1, n2: x + f(n2(a(n1(x)))), "one sum around both parts. Each"),
        (lambda x, a, f, n1, n2: x + f(a(x)), "and no norms"),
        (parts_added, "the stream x is missing from the sum."),
        (lambda x, a, f, n1, n2: a(x) + f(a(x)), "and so are the norms"),
        (lambda x, a, f, n1, n2: x + a(n1(x)) + f(n2(x)), "a parallel block"),
        (lambda x, a, f, n1, n2: block_in_two_lines(x, a, f, lambda x: x, lambda x: x), "no norm is used"),
        (lambda x, a, f, n1, n2: block_in_two_lines(x, a, f, n1, n1), "ln_1 is used twice"),
        (lambda x, a, f, n1, n2: block_in_two_lines(x, a, f, n2, n1), "The norms are exchanged"),
        (lambda x, a, f, n1, n2: block_in_two_lines(x, f, a, n1, n2), "attention comes first"),
        (lambda x, a, f, n1, n2: x + a(n1(x)), "the second line"),
        (lambda x, a, f, n1, n2: f(n2(x + a(n1(x)))), "missing in the second line"),
        (lambda x, a, f, n1, n2: block_in_two_lines(x, a, f, n1, n2).relu(), "A ReLU follows the last sum"),
        (lambda x, a, f, n1, n2: block_in_two_lines(x, a, f, lambda x: x, n2), "ln_1 is missing"),
        (lambda x, a, f, n1, n2: block_in_two_lines(x, a, f, n1, lambda x: x), "ln_2 is missing"),
        (sandwich, "The norms stand behind the parts"),
        (lambda x, a, f, n1, n2: n2(block_in_two_lines(x, a, f, n1, n2)), "ln_2 follows the last sum"),
        (lambda x, a, f, n1, n2: n1(block_in_two_lines(x, a, f, n1, n2)), "ln_1 follows the last sum"),
        (lambda x, a, f, n1, n2: x + block_in_two_lines(x, a, f, n1, n2), "x is added twice"),
        (lambda x, a, f, n1, n2: x + a(n1(x)) + f(n1(x)), "through the same norm"),
        (lambda x, a, f, n1, n2: x + parts_added(x, a, f, n1, n2), "reads what the attention wrote"),
        (lambda x, a, f, n1, n2: overwritten_once(x, a, f, n1, n2, first=True), "The first norm overwrites"),
        (lambda x, a, f, n1, n2: overwritten_once(x, a, f, n1, n2, first=False), "The second norm overwrites"),
    ],
    "residual_scale": [
        (lambda n: 1 / math.sqrt(n), "writes to the stream *twice*"),
        (lambda n: 1 / (2 * n), "The root is missing"),
        (lambda n: math.sqrt(2 * n), "smaller, not larger"),
        (lambda n: 0.02 / math.sqrt(2 * n), "multiplied by 0.02"),
        (lambda n: "small", "Return a number"),
        (lambda n: 1 / (2 * math.sqrt(n)), "The 2 stands outside the root"),
        (lambda n: 1 / (math.sqrt(2) * n), "The root covers the 2 alone"),
        (lambda n: 1 / n, "and the root is missing"),
        (lambda n: (2 * n + 1) ** -0.5, "The token vectors are counted"),
        (lambda n: (3 * n) ** -0.5, "not three times"),
        (lambda n: 24**-0.5, "12 layers are fixed"),
        (lambda n: 0.02, "the spread of the weights"),
        (lambda n: 1 / 7, "Not right for n_layers=12"),
    ],
}
test_accepts, test_refuses, test_messages_differ = bite(RIGHT, WRONG)
