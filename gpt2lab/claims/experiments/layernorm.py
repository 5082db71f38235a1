"""Experiments on the claims about layer normalisation."""

from __future__ import annotations

import torch
from torch import Tensor

from gpt2lab.block import TransformerBlock
from gpt2lab.claims.base import Figures, experiment
from gpt2lab.claims.experiments.attention import small_gpt2
from gpt2lab.claims.experiments.measures import farthest, numbers
from gpt2lab.claims.experiments.residual import DEPTH, D, block_and_input, made_block, sums
from gpt2lab.layernorm import LayerNorm, layer_norm

EPS = 1e-5


def norm(x: Tensor) -> Tensor:
    """Layer norm as it is at the start of training: gain 1, bias 0."""
    return layer_norm(x, torch.ones(x.shape[-1]), torch.zeros(x.shape[-1]), EPS)


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


def after_the_sums(block: TransformerBlock, x: Tensor) -> Tensor:
    x = block.ln_1(x + block.attn(x))
    return block.ln_2(x + block.ffn(x))


@experiment(
    "N9",
    shows=lambda found: found["from each other"] > 0.1
    and abs(found["2017: std of a token"] - 1) < 1e-3 < abs(found["GPT-2: std of a token"] - 1),
)  # fmt: skip
@torch.no_grad()
def before_or_after(seed: int) -> Figures:
    """One block's weights with the norms before the parts and after the sums: how its two outputs differ."""
    block, x = block_and_input(seed)
    after = after_the_sums(block, x)
    return {
        "from each other": farthest(block(x), after),
        "2017: std of a token": after.std(-1, unbiased=False).mean().item(),
        "GPT-2: std of a token": block(x).std(-1, unbiased=False).mean().item(),
    }


@experiment("N10", shows=lambda found: found["in each block"] == 2 and found["in all"] == 2 * found["blocks"] + 1)
def how_many_norms(seed: int) -> Figures:
    """The layer norms of a GPT-2 of three blocks."""
    model = small_gpt2(seed)
    return {
        "blocks": len(model.blocks),
        "in each block": sum(isinstance(module, LayerNorm) for module in model.blocks[0].modules()),
        "in all": sum(isinstance(module, LayerNorm) for module in model.modules()),
    }


@experiment(
    "N12",
    shows=lambda found: found["std before it"] < 0.5 and abs(found["std after it"] - 1) < 0.1
    and found["logits move by, relative"] > 0.5,
)  # fmt: skip
@torch.no_grad()
def what_the_last_norm_does(seed: int) -> Figures:
    """A fresh GPT-2: the stream's std before and after ln_f, and how far the logits move if ln_f is left out."""
    model, tokens = small_gpt2(seed), torch.arange(10)[None]
    trace = model.trace(tokens)
    without = model.unembed(trace.resid_final)
    return {
        "std before it": trace.resid_final.std().item(),
        "std after it": trace.ln_f.out.std().item(),
        "logits move by, relative": ((without - trace.logits).norm() / trace.logits.norm()).item(),
    }


@experiment("N13", shows=lambda found: found["norms before the parts"] < 0.7 < 0.75 < found["norms after the sums"])
def gradients_at_the_start(seed: int) -> Figures:
    """The gradient at the last feed-forward network in 16 blocks, relative to 2 blocks, before any training."""
    found: Figures = {}
    for name, step in (("norms before the parts", sums), ("norms after the sums", after_the_sums)):
        lengths = []
        for depth in (2, DEPTH):
            blocks, x = [made_block(100 * seed + i) for i in range(depth)], numbers(seed, 16, 10, D)
            for block in blocks:
                x = step(block, x)
            (norm(x) * numbers(seed + 1, *x.shape)).sum().backward()
            last = blocks[-1].ffn.down.get_parameter("weight").grad
            assert last is not None
            lengths.append(last.norm().item())
        found[name] = lengths[1] / lengths[0]
    return found
