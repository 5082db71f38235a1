"""The checks of layer normalisation: three right answers each, every known mistake with its own message."""

import math

import torch
import torch.nn.functional as F
from teeth import bite


def by_formula(x, weight, bias, eps):
    mean = x.mean(-1, keepdim=True)
    return (x - mean) / torch.sqrt(((x - mean) ** 2).mean(-1, keepdim=True) + eps) * weight + bias


def by_torch(x, weight, bias, eps=1e-5):
    return F.layer_norm(x, x.shape[-1:], weight, bias, eps)


def by_loop(x, weight, bias, eps):
    rows = []
    for row in x.reshape(-1, x.shape[-1]):
        centred = row - row.sum() / len(row)
        rows.append(centred / math.sqrt(float((centred * centred).sum() / len(row)) + eps))
    return torch.stack(rows).reshape(x.shape) * weight + bias


def by_statistics(x, weight, bias, eps):
    variance, mean = torch.var_mean(x, dim=-1, correction=0, keepdim=True)
    return torch.addcmul(bias, (x - mean) * (variance + eps).rsqrt(), weight)


def whole_tensor(x, weight, bias, eps):
    return (x - torch.mean(x)) / torch.sqrt(torch.var(x) + 1e-8)


def per_feature(x, weight, bias, eps):  # batch norm
    flat = x.reshape(-1, x.shape[-1])
    return (x - flat.mean(0)) / (flat.var(0, unbiased=False) + eps).sqrt() * weight + bias


def over_positions(x, weight, bias, eps):
    dim = -2 if x.ndim > 1 else -1
    mean, variance = x.mean(dim, keepdim=True), x.var(dim, keepdim=True, unbiased=False)
    return (x - mean) / (variance + eps).sqrt() * weight + bias


def over_samples(x, weight, bias, eps):
    return (x - x.mean(0, keepdim=True)) / (x.var(0, keepdim=True, unbiased=False) + eps).sqrt() * weight + bias


def unbiased(x, weight, bias, eps):
    return (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True) + eps).sqrt() * weight + bias


def outside_and_unbiased(x, weight, bias, eps):
    return weight * (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + eps) + bias


def outside(x, weight, bias, eps):
    return weight * (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True, unbiased=False) + eps) + bias


def without_eps(x, weight, bias, eps):
    return by_formula(x, weight, bias, 0.0)


def fixed_eps(x, weight, bias, eps):
    return by_formula(x, weight, bias, 1e-5)


def by_variance(x, weight, bias, eps):
    return (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True, unbiased=False) + eps) * weight + bias


def mean_of_squares(x, weight, bias, eps):  # right on paper, wrong in float32
    mean = x.mean(-1, keepdim=True)
    variance = ((x * x).mean(-1, keepdim=True) - mean * mean).clamp(min=0)
    return (x - mean) / (variance + eps).sqrt() * weight + bias


def in_place(x, weight, bias, eps):
    x -= x.mean(-1, keepdim=True)
    return x / (x.pow(2).mean(-1, keepdim=True) + eps).sqrt() * weight + bias


def fails_on_vectors(x, weight, bias, eps):
    B, T, d = x.shape
    return by_formula(x, weight, bias, eps)


def scaled(x, w, b, size):
    centred = x - x.mean(-1, keepdim=True)
    return centred / size(centred) * w + b


def between_0_and_1(x, w, b, eps):
    low, high = x.amin(-1, keepdim=True), x.amax(-1, keepdim=True)
    return (x - low) / (high - low) * w + b


RIGHT = {
    "layer_norm": [by_formula, by_loop, by_statistics],
    "rms_norm": [
        lambda x, weight, eps: x / (x.pow(2).mean(-1, keepdim=True) + eps).sqrt() * weight,
        lambda x, w, eps: F.rms_norm(x, x.shape[-1:], w, eps),
        lambda x, w, eps: w * x * torch.rsqrt((x * x).sum(-1, keepdim=True) / x.shape[-1] + eps),
    ],
    "token_statistics": [
        lambda x: (x.mean(-1), x.var(-1, unbiased=False)),
        lambda x: (x.mean(-1, keepdim=True), ((x - x.mean(-1, keepdim=True)) ** 2).mean(-1, keepdim=True)),
        lambda x: tuple(reversed(torch.var_mean(x, dim=-1, correction=0))),
    ],
    "pre_ln": [
        lambda x, f, ln: x + f(ln(x)),
        lambda x, f, ln: torch.add(f(ln(x)), x),
        lambda x, f, ln: sum([x, f(ln(x))]),
    ],
    "post_ln": [
        lambda x, f, ln: ln(x + f(x)),
        lambda x, f, ln: ln(f(x) + x),
        lambda x, f, ln: ln(torch.add(x, f(x))),
    ],
}
WRONG = {
    "layer_norm": [
        (by_torch, "without torch's own"),
        (whole_tensor, "Mean and variance run over the whole tensor"),
        (per_feature, "That is batch norm"),
        (over_positions, "mean or variance runs over the positions"),
        (over_samples, "mean or variance runs over the batch"),
        (unbiased, "pass unbiased=False"),
        (outside_and_unbiased, "and eps stands outside the root"),
        (outside, "eps stands outside the root. It belongs inside"),
        (without_eps, "eps is never used"),
        (fixed_eps, "eps is fixed at 1e-5"),
        (by_variance, "Divide by its square root"),
        (mean_of_squares, "Subtract the mean first, then square"),
        (
            lambda x, w, b, eps: by_formula(x, torch.ones_like(w), torch.zeros_like(b), eps),
            "weight and bias are not used",
        ),
        (lambda x, w, b, eps: by_formula(x, w, torch.zeros_like(b), eps), "bias is not used"),
        (lambda x, w, b, eps: by_formula(x, torch.ones_like(w), b, eps), "weight is not used"),
        (
            lambda x, w, b, eps: (
                by_formula(x, b, w, eps) if not torch.equal(b, torch.zeros_like(b)) else by_formula(x, w, b, eps)
            ),
            "weight and bias are exchanged",
        ),
        (lambda x, w, b, eps: by_formula(x, w.sqrt(), b, eps), "not the new variance"),
        (lambda x, w, b, eps: by_formula(x, torch.ones_like(w), b, eps) * w, "bias is added before the multiplication"),
        (lambda x, w, b, eps: x * torch.rsqrt((x * x).mean(-1, keepdim=True) + eps) * w + b, "This is RMSNorm"),
        (lambda x, w, b, eps: (x - x.mean(-1, keepdim=True)) * w + b, "nothing is divided by the standard deviation"),
        (
            lambda x, w, b, eps: x / (x.var(-1, keepdim=True, unbiased=False) + eps).sqrt() * w + b,
            "The mean is not subtracted",
        ),
        (lambda x, w, b, eps: scaled(x, w, b, lambda c: c.norm(dim=-1, keepdim=True) + eps), "the squares are summed"),
        (lambda x, w, b, eps: scaled(x, w, b, lambda c: c.abs().mean(-1, keepdim=True) + eps), "absolute distances"),
        (between_0_and_1, "stretched to lie between"),
        (lambda x, w, b, eps: by_formula(x, w, b, 1e-8), "eps is fixed at 1e-8"),
        (lambda x, w, b, eps: 2 * by_formula(x, w, b, eps), "Every token must come out"),
        (in_place, "changes its argument x in place"),
        (fails_on_vectors, "with ValueError: not enough values"),
    ],
    "rms_norm": [
        (lambda x, w, eps: by_formula(x, w, 0.0, eps), "This is LayerNorm without bias"),
        (lambda x, w, eps: x / ((x * x).sum(-1, keepdim=True) + eps).sqrt() * w, "the squares are summed"),
        (lambda x, w, eps: x / ((x * x).mean(-1, keepdim=True) + eps).sqrt(), "weight is not used"),
        (lambda x, w, eps: x / ((x * x).mean() + eps).sqrt() * w, "over the whole tensor"),
        (lambda x, w, eps: x / ((x * x).mean(-1, keepdim=True) + eps) * w, "without the root"),
        (lambda x, w, eps: x / ((x * x).mean(-1, keepdim=True).sqrt() + eps) * w, "eps stands outside"),
        (lambda x, w, eps: x / (x * x).mean(-1, keepdim=True).sqrt() * w, "eps is never used"),
        (lambda x, w, eps: x / (x.mean(-1, keepdim=True) ** 2 + eps).sqrt() * w, "The mean is squared"),
        (lambda x, w, eps: x / (x.var(-1, keepdim=True, correction=0) + eps).sqrt() * w, "Divided by the standard"),
        (lambda x, w, eps: x / (x.std(-1, keepdim=True) + eps) * w, "Divided by torch's std"),
        (lambda x, w, eps: x / (x.abs().mean(-1, keepdim=True) + eps) * w, "absolute values"),
        (lambda x, w, eps: x * ((x * x).mean(-1, keepdim=True) + eps).sqrt() * w, "Multiplied by the root"),
        (lambda x, w, eps: x / (((x * x).mean(-1, keepdim=True) + eps).sqrt() * w), "Divided by weight"),
        (lambda x, w, eps: x / ((x * x).mean(1, keepdim=True) + eps).sqrt() * w, "over the positions"),
        (lambda x, w, eps: x / ((x * x).mean(0, keepdim=True) + eps).sqrt() * w, "over the batch"),
        (lambda x, w, eps: x / ((x * x).mean(-1, keepdim=True) + 1e-5).sqrt() * w, "eps is fixed at 1e-5"),
        (lambda x, w, eps: x / ((x * x).mean(-1, keepdim=True) + eps).sqrt() * (1 + w), "added as 1 + weight"),
        (lambda x, w, eps: x.div_(((x * x).mean(-1, keepdim=True) + eps).sqrt()) * w, "argument x in place"),
        (lambda x, w, eps: x / ((x * x).mean(-1, keepdim=True) + eps).sqrt() + w, "weight is added."),
    ],
    "token_statistics": [
        (lambda x: (x.mean(-1), x.var(-1)), "divided by d - 1"),
        (lambda x: (x.mean(-1), x.std(-1, unbiased=False)), "This is the standard deviation"),
        (lambda x: (x.mean(-1), x.std(-1)), "unbiased standard deviation"),
        (lambda x: torch.var_mean(x, dim=-1, correction=0), "The two are exchanged"),
        (lambda x: (x.mean(), x.var()), "so there are 10 means"),
        (lambda x: (x.mean(-1), (x * x).mean(-1)), "mean of the squares"),
        (lambda x: (x.mean(-1), x.var(unbiased=False)), "one variance per token"),
        (lambda x: x.mean(-1), "Return two tensors"),
        (lambda x: (x.mean(1), x.var(1, correction=0)), "yours has shape (2, 8)"),
        (lambda x: (x.mean(-1), ((x - x.mean(-1, keepdim=True)) ** 2).sum(-1)), "are summed"),
        (lambda x: (x.mean(-1), (x - x.mean(-1, keepdim=True)).abs().mean(-1)), "absolute distances"),
        (lambda x: (x.mean(-1), x.var(-1, correction=0) + 1e-2), "The variance is the mean of the squared distances"),
        (lambda x: (x.mean(-1), 1 / x.var(-1, correction=0)), "one over the variance"),
        (lambda x: (x.median(-1).values, x.var(-1, correction=0)), "This is the median"),
        (lambda x: (x.sum(-1), x.var(-1, correction=0)), "This is the sum"),
        (lambda x: (x.sum(-1) / 8, x.var(-1, correction=0)), "not for 16"),
    ],
    "pre_ln": [
        (lambda x, f, ln: ln(x + f(x)), "This is post-LN"),
        (lambda x, f, ln: ln(x) + f(ln(x)), "overwrites the stream"),
        (lambda x, f, ln: x + ln(f(x)), "The norm stands on the output of f"),
        (lambda x, f, ln: x + f(x), "ln is never used"),
        (lambda x, f, ln: f(ln(x)), "x is never added"),
        (lambda x, f, ln: ln(x + f(ln(x))), "one before f and one after the sum"),
        (lambda x, f, ln: x + ln(f(ln(x))), "one before f and one behind it"),
        (lambda x, f, ln: ln(x) + f(x), "The norm stands on x alone"),
        (lambda x, f, ln: ln(f(x)), "The norm of the output of f is all there is"),
        (lambda x, f, ln: ln(x), "f is never used"),
        (lambda x, f, ln: (x + f(ln(x))).relu(), "A ReLU follows"),
        (lambda x, f, ln: x - f(ln(x)), "is subtracted"),
        (lambda x, f, ln: x + f(F.layer_norm(x, (8,))), "stops at"),
        (lambda x, f, ln: 2 * (x + f(ln(x))), "This is not pre-LN"),
    ],
    "post_ln": [
        (lambda x, f, ln: x + f(ln(x)), "This is pre-LN"),
        (lambda x, f, ln: ln(x) + f(ln(x)), "overwrites the stream"),
        (lambda x, f, ln: x + f(x), "ln is never used"),
        (lambda x, f, ln: ln(f(x)), "The norm of the output of f is all there is"),
        (lambda x, f, ln: x + ln(f(x)), "The norm stands on the output of f"),
        (lambda x, f, ln: f(ln(x)), "x is never added"),
        (lambda x, f, ln: ln(x + f(ln(x))), "one before f and one after the sum"),
        (lambda x, f, ln: x + ln(f(ln(x))), "one before f and one behind it"),
        (lambda x, f, ln: ln(x) + f(x), "The norm stands on x alone"),
        (lambda x, f, ln: ln(x), "f is never used"),
        (lambda x, f, ln: ln(x + f(x)).relu(), "A ReLU follows"),
        (lambda x, f, ln: ln(x - f(x)), "is subtracted"),
        (lambda x, f, ln: 2 * ln(x + f(x)), "This is not post-LN"),
    ],
}
test_accepts, test_refuses, test_messages_differ = bite(RIGHT, WRONG)
