"""Experiments on the claims about layer normalisation."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gpt2lab.claims.base import Figures, experiment
from gpt2lab.claims.experiments.measures import farthest, numbers
from gpt2lab.layernorm import layer_norm

EPS = 1e-5


def norm(x: Tensor) -> Tensor:
    """Layer norm as it is at the start of training: gain 1, bias 0."""
    return layer_norm(x, torch.ones(x.shape[-1]), torch.zeros(x.shape[-1]), EPS)


def over_everything(x: Tensor) -> Tensor:
    mean, variance = torch.mean(x), torch.var(x)
    return (x - mean) / torch.sqrt(variance + 1e-8)


def over_the_features(x: Tensor) -> Tensor:
    mean, variance = x.mean(-1, keepdim=True), x.var(-1, keepdim=True, unbiased=False)
    return (x - mean) / torch.sqrt(variance + EPS)


@experiment(
    "N1",
    shows=lambda found: (
        min(found["whole tensor: sample 0"], found["whole tensor: token 0"]) > 0.02
        and found["per token: sample 0"] == found["per token: token 0"] == 0
    ),
    wrong=over_everything,
    right=over_the_features,
)
def statistics_of_everything(seed: int) -> Figures:
    """How far sample 0 moves when sample 1 is changed, and token 0 when the last token is (largest change)."""
    x = numbers(seed, 2, 4, 8)
    sample, token = x.clone(), x.clone()
    sample[1], token[0, -1] = 3 * sample[1] + 1, 3 * token[0, -1] + 1
    return {
        "whole tensor: sample 0": farthest(over_everything(sample)[0], over_everything(x)[0]),
        "whole tensor: token 0": farthest(over_everything(token)[0, 0], over_everything(x)[0, 0]),
        "per token: sample 0": farthest(over_the_features(sample)[0], over_the_features(x)[0]),
        "per token: token 0": farthest(over_the_features(token)[0, 0], over_the_features(x)[0, 0]),
    }


@experiment(
    "N2", shows=lambda found: abs(found["std of the code"] - (767 / 768) ** 0.5) < 1e-5 and found["std"] > 0.99999
)
def divided_by_n_minus_one(seed: int) -> Figures:
    """The standard deviation of one normalised token of 768 features, by the code and by layer norm."""
    x = numbers(seed, 1, 768)
    return {
        "std of the code": over_everything(x).std(unbiased=False).item(),
        "std": norm(x).std(unbiased=False).item(),
    }


@experiment(
    "N5",
    shows=lambda found: (
        abs(found["mean"] - 0.5) < 1e-3
        and abs(found["standard deviation"] - 2) < 1e-2
        and abs(found["variance"] - 4) < 0.02
    ),
)
def gain_and_bias(seed: int) -> Figures:
    """Mean, standard deviation and variance of a token after a gain of 2 and a bias of 0.5."""
    out = layer_norm(numbers(seed, 768), torch.full((768,), 2.0), torch.full((768,), 0.5), EPS)
    return {
        "mean": out.mean().item(),
        "standard deviation": out.std(unbiased=False).item(),
        "variance": out.var(unbiased=False).item(),
    }


def skewness(x: Tensor) -> float:
    """The third standardised moment; 0 for anything symmetric."""
    x = x.double()
    return float((((x - x.mean()) / x.std(unbiased=False)) ** 3).mean())


@experiment("N6", shows=lambda found: found["before"] > 1 and abs(found["after"] - found["before"]) < 1e-3)
def shape_stays(seed: int) -> Figures:
    """The skewness of 768 exponential numbers before and after layer norm; a Gaussian has 0."""
    x = torch.empty(768).exponential_(generator=torch.Generator().manual_seed(seed))
    return {"before": skewness(x), "after": skewness(norm(x))}


@experiment(
    "N7",
    shows=lambda found: found["features: largest mean"] > 0.1 and abs(found["tokens: largest mean"]) < 1e-4,
)
def features_keep_their_means(seed: int) -> Figures:
    """The largest mean, over 256 tokens, of a feature after layer norm, and the largest mean of a token."""
    x = numbers(seed, 256, 8) + torch.arange(8.0)
    out = norm(x)
    return {
        "features: largest mean": out.mean(0).abs().max().item(),
        "tokens: largest mean": out.mean(-1).abs().max().item(),
    }


def std_plus_eps(x: Tensor) -> Tensor:
    return (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + EPS)


@experiment(
    "N8",
    shows=lambda found: found["768 wide"] < 0.01 < 0.2 < found["2 wide"] and found["2 wide, by hand"] < 1e-5,
    wrong=std_plus_eps,
    right=over_the_features,
)
def unbiased_deviation(seed: int) -> Figures:
    """Largest difference from torch's layer norm, in wide and in narrow vectors."""
    wide, narrow = numbers(seed, 64, 768), numbers(seed, 64, 2)
    return {
        "768 wide": (std_plus_eps(wide) - F.layer_norm(wide, (768,))).abs().max().item(),
        "2 wide": (std_plus_eps(narrow) - F.layer_norm(narrow, (2,))).abs().max().item(),
        "2 wide, by hand": (over_the_features(narrow) - F.layer_norm(narrow, (2,))).abs().max().item(),
    }
