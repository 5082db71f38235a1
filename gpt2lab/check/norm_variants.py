"""Checks for the relatives of layer norm: RMSNorm, and the two places where a norm can stand."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from gpt2lab.check.base import Answer, CheckResult, judge
from gpt2lab.check.layernorm import EPS, uneven_tokens
from gpt2lab.check.learner import Learner, examine
from gpt2lab.errors import validates
from gpt2lab.layernorm import layer_norm as reference


@validates
def rms_norm(function: Answer) -> CheckResult:
    """``my_rms_norm(x, weight, eps)`` -> x divided by the root of its mean square, times weight."""
    return examine("rms_norm", function, "x weight eps", _rms, _rms_small)


def _rms(learner: Learner) -> None:
    x, weight = uneven_tokens(), 0.5 + torch.rand(8)
    square = (x**2).mean(-1, keepdim=True)
    judge(
        learner.tensor(x, weight, EPS, shape=(2, 5, 8)),
        x / (square + EPS).sqrt() * weight,
        {
            "This is LayerNorm without bias: the mean is subtracted. RMSNorm leaves the mean in.": reference(
                x, weight, torch.zeros(8), EPS
            ),
            "Divided by the length of the vector: the squares are summed. Take their mean.": x
            / ((x**2).sum(-1, keepdim=True) + EPS).sqrt()
            * weight,
            "weight is not used.": x / (square + EPS).sqrt(),
            "Divided by the mean square, without the root.": x / (square + EPS) * weight,
            "The mean of the squares runs over the whole tensor. Use dim=-1: one token.": x
            / ((x**2).mean() + EPS).sqrt()
            * weight,
            "The mean is squared, where the mean of the squares is asked: square first, then take the mean.": x
            / (x.mean(-1, keepdim=True) ** 2 + EPS).sqrt()
            * weight,
            "Divided by the standard deviation: the mean is subtracted inside it. RMSNorm subtracts nothing.": x
            / (x.var(-1, keepdim=True, unbiased=False) + EPS).sqrt()
            * weight,
            "Divided by torch's std: it subtracts the mean, and divides by d - 1. RMSNorm subtracts nothing.": x
            / (x.std(-1, keepdim=True) + EPS)
            * weight,
            "Divided by the mean of the absolute values. The size is the root of the mean square.": x
            / (x.abs().mean(-1, keepdim=True) + EPS)
            * weight,
            "Multiplied by the root of the mean square. Divide by it.": x * (square + EPS).sqrt() * weight,
            "weight is added as 1 + weight. It is the gain itself.": x / (square + EPS).sqrt() * (1 + weight),
            "weight is added. It multiplies the result.": x / (square + EPS).sqrt() + weight,
            "Divided by weight. It multiplies the result.": x / ((square + EPS).sqrt() * weight),
            "The mean of the squares runs over the positions. Use dim=-1: one token, all its features.": x
            / ((x**2).mean(1, keepdim=True) + EPS).sqrt()
            * weight,
            "The mean of the squares runs over the batch. Use dim=-1: one token, all its features.": x
            / ((x**2).mean(0, keepdim=True) + EPS).sqrt()
            * weight,
        },
        "Not right: what is the size of one token, when nothing is subtracted, and what remains to be done after dividing by it?",
    )


def _rms_small(learner: Learner) -> None:
    x = 1e-3 * torch.randn(3, 8)
    square = (x**2).mean(-1, keepdim=True)
    judge(
        learner.tensor(x, torch.ones(8), 1e-4, shape=(3, 8)),
        x / (square + 1e-4).sqrt(),
        {
            "eps stands outside the root. It belongs inside.": x / (square.sqrt() + 1e-4),
            "eps is fixed at 1e-5 inside your function. Use the argument.": x / (square + 1e-5).sqrt(),
            "eps is never used. Add it to the mean square, inside the root.": x / square.sqrt(),
        },
        "For small numbers, with eps=0.0001: what does eps stand beside?",
    )


@validates
def pre_ln(function: Answer) -> CheckResult:
    """``my_pre_ln(x, f, ln)`` -> x + f(ln(x)): GPT-2's arrangement."""
    return examine("pre_ln", function, "x f ln", lambda learner: _arrangement(learner, "pre"))


@validates
def post_ln(function: Answer) -> CheckResult:
    """``my_post_ln(x, f, ln)`` -> ln(x + f(x)): the arrangement of 2017."""
    return examine("post_ln", function, "x f ln", lambda learner: _arrangement(learner, "post"))


def _arrangement(learner: Learner, wanted: str) -> None:
    x, w = 2 * torch.randn(2, 5, 8), torch.randn(8, 8)

    def f(x: Tensor) -> Tensor:
        return torch.tanh(x @ w)

    def ln(x: Tensor) -> Tensor:
        return F.layer_norm(x, (8,))

    results = {"pre": x + f(ln(x)), "post": ln(x + f(x))}
    place = {"pre": "on the branch, in front of f", "post": "on the stream, behind the sum"}
    other = {"pre": "post", "post": "pre"}[wanted]
    judge(
        learner.tensor(x, f, ln, shape=(2, 5, 8)),
        results[wanted],
        {
            f"This is {other}-LN: the norm stands {place[other]}. In {wanted}-LN it stands {place[wanted]}.": results[
                other
            ],
            "The norm overwrites the stream: ln(x) is added instead of x.": ln(x) + f(ln(x)),
            "The norm stands on the output of f. That is neither of the two.": x + ln(f(x)),
            "The norm stands on x alone, and f reads the stream as it is. That is neither of the two.": ln(x) + f(x),
            "There are two norms, one before f and one behind it. Only one is wanted.": x + ln(f(ln(x))),
            "This is the norm of x alone: f is never used.": ln(x),
            "A ReLU follows. The stream needs its negative values.": results[wanted].relu(),
            "f(x) is subtracted. A residual connection adds.": x - f(ln(x)) if wanted == "pre" else ln(x - f(x)),
            "ln is never used.": x + f(x),
            "x is never added.": f(ln(x)),
            "The norm of the output of f is all there is: x is never added.": ln(f(x)),
            "There are two norms, one before f and one after the sum. Only one is wanted.": ln(x + f(ln(x))),
        },
        f"This is not {wanted}-LN: there is one sum, of x and the branch, and the norm stands {place[wanted]}.",
    )
    y = torch.randn(3, 4)
    norms: Callable[[Tensor], Tensor] = partial(F.layer_norm, normalized_shape=(4,))
    right = y + norms(y).sin() if wanted == "pre" else norms(y + y.sin())
    out = learner.tensor(y, torch.sin, norms, shape=(3, 4))
    judge(out, right, {}, "Not right for another f and another shape: is one of them fixed in your function?")
