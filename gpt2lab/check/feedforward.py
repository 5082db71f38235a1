"""Checks for the feed-forward network: GELU and the network; dropout is in ``dropout``."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from gpt2lab.check.base import Answer, CheckResult, Wrong, judge
from gpt2lab.check.learner import Learner, examine
from gpt2lab.check.sandbox import same
from gpt2lab.errors import validates


@validates
def gelu(function: Answer) -> CheckResult:
    """``my_gelu(x)`` -> the tanh form of the GELU, the same shape as x."""
    return examine("gelu", function, "x", _gelu, _gelu_extremes)


def _gelu(learner: Learner) -> None:
    x, root = torch.linspace(-4, 4, 80).reshape(2, 5, 8), math.sqrt(2 / math.pi)
    inner = root * (x + 0.044715 * x**3)
    judge(
        learner.tensor(x, shape=x.shape),
        F.gelu(x, approximate="tanh"),
        {
            "This is the exact GELU (with erf). It differs by up to 0.0005; GPT-2 was trained with the tanh form.": F.gelu(
                x
            ),
            "This is ReLU. GELU bends smoothly and lets small negative numbers through.": x.relu(),
            "This is the short form x·sigmoid(1.702·x). GPT-2 uses the tanh form.": x * torch.sigmoid(1.702 * x),
            "This is SiLU, x·sigmoid(x).": F.silu(x),
            "This is the sigmoid of x. GELU multiplies x by something like it.": x.sigmoid(),
            "This is tanh. GELU grows with x.": x.tanh(),
            "This is ELU. GELU comes back to 0 on the left.": F.elu(x),
            "This is a leaky ReLU. GELU bends smoothly, and comes back to 0 on the left.": F.leaky_relu(x),
            "x comes back unchanged.": x,
            "A zero is missing: 0.044715, not 0.44715.": 0.5 * x * (1 + (root * (x + 0.44715 * x**3)).tanh()),
            "The factor 1/2 is missing.": x * (1 + inner.tanh()),
            "The leading x is missing.": 0.5 * (1 + inner.tanh()),
            "The factor √(2/π) is missing inside tanh.": 0.5 * x * (1 + (x + 0.044715 * x**3).tanh()),
            "0.044715 is cubed too. Only x is.": 0.5 * x * (1 + (root * (x + (0.044715 * x) ** 3)).tanh()),
            "The cube is missing.": 0.5 * x * (1 + (root * (x + 0.044715 * x)).tanh()),
            "x is squared, not cubed.": 0.5 * x * (1 + (root * (x + 0.044715 * x**2)).tanh()),
            "A bracket is missing inside tanh: √(2/π) multiplies x alone, and should multiply the cubic term as well.": 0.5
            * x
            * (1 + (root * x + 0.044715 * x**3).tanh()),
            "A bracket is missing around 1 + tanh: the factors in front reach the 1 only, and tanh is added.": 0.5 * x
            + inner.tanh(),
            "A bracket is in the wrong place: x multiplies the 1 only, and tanh is added.": 0.5 * (x + inner.tanh()),
            "x / 2 is added. It multiplies what stands in the bracket.": 0.5 * x + 1 + inner.tanh(),
            "The root covers the 2 only: it is √(2/π), not √2/π.": 0.5
            * x
            * (1 + (math.sqrt(2) / math.pi * (x + 0.044715 * x**3)).tanh()),
            "The 1 + in front of tanh is missing.": 0.5 * x * inner.tanh(),
            "It is √(2/π), not √(2π).": 0.5 * x * (1 + (math.sqrt(2 * math.pi) * (x + 0.044715 * x**3)).tanh()),
            "The root is missing: √(2/π), not 2/π.": 0.5 * x * (1 + (2 / math.pi * (x + 0.044715 * x**3)).tanh()),
        },
        "This is not the tanh form of the GELU. Compare with the formula, from the inside out: the cubic term, the factor, tanh, then what it is multiplied by.",
        tolerance=2e-5,
    )


def _gelu_extremes(learner: Learner) -> None:
    x = torch.tensor([0.0, -50.0, 50.0, 1e4, -1e4])
    judge(learner.tensor(x, shape=(5,)), torch.tensor([0.0, 0.0, 50.0, 1e4, 0.0]), {}, "Not right for large numbers.")


@validates
def feed_forward(function: Answer) -> CheckResult:
    """``my_feed_forward(x, W_up, b_up, W_down, b_down)``; W_up is (d_ff, d_model), as nn.Linear stores it."""
    return examine("feed_forward", function, "x W_up b_up W_down b_down", _network, _network_shapes)


def _network(learner: Learner) -> None:
    x, W_up, b_up, W_down, b_down = (
        torch.randn(2, 5, 6),
        torch.randn(24, 6),
        torch.randn(24),
        torch.randn(6, 24),
        torch.randn(6),
    )

    def act(x: Tensor) -> Tensor:
        return F.gelu(x, approximate="tanh")

    pre = F.linear(x, W_up, b_up)
    linear = F.linear(pre, W_down, b_down)
    right = F.linear(act(pre), W_down, b_down)
    out = learner.tensor(x, W_up, b_up, W_down, b_down)
    if not same(out, learner.tensor(x, W_up, b_up, W_down, b_down)):
        raise Wrong(
            "Two calls with the same arguments give two results: something random happens inside, such as a new "
            "nn.Linear with weights of its own. The weights are given; use W_up, b_up, W_down and b_down."
        )
    if out.shape == (2, 5, 24):
        raise Wrong("The result is as wide as the hidden layer. The second map, W_down, leads back to d_model.")
    judge(
        learner.tensor(x, W_up, b_up, W_down, b_down, shape=(2, 5, 6)),
        right,
        {
            "The activation is ReLU. GPT-2 uses GELU, in the tanh form.": F.linear(pre.relu(), W_down, b_down),
            "The activation is the exact GELU (with erf). GPT-2 uses the tanh form.": F.linear(
                F.gelu(pre), W_down, b_down
            ),
            "There is no activation between the two maps: together they are one linear map.": linear,
            "The activation follows the second map. It belongs between the two: otherwise they are one linear map.": act(
                linear
            ),
            "A ReLU follows the second map, and nothing stands between the two: that is one linear map, cut off at 0.": linear.relu(),
            "An activation follows the second map too. Nothing may: the result is added to the stream, and may be negative.": act(
                right
            ),
            "A ReLU follows the second map. Nothing may: the result is added to the stream, and may be negative.": right.relu(),
            "b_down is missing.": F.linear(act(pre), W_down),
            "b_up is missing.": F.linear(act(F.linear(x, W_up)), W_down, b_down),
            "Both biases are missing.": F.linear(act(F.linear(x, W_up)), W_down),
            "x is added already. The sum belongs to the block; return what the network writes.": x + right,
            "The activation stands before the first map. It belongs between the two: otherwise they are one linear map.": F.linear(
                F.linear(act(x), W_up, b_up), W_down, b_down
            ),
            "b_up is added after the activation. It belongs before it, with the first map.": F.linear(
                act(F.linear(x, W_up)) + b_up, W_down, b_down
            ),
            "W_up and W_down are exchanged: W_up comes first, and each is used as nn.Linear does, transposed.": act(
                x @ W_down + b_up
            )
            @ W_up
            + b_down,
            "x is normalised inside. The layer norm belongs to the block; x comes in normalised already.": F.linear(
                act(F.linear(F.layer_norm(x, (6,)), W_up, b_up)), W_down, b_down
            ),
            "The activation is SiLU. GPT-2 uses GELU, in the tanh form.": F.linear(F.silu(pre), W_down, b_down),
        },
        "Not right. Each token passes through two maps with their biases, and through one activation. Which comes where?",
    )


def _network_shapes(learner: Learner) -> None:
    for shape, d_ff in (((6,), 24), ((2, 3, 4, 6), 10), ((1, 1, 6), 6)):
        x, W_up, b_up, W_down, b_down = (
            torch.randn(shape),
            torch.randn(d_ff, 6),
            torch.randn(d_ff),
            torch.randn(6, d_ff),
            torch.randn(6),
        )
        out = learner.tensor(x, W_up, b_up, W_down, b_down, shape=shape)
        right = F.linear(F.gelu(F.linear(x, W_up, b_up), approximate="tanh"), W_down, b_down)
        judge(out, right, {}, f"Not right for x of shape {shape} and d_ff={d_ff}: is a size fixed in your function?")
