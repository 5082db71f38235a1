"""Experiments on what is right and often doubted: GPT-2's parts."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gpt2lab.ablations import ReLUFeedForward
from gpt2lab.attention import MultiHeadAttention, attention, causal_mask, merge_heads, split_heads
from gpt2lab.claims.base import Figures, experiment
from gpt2lab.claims.experiments.attention import small_gpt2
from gpt2lab.claims.experiments.layernorm import norm
from gpt2lab.claims.experiments.measures import farthest, numbers, stops
from gpt2lab.claims.experiments.residual import arriving, block_and_input, no_sums_no_norms
from gpt2lab.config import GPT2Config
from gpt2lab.errors import InputError
from gpt2lab.residual import all_blocks


@experiment("C1", shows=lambda found: set(found.values()) == {64})
def sixty_four(seed: int) -> Figures:
    """d_head of the model of 2017 and of the four sizes of GPT-2."""
    configs = {
        "2017, 512 in 8": GPT2Config(d_model=512, n_heads=8),
        "768 in 12": GPT2Config.gpt2(),
        "1,024 in 16": GPT2Config.gpt2_medium(),
        "1,280 in 20": GPT2Config.gpt2_large(),
        "1,600 in 25": GPT2Config.gpt2_xl(),
    }
    return {name: config.d_head for name, config in configs.items()}


@experiment(
    "C2",
    shows=lambda found: found["512 wide, undivided: gradient"] < 0.5 * found["512 wide, divided: gradient"]
    and abs(found["512 wide, divided: std of the scores"] - found["8 wide, divided: std of the scores"]) < 0.2
    and found["512 wide, undivided: std of the scores"] > 5 * found["8 wide, undivided: std of the scores"],
)  # fmt: skip
def root_that_protects(seed: int) -> Figures:
    """64 queries and keys of variance 1: std of the scores, and Σ p (1 − p), what the softmax lets pass."""
    found: Figures = {}
    for d in (8, 512):
        scores = numbers(seed, 64, d) @ numbers(seed + 50, 64, d).T
        for name, divisor in (("divided", d**0.5), ("undivided", 1.0)):
            p = (scores / divisor).softmax(-1)
            found[f"{d} wide, {name}: std of the scores"] = (scores / divisor).std().item()
            found[f"{d} wide, {name}: gradient"] = (p * (1 - p)).sum(-1).mean().item()
    return found


@experiment(
    "C3",
    shows=lambda found: found["from GPT-2's block"] < 1e-5 and found["gradient with it"] > 100 * found["without it"],
)
def nothing_else_belongs_to_it(seed: int) -> Figures:
    """How far a block with `return input + output` is from GPT-2's; the gradient at the first of 16 blocks."""
    block, x = block_and_input(seed)

    def residual(input: Tensor, output: Tensor) -> Tensor:
        return input + output

    with torch.no_grad():
        middle = residual(x, block.attn(block.ln_1(x)))
        found = {"from GPT-2's block": farthest(residual(middle, block.ffn(block.ln_2(middle))), block(x))}
    found["gradient with it"] = arriving(seed, lambda block, x: residual(x, no_sums_no_norms(block, x)))
    found["without it"] = arriving(seed, no_sums_no_norms)
    return found


@experiment("C4", shows=lambda found: max(found.values()) < 1e-5 and len(found) == 3)
@torch.no_grad()
def a_few_lines(seed: int) -> Figures:
    """Attention in four heads without W_O against torch's layer with W_O = identity (largest difference)."""
    x, memory, found = numbers(seed, 1, 6, 32), numbers(seed + 1, 1, 9, 32), dict[str, int | float]()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torchs = nn.MultiheadAttention(32, 4, batch_first=True)
    torchs.out_proj.weight.copy_(torch.eye(32))
    w_q, w_k, w_v = torchs.in_proj_weight.chunk(3)
    cases = {"self": (x, None), "cross": (memory, None), "masked": (x, causal_mask(6))}
    for name, (source, mask) in cases.items():
        q, k, v = (split_heads(y @ w.T, 4) for y, w in ((x, w_q), (source, w_k), (source, w_v)))
        theirs = torchs(x, source, source, attn_mask=None if mask is None else ~mask)[0]
        found[name] = farthest(merge_heads(attention(q, k, v, mask)[0]), theirs)
    return found


@experiment(
    "C5",
    shows=lambda found: found["-inf: weight on what is hidden"] == found["minus 1e10: weight on it"] == 0
    < found["-10: weight on it"] and found["-inf: row sums from 1"] < 1e-5,
)  # fmt: skip
def hidden_is_zero(seed: int) -> Figures:
    """The weight left above the diagonal after the softmax, by what was done to the scores there."""
    future, scores = torch.ones(6, 6).triu(1).bool(), numbers(seed, 6, 6)
    weights = scores.masked_fill(future, -torch.inf).softmax(-1)
    return {
        "-inf: weight on what is hidden": weights[future].sum().item(),
        "-inf: row sums from 1": (weights.sum(-1) - 1).abs().max().item(),
        "minus 1e10: weight on it": (scores - 1e10 * future).softmax(-1)[future].sum().item(),
        "-10: weight on it": scores.masked_fill(future, -10).softmax(-1)[future].sum().item(),
    }


@experiment("C11", shows=lambda found: found["from a convolution of width 1"] < 1e-5 and found["others move by"] == 0)
def same_at_every_position(seed: int) -> Figures:
    """How far a linear layer is from a convolution of kernel size 1, and what a changed token does to others."""
    x, weight = numbers(seed, 6, 8), numbers(seed + 1, 16, 8)
    other = x.clone()
    other[0] += 1
    convolved = F.conv1d(x.T[None], weight[:, :, None])[0].T
    return {
        "from a convolution of width 1": (convolved - x @ weight.T).abs().max().item(),
        "others move by": (other @ weight.T - x @ weight.T)[1:].abs().max().item(),
    }


@experiment("C12", shows=lambda found: found["token 0 moves by"] == 0 < found["batch norm: by"])
def needs_nobody(seed: int) -> Figures:
    """How far a token's normalised vector moves when all others change, by layer norm and by batch norm."""
    x = numbers(seed, 2, 4, 8)
    other = 5 * numbers(seed + 1, 2, 4, 8)
    other[0, 0] = x[0, 0]
    batch = nn.BatchNorm1d(8, affine=False)
    return {
        "token 0 moves by": farthest(norm(other)[0, 0], norm(x)[0, 0]),
        "batch norm: by": farthest(batch(other.flatten(0, 1))[0], batch(x.flatten(0, 1))[0]),
    }


@experiment("C7", shows=lambda found: found["from max(0, x W1 + b1) W2 + b2"] < 1e-5 < 0.01 < found["GELU: from it"])
@torch.no_grad()
def linear_relu_linear(seed: int) -> Figures:
    """Linear, ReLU, Linear against the equation, with the weights of the course's network of 2017; and GELU's."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        ffn = ReLUFeedForward(GPT2Config.tiny(d_model=16)).eval()
    x = numbers(seed, 5, 16)
    inside = x @ ffn.up.weight.T + ffn.up.bias
    equation = torch.clamp(inside, min=0) @ ffn.down.weight.T + ffn.down.bias
    return {
        "from max(0, x W1 + b1) W2 + b2": farthest(nn.Sequential(ffn.up, nn.ReLU(), ffn.down)(x), equation),
        "GELU: from it": farthest(nn.Sequential(ffn.up, nn.GELU(), ffn.down)(x), equation),
    }


@experiment(
    "C10",
    shows=lambda found: (
        found["GPT-2's default"] == 0.1 and found["eval: from the input"] == 0 < found["training: from it"]
    ),
)
def a_tenth(seed: int) -> Figures:
    """The rate of the course's GPT-2, and how far dropout's output is from its input in each mode."""
    layer, x, found = nn.Dropout(GPT2Config.gpt2().dropout), numbers(seed, 1000), dict[str, int | float]()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        found["training: from it"] = farthest(layer(x), x)
    return {**found, "eval: from the input": farthest(layer.eval()(x), x), "GPT-2's default": layer.p}


@experiment(
    "C13",
    shows=lambda found: max(found["queries: from norm(stream)"], found["neurons: from norm(stream)"])
    < 1e-5 < 0.01 < found["queries: from the stream"] and found["norms after the last block"] == 1,
)  # fmt: skip
@torch.no_grad()
def before_each_part(seed: int) -> Figures:
    """GPT-2's first block: how far queries and neurons are from those made of the normed stream, or of the stream."""
    model = small_gpt2(seed)
    block, trace = model.blocks[0], all_blocks(model.trace(torch.arange(9)[None]))[0]
    q, _, _ = block.attn.project(norm(trace.resid_pre))
    return {
        "queries: from norm(stream)": farthest(q, trace.attn.q),
        "queries: from the stream": farthest(block.attn.project(trace.resid_pre)[0], trace.attn.q),
        "neurons: from norm(stream)": farthest(block.ffn.up(norm(trace.resid_mid)), trace.ffn.pre),
        "norms after the last block": sum(name == "ln_f" for name, _ in model.named_children()),
    }


@experiment(
    "C14",
    shows=lambda found: found["from token + position"] == 0 and found["width"] == found["width of a token's row"] == 32,
)
@torch.no_grad()
def added(seed: int) -> Figures:
    """What GPT-2's first block reads, against the sum of the two rows; its width."""
    model, tokens = small_gpt2(seed), torch.arange(9)[None]
    first = all_blocks(model.trace(tokens))[0].resid_pre
    summed = model.token_embedding.weight[:9] + model.position_embedding.weight[:9]
    return {
        "from token + position": farthest(first[0], summed),
        "width": first.shape[-1],
        "width of a token's row": model.token_embedding.weight.shape[-1],
    }


@experiment(
    "C17",
    shows=lambda found: (
        min(found["torch: stops"], found["GPT-2's config: stops"]) == 1 and found["3 of 12: stops"] == 0
    ),
)
def no_remainder(seed: int) -> Figures:
    """Whether three heads for ten features stop torch's layer and the course's; and three heads for twelve."""
    return {
        "torch: stops": stops(AssertionError, nn.MultiheadAttention, 10, 3),
        "GPT-2's config: stops": stops(InputError, lambda: GPT2Config(d_model=10, n_heads=3)),
        "3 of 12: stops": stops(InputError, lambda: MultiHeadAttention(GPT2Config.tiny(d_model=12, n_heads=3))),
    }
