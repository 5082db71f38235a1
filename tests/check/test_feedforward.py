"""The checks of the feed-forward network: three right answers each, every mistake with its own message."""

import math

import torch
import torch.nn.functional as F
from teeth import bite
from torch import nn

ROOT = math.sqrt(2 / math.pi)


def tanh_gelu(x, cube=lambda x: 0.044715 * x**3, root=ROOT, half=0.5, one=1):
    return half * x * (one + torch.tanh(root * (x + cube(x))))


def network(act=tanh_gelu, after=lambda x: x, up_bias=True, down_bias=True):
    def answer(x, W_up, b_up, W_down, b_down):
        hidden = act(F.linear(x, W_up, b_up if up_bias else None))
        return after(F.linear(hidden, W_down, b_down if down_bias else None))

    return answer


def inverted_dropout(x, p, training):
    if not training:
        return x
    return x * (torch.rand_like(x) >= p) / (1 - p)


def dropped(keep=lambda x, p: torch.rand_like(x) >= p, scale=lambda p: 1 / (1 - p), evaluate=lambda x, p: x):
    def answer(x, p, training):
        return x * keep(x, p) * scale(p) if training and p else evaluate(x, p)

    return answer


def seeded(x, p, training):
    torch.manual_seed(0)
    return inverted_dropout(x, p, training)


def new_layers(x, W_up, b_up, W_down, b_down):
    return nn.Linear(len(W_up), x.shape[-1])(tanh_gelu(nn.Linear(x.shape[-1], len(W_up))(x)))


def fixed_number(axis):
    """Drops the same number of values from each call, row or column, instead of each value on its own."""

    def answer(x, p, training):
        if not training or p == 0:
            return x
        flat = x.flatten() if axis is None else x
        order = torch.rand(flat.shape).argsort(axis or 0).argsort(axis or 0)
        kept = order >= round(p * flat.shape[axis or 0])
        return (flat * kept / (1 - p)).reshape(x.shape)

    return answer


def loop_gelu(x):
    return torch.tensor([tanh_gelu(v) for v in x.flatten()]).reshape(x.shape)


RIGHT = {
    "gelu": [tanh_gelu, lambda x: F.gelu(x, approximate="tanh"), loop_gelu,
             lambda x: x * torch.sigmoid(2 * ROOT * (x + 0.044715 * x * x * x))],
    "feed_forward": [
        network(),
        lambda x, U, a, D, b: F.gelu(x @ U.T + a, approximate="tanh") @ D.T + b,
        lambda x, U, a, D, b: torch.einsum("...f,df->...d", tanh_gelu(torch.einsum("...d,fd->...f", x, U) + a), D) + b,
    ],
    "dropout": [
        inverted_dropout,
        lambda x, p, training: F.dropout(x, p, training),
        lambda x, p, training: torch.where(torch.rand(x.shape) < p, 0.0, x / (1 - p)) if training else x,
    ],
    "block_parameters": [
        lambda d: 12 * d * d + 13 * d,
        lambda d: 2 * 2 * d + (3 * d * d + 3 * d) + (d * d + d) + (4 * d * d + 4 * d) + (4 * d * d + d),
        lambda d: d * (12 * d + 13),
    ],
}  # fmt: skip
WRONG = {
    "gelu": [
        (lambda x: F.gelu(x), "This is the exact GELU"),
        (lambda x: x.relu(), "This is ReLU"),
        (lambda x: x * torch.sigmoid(1.702 * x), "the short form"),
        (lambda x: F.silu(x), "This is SiLU"),
        (lambda x: tanh_gelu(x, half=1), "The factor 1/2 is missing"),
        (lambda x: 0.5 * (1 + torch.tanh(ROOT * (x + 0.044715 * x**3))), "The leading x is missing"),
        (lambda x: tanh_gelu(x, root=1), "√(2/π) is missing"),
        (lambda x: tanh_gelu(x, cube=lambda x: (0.044715 * x) ** 3), "0.044715 is cubed too"),
        (lambda x: tanh_gelu(x, cube=lambda x: 0.044715 * x), "The cube is missing"),
        (lambda x: tanh_gelu(x, cube=lambda x: 0.044715 * x**2), "squared, not cubed"),
        (lambda x: tanh_gelu(x, one=0), "The 1 + in front of tanh"),
        (lambda x: tanh_gelu(x, root=math.sqrt(2 * math.pi)), "not √(2π)"),
        (lambda x: tanh_gelu(x, root=2 / math.pi), "The root is missing"),
        (lambda x: 0.5 * x * (1 + torch.tanh(ROOT * x + 0.044715 * x**3)), "A bracket is missing inside tanh"),
        (lambda x: 0.5 * x * 1 + torch.tanh(ROOT * (x + 0.044715 * x**3)), "missing around 1 + tanh"),
        (lambda x: 0.5 * (x * 1 + torch.tanh(ROOT * (x + 0.044715 * x**3))), "x multiplies the 1 only"),
        (lambda x: 0.5 * x + (1 + torch.tanh(ROOT * (x + 0.044715 * x**3))), "x / 2 is added"),
        (lambda x: tanh_gelu(x, root=math.sqrt(2) / math.pi), "The root covers the 2 only"),
        (torch.sigmoid, "the sigmoid of x"),
        (torch.tanh, "This is tanh"),
        (F.elu, "This is ELU"),
        (F.leaky_relu, "a leaky ReLU"),
        (lambda x: x, "x comes back unchanged"),
        (lambda x: tanh_gelu(x, cube=lambda x: 0.44715 * x**3), "A zero is missing"),
        (lambda x: x.mul_(torch.sigmoid(2 * ROOT * (x + 0.044715 * x**3))), "argument x in place"),
        (lambda x: 3 * tanh_gelu(x), "not the tanh form"),
        (lambda x: tanh_gelu(x) * (x.abs() < 100), "Not right for large numbers"),
    ],
    "feed_forward": [
        (network(act=torch.relu), "The activation is ReLU"),
        (network(act=F.gelu), "the exact GELU"),
        (network(act=lambda x: x), "no activation between the two maps"),
        (network(act=lambda x: x, after=tanh_gelu), "The activation follows the second map. It belongs"),
        (network(act=lambda x: x, after=torch.relu), "cut off at 0"),
        (network(after=tanh_gelu), "An activation follows the second map too"),
        (network(after=torch.relu), "A ReLU follows the second map. Nothing may"),
        (network(down_bias=False), "b_down is missing"),
        (network(up_bias=False), "b_up is missing"),
        (network(up_bias=False, down_bias=False), "Both biases are missing"),
        (lambda x, *w: x + network()(x, *w), "x is added already"),
        (lambda x, U, a, D, b: tanh_gelu(F.linear(x, U, a)), "as wide as the hidden layer"),
        (lambda x, U, a, D, b: tanh_gelu(x @ U + a) @ D + b, "stops at"),
        (new_layers, "Two calls with the same arguments give two results"),
        (lambda x, U, a, D, b: F.linear(F.linear(tanh_gelu(x), U, a), D, b), "stands before the first map"),
        (lambda x, U, a, D, b: F.linear(tanh_gelu(x @ U.T) + a, D, b), "b_up is added after the activation"),
        (lambda x, U, a, D, b: tanh_gelu(x @ D + a) @ U + b, "are exchanged"),
        (lambda x, *w: network()(F.layer_norm(x, x.shape[-1:]), *w), "x is normalised inside"),
        (network(act=F.silu), "The activation is SiLU"),
        (lambda x, *w: network()(x, *w) if x.ndim == 3 and x.shape[-2] == 5 else x, "is a size fixed"),
    ],
    "dropout": [
        (dropped(keep=lambda x, p: torch.rand_like(x) < p), "9.9% of the values survive, with p=0.1. p is the"),
        (lambda x, p, training: inverted_dropout(x, p or 0.1, training), "With p=0 nothing may be dropped"),
        (dropped(scale=lambda p: 1), "must be divided by 1 - p, so that"),
        (dropped(keep=lambda x, p: torch.rand(x.shape[-1]) >= p), "The same columns"),
        (dropped(keep=lambda x, p: torch.rand(len(x), 1) >= p), "Whole rows"),
        (dropped(scale=lambda p: 1 - p), "The survivors are multiplied by 0.9"),
        (dropped(scale=lambda p: 1 / p), "The survivors are multiplied by 10"),
        (lambda x, p, training: inverted_dropout(x, p, True), "`training` is not used"),
        (lambda x, p, training: inverted_dropout(x, p, not training), "the wrong way round"),
        (lambda x, p, training: x * 0, "Every value is 0, and training is over"),
        (lambda x, p, training: x * 0 if training else x, "Every value is dropped"),
        (lambda x, p, training: inverted_dropout(x, 0.1, training), "p is not used"),
        (lambda x, p, training: inverted_dropout(x, p**0.5, training), "expected 90 % with p=0.1"),
        (dropped(evaluate=lambda x, p: x * p), "Without training, everything is multiplied by p"),
        (dropped(evaluate=lambda x, p: x + 0.01), "With training=False the result must be x itself"),
        (lambda x, p, training: x.mul_((torch.rand_like(x) >= p) / (1 - p)) if training else x, "argument x in place"),
        (dropped(evaluate=lambda x, p: x * (1 - p)), "That is the original way"),
        (dropped(evaluate=lambda x, p: x / (1 - p)), "The scaling belongs to training"),
        (lambda x, p, training: x, "Nothing is dropped in training"),
        (seeded, "Two calls drop the same elements"),
        (fixed_number(None), "exactly 200 of the 400 values"),
    ],
    "block_parameters": [
        (lambda d: 12 * d * d, "only the matrices"),
        (lambda d: 12 * d * d + 9 * d, "4·d are missing"),
        (lambda d: 12 * d * d + 4 * d, "the biases of the linear maps"),
        (lambda d: 12 * d * d + 11 * d, "has a weight *and* a bias"),
        (lambda d: 8 * d * d + 9 * d, "the attention's matrices"),
        (lambda d: 11 * d * d + 12 * d, "W_O"),
        (lambda d: 4 * d * d + 8 * d, "the feed-forward network is missing"),
        (lambda d: 8 * d * d + 5 * d, "only the feed-forward network"),
        (lambda d: 4 * d * d + 4 * d, "only the attention"),
        (lambda d: 12 * d * d + 8 * d, "the biases of the feed-forward network are missing"),
        (lambda d: 12 * d * d + 10 * d, "3·d are missing"),
        (lambda d: 12 * d * d + 12 * d, "the bias of one map is missing"),
        (lambda d: 12 * d * d + 15 * d, "only two layer norms"),
        (lambda d: 12 * d * d + 16 * d, "second feed-forward map has d"),
        (lambda d: 8 * d * d + 12 * d, "the second feed-forward map is missing"),
        (lambda d: 6 * d * d + 10 * d, "its hidden layer is 4·d wide"),
        (lambda d: 10 * d * d + 11 * d, "one map is counted for query, key and value"),
        (lambda d: 12 * (12 * d * d + 13 * d), "that is twelve blocks"),
        (lambda d: 7_087_872, "For d_model=1600"),
    ],
}
test_accepts, test_refuses, test_messages_differ = bite(RIGHT, WRONG)
