"""Checks for the residual stream: the sum around one part, the block, the initial scale, the gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from gpt2lab.check.base import Answer, CheckResult, Wrong, agree, as_number, judge
from gpt2lab.check.learner import Learner, examine
from gpt2lab.errors import validates
from gpt2lab.residual import residual_init_scale

Map: TypeAlias = Callable[[Tensor], Tensor]


@validates
def residual(function: Answer) -> CheckResult:
    """``my_residual(x, f)`` -> x + f(x)."""
    return examine("residual", function, "x f", _sum, _closed_branch, _gradient_flow)


def _sum(learner: Learner) -> None:
    x, w = torch.randn(2, 5, 8), torch.randn(8, 8)

    def f(x: Tensor) -> Tensor:
        return torch.tanh(x @ w)

    y = x + f(x)
    out = learner.tensor(x, f)
    if out.shape in ((2, 5, 16), (4, 5, 8), (2, 10, 8)):
        raise Wrong(
            f"The result has shape {tuple(out.shape)}: x and f(x) stand side by side. A residual connection *adds* them."
        )
    judge(
        out,
        y,
        {
            "This is f(x) alone: x is missing. A residual connection adds x to it; an nn.Identity() "
            "around f(x) adds nothing.": f(x),
            "This is x alone: f is never used.": x,
            "f(x) is added to itself. It is the input x that has to be added.": 2 * f(x),
            "A ReLU follows the sum. It sets every negative value of the stream to 0; nothing may follow "
            "the addition.": y.relu(),
            "An activation follows the sum. Nothing may follow the addition: the stream needs its negative "
            "values.": F.gelu(y, approximate="tanh"),
            "A layer norm follows the sum. That is the arrangement of 2017 (post-LN); here the sum stays as "
            "it is.": F.layer_norm(y, (8,)),
            "f reads a normed x. That norm belongs to the block, in front of f; here f reads x itself.": x
            + f(F.layer_norm(x, (8,))),
            "f is used twice, on x and on its own result. Once is enough.": x + f(f(x)),
            "The sum is halved. Both parts count fully.": y / 2,
            "x is multiplied with f(x). A residual connection adds.": x * f(x),
            "f(x) is subtracted. A residual connection adds it.": x - f(x),
            "x is added twice. Once is enough.": x + y,
        },
        "This is not the sum of x and what f makes of it.",
    )


def _closed_branch(learner: Learner) -> None:
    x = torch.randn(2, 5, 8)
    if not agree(learner.tensor(x, torch.zeros_like, shape=x.shape), x, 1e-6):
        raise Wrong("With an f that returns zeros, the result must be x itself, unchanged.")


def _gradient_flow(learner: Learner) -> None:
    x = torch.randn(2, 5, 8, requires_grad=True)
    out = learner.tensor(x, lambda x: 0 * x, shape=(2, 5, 8))
    gradient = torch.autograd.grad(out.sum(), x, allow_unused=True)[0] if out.requires_grad else None
    if gradient is None or not agree(gradient, torch.ones_like(x)):
        raise Wrong(
            "The values are right, but no gradient flows back through the x of the sum (is there a "
            "detach, a .data or a no_grad?)."
        )


@validates
def block(function: Answer) -> CheckResult:
    """``my_block(x, attn, ffn, ln_1, ln_2)`` -> the stream after one pre-LN block."""
    return examine("block", function, "x attn ffn ln_1 ln_2", _block, _one_token)


def _block(learner: Learner) -> None:
    x = 2 * torch.randn(2, 5, 8)
    w_attn, w_ffn, gain_1, gain_2 = torch.randn(8, 8), torch.randn(8, 8), torch.rand(8) + 0.5, torch.rand(8) + 0.5

    def attn(x: Tensor) -> Tensor:  # a stand-in that mixes tokens: each gets the mean of those so far
        return x.cumsum(1) / torch.arange(1, x.shape[1] + 1)[:, None] @ w_attn

    def ffn(x: Tensor) -> Tensor:
        return torch.tanh(x @ w_ffn)

    def ln_1(x: Tensor) -> Tensor:
        return F.layer_norm(x, (8,), gain_1)

    def ln_2(x: Tensor) -> Tensor:
        return F.layer_norm(x, (8,), gain_2)

    def pre(x: Tensor, f: Map, ln: Map) -> Tensor:
        return x + f(ln(x))

    def overwritten(x: Tensor, f: Map, ln: Map) -> Tensor:
        x = ln(x)
        return x + f(x)

    def post(x: Tensor, f: Map, ln: Map) -> Tensor:
        return ln(x + f(x))

    mid = pre(x, attn, ln_1)
    a, b = attn(ln_1(x)), ffn(ln_2(attn(ln_1(x))))
    unnormed, sandwich = x + attn(x), x + ln_1(attn(x))
    right = pre(mid, ffn, ln_2)
    judge(
        learner.tensor(x, attn, ffn, ln_1, ln_2, shape=(2, 5, 8)),
        right,
        {
            "Post-LN: the norms stand after the sums, as in 2017. In GPT-2 each norm stands on the branch: "
            "only what a part reads is normed.": post(post(x, attn, ln_1), ffn, ln_2),
            "The norms overwrite the stream: after `x = ln_1(x)` the old x is gone. Norm only what the branch "
            "reads, and keep x for the sum.": overwritten(overwritten(x, attn, ln_1), ffn, ln_2),
            "There is one sum around both parts. Each part has its own: first around the attention, then "
            "around the feed-forward network.": x + b,
            "There is one sum around both parts, and no norms. Each part has its own sum and its own norm.": x
            + ffn(attn(x)),
            "The outputs of the two parts are added to each other; the stream x is missing from the sum.": a + b,
            "The feed-forward network reads what the attention wrote, not the stream after the first sum.": x + a + b,
            "The outputs of the two parts are added to each other; the stream x is missing from the sum, and "
            "so are the norms.": attn(x) + ffn(attn(x)),
            "Both parts read the same x (a parallel block). In GPT-2 the feed-forward network reads the stream "
            "*after* the attention has added to it.": x + a + ffn(ln_2(x)),
            "The sums are right, but no norm is used: ln_1 belongs in front of attn, ln_2 in front of ffn.": x
            + attn(x)
            + ffn(x + attn(x)),
            "ln_1 is missing: attention reads the stream as it is. Only ln_2 is in its place.": pre(
                unnormed, ffn, ln_2
            ),
            "ln_2 is missing: the feed-forward network reads the stream as it is. Only ln_1 is in its place.": mid
            + ffn(mid),
            "The norms stand behind the parts: they norm what is written. They belong in front, on what each part "
            "reads.": sandwich + ln_2(ffn(sandwich)),
            "ln_2 follows the last sum. Nothing may follow the additions: the final norm is the model's.": ln_2(right),
            "ln_1 follows the last sum. Nothing may follow the additions: the final norm is the model's.": ln_1(right),
            "x is added twice: the result of the first sum has it already.": x + right,
            "Both parts read the same x, through the same norm. In GPT-2 the feed-forward network reads the stream "
            "*after* the attention has added to it, through ln_2.": x + a + ffn(ln_1(x)),
            "The first norm overwrites the stream: after `x = ln_1(x)` the old x is gone. The second line is right.": pre(
                overwritten(x, attn, ln_1), ffn, ln_2
            ),
            "The second norm overwrites the stream: after `x = ln_2(x)` the old x is gone. The first line is right.": overwritten(
                mid, ffn, ln_2
            ),
            "ln_1 is used twice. Each part has a norm of its own: ln_2 belongs in front of ffn.": pre(mid, ffn, ln_1),
            "The norms are exchanged: ln_1 belongs to the attention, ln_2 to the feed-forward network.": pre(
                pre(x, attn, ln_2), ffn, ln_1
            ),
            "The parts are exchanged: attention comes first.": pre(pre(x, ffn, ln_1), attn, ln_2),
            "The parts are exchanged, with their norms: attention comes first.": pre(pre(x, ffn, ln_2), attn, ln_1),
            "Only the attention is there; the second line, with ffn and ln_2, is missing.": mid,
            "The attention's output replaces the stream: x + is missing in the first line.": pre(a, ffn, ln_2),
            "The second sum adds to the old x, so what the attention wrote is lost from the stream. Go on from the "
            "result of the first sum.": x + ffn(ln_2(mid)),
            "The feed-forward output replaces the stream: x + is missing in the second line.": ffn(ln_2(mid)),
            "A ReLU follows the last sum. Nothing may follow the additions.": right.relu(),
            "A ReLU follows each sum. Nothing may follow the additions.": pre(mid.relu(), ffn, ln_2).relu(),
        },
        "There are two sums, one after the other. Each part reads the stream through its own norm, and its output is "
        "added to the stream.",
    )


def _one_token(learner: Learner) -> None:
    x, w = torch.randn(1, 6), torch.randn(2, 6, 6)

    def ln(x: Tensor) -> Tensor:
        return F.layer_norm(x, (6,))

    mid = x + ln(x) @ w[0]
    out = learner.tensor(x, lambda x: x @ w[0], lambda x: x @ w[1], ln, ln, shape=(1, 6))
    judge(
        out,
        mid + ln(mid) @ w[1],
        {},
        "Not right for other parts and one token: is a size or a part fixed in your function?",
    )


@validates
def residual_scale(function: Answer) -> CheckResult:
    """``my_residual_scale(n_layers)`` -> the factor on the initial weights that write to the stream."""
    return examine("residual_scale", function, "n_layers", _scale)


def _scale(learner: Learner) -> None:
    for n_layers in (12, 1, 48):
        actual = torch.tensor(as_number(learner(n_layers)))
        judge(
            actual,
            torch.tensor(residual_init_scale(n_layers)),
            {
                "This is 1/√n_layers. Each block writes to the stream *twice* (attention and feed-forward), "
                "so the sum has twice as many terms.": torch.tensor(n_layers**-0.5),
                "The root is missing: this is one over the number of terms. Independent terms add up like the root of their "
                "number, so the root is enough.": torch.tensor(1 / (2 * n_layers)),
                "The 2 stands outside the root. Count all terms of the stream first, then take the root of that number.": torch.tensor(
                    0.5 * n_layers**-0.5
                ),
                "The root covers the 2 alone. It is taken of the number of all terms.": torch.tensor(
                    2**-0.5 / n_layers
                ),
                "Each block has *two* terms, and the root is missing: independent terms add up like the root of their "
                "number.": torch.tensor(1 / n_layers),
                "The token vectors are counted as a term. They are where the stream begins; the blocks' terms are scaled.": torch.tensor(
                    (2 * n_layers + 1) ** -0.5
                ),
                "Each block writes twice, not three times: attention and feed-forward.": torch.tensor(
                    (3 * n_layers) ** -0.5
                ),
                "12 layers are fixed in your function. How many there are, n_layers says.": torch.tensor(24**-0.5),
                "That is the spread of the weights, 0.02. The factor on it depends on the depth.": torch.tensor(0.02),
                "The fraction is upside down: the factor has to make the weights smaller, not larger.": torch.tensor(
                    (2.0 * n_layers) ** 0.5
                ),
                "This is already multiplied by 0.02, the spread of the weights. Return the factor alone.": torch.tensor(
                    0.02 * (2 * n_layers) ** -0.5
                ),
            },
            f"Not right for n_layers={n_layers}. How many terms does the whole stream add up, and how does the spread of a "
            "sum of independent terms grow with their number?",
            tolerance=1e-6,
        )


@validates
def gradient(function: Answer) -> CheckResult:
    """``my_gradient(slopes, residual)`` -> derivative of the last number with respect to the first.

    Part i turns x into slope_i · x, or, with ``residual``, into x + slope_i · x.
    """
    return examine("gradient", function, "slopes residual", _gradient)


def _gradient(learner: Learner) -> None:
    cases = ([0.5, -0.25, 2.0], [0.1] * 5, [3.0], [-0.5, -0.5])
    for residual in (True, False):
        for slopes in cases:
            actual = torch.tensor(as_number(learner(list(slopes), residual)))
            s = torch.tensor(slopes)
            with_sum, without, called = (1 + s).prod(), s.prod(), f"With slopes={slopes} and residual={residual}"
            mistakes = {
                True: {
                    "This is the product of the slopes, as if nothing were added. What is the derivative of x + slope·x?": without,
                    "1 is added once, after multiplying. Every part has its own sum.": 1 + without,
                    "The signs are turned: this is the product for x - slope·x.": (1 - s).prod(),
                    "Only the last part counts. The factors of all parts are multiplied.": 1 + s[-1],
                    "Only the first part counts. The factors of all parts are multiplied.": 1 + s[0],
                    "The factors are averaged. Derivatives of parts in a row are multiplied.": (1 + s).mean(),
                    "The slopes are added up. Derivatives of parts in a row are multiplied; the "
                    "sum leaves out the paths through several parts.": 1 + s.sum(),
                    "The slopes are added. Derivatives of parts in a row are multiplied.": s.sum(),
                },
                False: {
                    "`residual` is ignored: without the sum the factor of each part is its slope alone.": with_sum,
                    "The slopes are added. Derivatives of parts in a row are multiplied.": s.sum(),
                    "1 is added. Without the residual there is no 1.": 1 + without,
                },
            }[residual]
            expected = with_sum if residual else without
            judge(actual, expected, mistakes, f"{called} the product of the factors is wanted.", tolerance=1e-5)
