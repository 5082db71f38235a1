"""Checks for layer normalisation; RMSNorm and the place of the norm are in ``norm_variants``."""

from __future__ import annotations

import torch
from torch import Tensor

from gpt2lab.check.base import Answer, CheckResult, Wrong, agree, as_tensors, changed, judge
from gpt2lab.check.learner import Learner, examine
from gpt2lab.errors import validates
from gpt2lab.layernorm import layer_norm as reference

EPS = 1e-5


@validates
def token_statistics(function: Answer) -> CheckResult:
    """``my_statistics(x)`` -> (mean, variance) of each token over its features, biased variance."""
    return examine("token_statistics", function, "x", _statistics, _other_tokens)


def _statistics(learner: Learner) -> None:
    x = uneven_tokens()
    result = learner(x)
    mean, variance = as_tensors(result, learner.name, ("mean", "variance"))
    if mean.numel() != 10:
        raise Wrong(
            f"x holds 10 tokens (2 samples of 5), so there are 10 means, one per token; yours has shape "
            f"{tuple(mean.shape)}. The mean runs over the features, dim=-1."
        )
    biased = x.var(-1, unbiased=False)
    if variance.numel() == 10 and agree(mean.reshape(2, 5), biased) and agree(variance.reshape(2, 5), x.mean(-1)):
        raise Wrong("The two are exchanged: the mean comes first. (torch.var_mean gives the variance first.)")
    judge(
        mean.reshape(2, 5),
        x.mean(-1),
        {
            "This is the sum of the features. Divide it by their number.": x.sum(-1),
            "This is the median. The mean is the sum of the features, divided by their number.": x.median(-1).values,
        },
        "The mean of each token runs over its features, dim=-1.",
    )
    if variance.numel() != 10:
        raise Wrong(f"Expected one variance per token, got shape {tuple(variance.shape)}.")
    judge(
        variance.reshape(2, 5),
        biased,
        {
            "This is the unbiased variance (divided by d - 1). LayerNorm divides by d: the features are all "
            "there is, not a sample of something larger.": x.var(-1),
            "This is the standard deviation. Return the variance, its square.": biased.sqrt(),
            "This is the unbiased standard deviation. Return the variance, divided by d.": x.std(-1),
            "The squared distances from the mean are summed. Take their mean.": 8 * biased,
            "This is the mean of the absolute distances. Square them.": (x - x.mean(-1, keepdim=True)).abs().mean(-1),
            "This is one over the variance.": 1 / biased,
            "This is the mean of the squares. Subtract the mean first.": (x**2).mean(-1),
        },
        "The variance is the mean of the squared distances from the token's mean.",
    )


def _other_tokens(learner: Learner) -> None:
    x = 5 + torch.randn(1, 3, 16)
    mean, variance = as_tensors(learner(x), learner.name, ("mean", "variance"))
    if mean.numel() != 3 or variance.numel() != 3:
        raise Wrong(
            f"For x (B 1, T 3, d_model 16) there are 3 means and 3 variances; yours have the shapes {tuple(mean.shape)} "
            f"and {tuple(variance.shape)}. Is a size fixed in your function?"
        )
    judge(mean.reshape(1, 3), x.mean(-1), {}, "The mean is right for tokens of 8 features, and not for 16.")
    judge(
        variance.reshape(1, 3),
        x.var(-1, correction=0),
        {},
        "The variance is right for tokens of 8 features, not for 16.",
    )


@validates
def layer_norm(function: Answer) -> CheckResult:
    """``my_layer_norm(x, weight, bias, eps)`` -> every token with mean 0 and variance 1, then gain and bias."""
    trials = (
        _whose_statistics,
        _which_variance,
        _small_tokens,
        _gain_and_bias,
        _constant_token,
        _far_from_zero,
        _shapes,
    )
    return examine("layer_norm", function, "x weight bias eps", *trials)


def _whose_statistics(learner: Learner) -> None:
    """Mean and variance belong to one token: no other token, no other sample."""
    ready = "This exercise is the layer norm itself: write it with means, squares and roots, without torch's own."
    learner.forbidden = dict.fromkeys(("layer_norm", "native_layer_norm", "group_norm", "rms_norm"), ready)
    x, ones, zeros = uneven_tokens(), torch.ones(8), torch.zeros(8)
    out = learner.tensor(x, ones, zeros, EPS, shape=(2, 5, 8))
    sample, token = x.clone(), x.clone()
    sample[1] += torch.randn(5, 8)
    token[:, -1] += torch.randn(2, 8)
    from_sample = changed(out[0], learner.tensor(sample, ones, zeros, EPS, shape=(2, 5, 8))[0])
    from_token = changed(out[:, 0], learner.tensor(token, ones, zeros, EPS, shape=(2, 5, 8))[:, 0])
    if from_sample > 1e-5 and from_token > 1e-5:
        batch_norm = (x - x.mean((0, 1))) / (x.var((0, 1), unbiased=False) + EPS).sqrt()
        how = (
            "That is batch norm: each feature is normalised over the tokens of the batch."
            if agree(out, batch_norm, 0.05)
            else "Mean and variance run over the whole tensor."
        )
        raise Wrong(
            f"{how} Changing another sample changes this one by {from_sample:.2g}, and changing the last token "
            f"changes the first one by {from_token:.2g}. Use dim=-1: one token, all its features."
        )
    if from_token > 1e-5:
        raise Wrong(
            f"Changing the last token changes the first one by {from_token:.2g}: mean or variance runs over the "
            "positions. Use dim=-1: one token, all its features."
        )
    if from_sample > 1e-5:
        raise Wrong(
            f"Changing another sample changes this one by {from_sample:.2g}: mean or variance runs over the batch. "
            "Use dim=-1: one token, all its features."
        )


def _which_variance(learner: Learner) -> None:
    x, small = uneven_tokens(), 1e-3 * torch.randn(3, 8)  # only small numbers tell where eps stands
    centred, variance = x - x.mean(-1, keepdim=True), x.var(-1, keepdim=True, unbiased=False)
    outside = (small - small.mean(-1, keepdim=True)) / (small.std(-1, keepdim=True) + EPS)
    if agree(learner.tensor(small, torch.ones(8), torch.zeros(8), EPS), outside):
        raise Wrong(
            "The standard deviation is the unbiased one (divided by d - 1, torch's default), and eps stands outside "
            "the root. LayerNorm divides the variance by d, and has eps inside the root."
        )
    judge(
        learner.tensor(x, torch.ones(8), torch.zeros(8), EPS, shape=(2, 5, 8)),
        reference(x, torch.ones(8), torch.zeros(8), EPS),
        {
            "The variance is divided by d - 1 (torch's default). LayerNorm divides by d: pass unbiased=False.": centred
            / (x.var(-1, keepdim=True) + EPS).sqrt(),
            "The result is divided by the variance. Divide by its square root, the standard deviation.": centred
            / (variance + EPS),
            "The mean is subtracted, but nothing is divided by the standard deviation.": centred,
            "Divided by the length of the centred token: the squares are summed. Take their mean, then the root.": centred
            / centred.norm(dim=-1, keepdim=True),
            "Divided by the mean of the absolute distances. Square them, take the mean, then the root.": centred
            / centred.abs().mean(-1, keepdim=True),
            "The features are stretched to lie between 0 and 1. Every token must have mean 0 and variance 1.": (
                x - x.amin(-1, keepdim=True)
            )
            / (x.amax(-1, keepdim=True) - x.amin(-1, keepdim=True)),
            "The mean is not subtracted.": x / (variance + EPS).sqrt(),
            "This is RMSNorm: the mean of the squares without subtracting the mean first.": x
            / ((x**2).mean(-1, keepdim=True) + EPS).sqrt(),
        },
        "Every token must come out with mean 0 and variance 1 over its features (weight 1, bias 0).",
    )


def _small_tokens(learner: Learner) -> None:
    """GPT-2's first stream has small numbers, where it matters where eps stands."""
    x = 1e-3 * torch.randn(3, 8)
    centred, variance = x - x.mean(-1, keepdim=True), x.var(-1, keepdim=True, unbiased=False)
    for eps in (1e-5, 1e-2):
        judge(
            learner.tensor(x, torch.ones(8), torch.zeros(8), eps, shape=(3, 8)),
            reference(x, torch.ones(8), torch.zeros(8), eps),
            {
                "eps stands outside the root. It belongs inside, beside the variance. For features whose variance "
                "is not far above eps, this decides how large the result is.": centred / (variance.sqrt() + eps),
                "eps is never used. Add it to the variance, inside the root.": centred / variance.sqrt(),
                f"eps is fixed at 1e-5 inside your function. Use the argument: here eps is {eps:g}.": centred
                / (variance + 1e-5).sqrt(),
                "eps is fixed at 1e-8 inside your function. Use the argument.": centred / (variance + 1e-8).sqrt(),
            },
            f"For a token whose features are as small as 0.001, with eps={eps:g}: what does eps stand beside?",
        )


def _gain_and_bias(learner: Learner) -> None:
    x, weight, bias = uneven_tokens(), 0.5 + 2 * torch.rand(8), torch.randn(8)
    normal = reference(x, torch.ones(8), torch.zeros(8), EPS)
    judge(
        learner.tensor(x, weight, bias, EPS, shape=(2, 5, 8)),
        normal * weight + bias,
        {
            "weight and bias are not used: multiply by weight, then add bias.": normal,
            "bias is not used: add it at the end.": normal * weight,
            "weight is not used: multiply the normalised token by it.": normal + bias,
            "weight and bias are exchanged: multiply by weight, add bias.": normal * bias + weight,
            "bias is added before the multiplication: first · weight, then + bias.": (normal + bias) * weight,
            "The root of weight is used. weight is the new standard deviation, not the new variance.": normal
            * weight.sqrt()
            + bias,
            "weight and bias are applied before the normalisation, which undoes them.": reference(
                x * weight + bias, torch.ones(8), torch.zeros(8), EPS
            ),
            "weight is added as 1 + weight. GPT-2's weight is the gain itself.": normal * (1 + weight) + bias,
        },
        "After the normalisation: multiply by weight, then add bias, feature by feature.",
    )


def _constant_token(learner: Learner) -> None:
    bias = torch.randn(8)
    out = learner.tensor(torch.full((1, 2, 8), 3.0), torch.ones(8), bias, EPS, shape=(1, 2, 8))
    if not bool(torch.isfinite(out).all()):
        raise Wrong("A token whose features are all equal gives NaN: its variance is 0. Add eps inside the root.")
    judge(out, bias.expand(1, 2, 8), {}, "A token whose features are all equal must come out as the bias.")


def _far_from_zero(learner: Learner) -> None:
    x = 3000 + torch.randn(4, 64)
    judge(
        learner.tensor(x, torch.ones(64), torch.zeros(64), EPS, shape=(4, 64)),
        reference(x, torch.ones(64), torch.zeros(64), EPS),
        {},
        "Features around 3000 lose their digits. Subtract the mean first, then square: mean(x²) - mean² "
        "is the difference of two huge numbers.",
        tolerance=1e-2,
    )


def _shapes(learner: Learner) -> None:
    weight, bias = torch.rand(6), torch.randn(6)
    for shape in ((6,), (1, 6), (2, 3, 4, 6)):
        x = torch.randn(shape)
        out = learner.tensor(x, weight, bias, EPS, shape=shape)
        judge(out, reference(x, weight, bias, EPS), {}, f"Not right for x of shape {shape}: use dim=-1, keepdim=True.")


def uneven_tokens() -> Tensor:
    """2 samples of 5 tokens with 8 features; tokens and features differ in mean and spread."""
    return torch.randn(2, 5, 8) * (1 + torch.arange(5.0)[:, None]) * (0.5 + torch.rand(8)) + 3 * torch.randn(2, 5, 1)
