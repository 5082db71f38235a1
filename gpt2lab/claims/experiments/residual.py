"""Experiments on the claims about the residual connection."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from gpt2lab.block import TransformerBlock
from gpt2lab.claims.base import Figures, experiment
from gpt2lab.claims.experiments.measures import farthest, likeness, numbers
from gpt2lab.config import GPT2Config
from gpt2lab.residual import residual_init_scale

D, DEPTH = 64, 16
Step = Callable[[TransformerBlock, Tensor], Tensor]


def made_block(seed: int) -> TransformerBlock:
    """A block, 64 wide, whose matrices keep the variance: weights of standard deviation 1/√d_in."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        block = TransformerBlock(GPT2Config.tiny(d_model=D, n_heads=4)).eval()
        for module in block.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=module.in_features**-0.5)
                nn.init.zeros_(module.bias)
    return block


def block_and_input(seed: int) -> tuple[TransformerBlock, Tensor]:
    """A block and an input of unit variance: (2, 10, 64)."""
    return made_block(seed), numbers(seed, 2, 10, D)


def sums(block: TransformerBlock, x: Tensor) -> Tensor:
    return block(x)


def sums_alone(block: TransformerBlock, x: Tensor) -> Tensor:
    """The same numbers, but no gradient passes through attention and feed-forward network."""
    x = x + block.attn(block.ln_1(x)).detach()
    return x + block.ffn(block.ln_2(x)).detach()


def no_sums(block: TransformerBlock, x: Tensor) -> Tensor:
    return block.ffn(block.ln_2(block.attn(block.ln_1(x))))


def no_sums_no_norms(block: TransformerBlock, x: Tensor) -> Tensor:
    return block.ffn(block.attn(x))


def arriving(seed: int, step: Step) -> float:
    """The length of the gradient before 16 blocks, relative to the one after them."""
    x = start = numbers(seed, 2, 10, D).requires_grad_()
    for i in range(DEPTH):
        x = step(made_block(100 * seed + i), x)
    arrived = numbers(seed + 1, *x.shape)
    (gradient,) = torch.autograd.grad(x, start, arrived)
    return (gradient.norm() / arrived.norm()).item()


@experiment("R1", shows=lambda found: found["negative with a ReLU"] == 0 and 0.3 < found["negative in GPT-2"] < 0.7)
@torch.no_grad()
def relu_after_the_sum(seed: int) -> Figures:
    """The share of negative numbers in the output of one block, as it is and with a ReLU after each sum."""
    block, x = block_and_input(seed)
    middle = (x + block.attn(block.ln_1(x))).relu()
    cut = (middle + block.ffn(block.ln_2(middle))).relu()
    return {
        "negative in GPT-2": round((block(x) < 0).float().mean().item(), 3),
        "negative with a ReLU": round((cut < 0).float().mean().item(), 3),
    }


@experiment(
    "R2",
    shows=lambda found: abs(found["through the sums alone"] - 1) < 1e-5 and found["without sums and norms"] < 0.1,
)
def which_way_the_gradient_runs(seed: int) -> Figures:
    """The gradient's length at the first of 16 blocks, relative to its length at the loss, where it starts."""
    return {
        "through the sums alone": arriving(seed, sums_alone),
        "without sums and norms": arriving(seed, no_sums_no_norms),
    }


@experiment(
    "R3",
    shows=lambda found: (
        found["after 16 blocks"] > 2 * found["after 1 block"] and found["after 16 blocks, writers smaller"] < 2
    ),
)
@torch.no_grad()
def stream_that_grows(seed: int) -> Figures:
    """The stream's standard deviation; "smaller": the matrices that write into it start at 1/√(2 · 16) of that."""
    found: Figures = {}
    for name, factor in (("", 1.0), (", writers smaller", residual_init_scale(DEPTH))):
        x = numbers(seed, 2, 10, D)
        for i in range(DEPTH):
            block = made_block(100 * seed + i)
            for writer in block.writers():
                writer.get_parameter("weight").mul_(factor)
            x = block(x)
            if i == 0 and not name:
                found["after 1 block"] = x.std().item()
        found[f"after 16 blocks{name}"] = x.std().item()
    return found


@experiment("R4", shows=lambda found: found["two sums"] < 1e-5 < 0.1 < found["one sum"])
@torch.no_grad()
def two_sums(seed: int) -> Figures:
    """How far a block made by hand is from GPT-2's: with both sums, and without the one around the attention."""
    block, x = block_and_input(seed)
    found: Figures = {}
    for name, kept in (("two sums", 1), ("one sum", 0)):
        middle = kept * x + block.attn(block.ln_1(x))
        found[name] = farthest(middle + block.ffn(block.ln_2(middle)), block(x))
    return found


@experiment("R5", shows=lambda found: found["from GPT-2's block"] > 0.1 > 1e-5 > found["two sums"])
@torch.no_grad()
def one_skip_over_both(seed: int) -> Figures:
    """How far x + ffn(attention(x)) is from the block of the same weights, and how far two sums are."""
    block, x = block_and_input(seed)
    middle = x + block.attn(block.ln_1(x))
    return {
        "from GPT-2's block": farthest(x + no_sums(block, x), block(x)),
        "two sums": farthest(middle + block.ffn(block.ln_2(middle)), block(x)),
    }


@experiment(
    "R8", shows=lambda found: found["one sum: of the attention arrives"] == 0 < found["two sums: of the attention"]
)
@torch.no_grad()
def silent_network(seed: int) -> Figures:
    """What the attention still changes (largest change) when the feed-forward network writes nothing."""
    block, x = block_and_input(seed)
    block.ffn.down.weight.zero_()
    return {
        "one sum: of the attention arrives": farthest(x + no_sums(block, x), x),
        "two sums: of the attention": farthest(block(x), x),
    }


@experiment(
    "R10",
    shows=lambda found: found["part silent: from the input"] == found["input zero: from the part"] == 0
    and min(found["both: from the input"], found["both: from the part"]) > 0.1,
)  # fmt: skip
@torch.no_grad()
def both_paths(seed: int) -> Figures:
    """How far x + part is from x and from part, with both and with one of them set to zero (largest difference)."""
    block, x = block_and_input(seed)
    part, nothing = block.attn(block.ln_1(x)), torch.zeros_like(x)
    return {
        "part silent: from the input": farthest(x + nothing, x),
        "input zero: from the part": farthest(nothing + part, part),
        "both: from the input": farthest(x + part, x),
        "both: from the part": farthest(x + part, part),
    }


@experiment(
    "R15",
    shows=lambda found: found["norms, no sums: likeness"] > 0.98 > 0.9 > found["norms and sums: likeness"]
    and found["norms, no sums: gradient"] > 0.1 > found["neither: gradient"],
)  # fmt: skip
def what_is_lost_without_sums(seed: int) -> Figures:
    """After 16 blocks: mean cosine of neighbouring tokens; gradient before the blocks, relative to behind them."""
    found: Figures = {}
    with torch.no_grad():
        for name, step in (("norms and sums", sums), ("norms, no sums", no_sums)):
            x = numbers(seed, 2, 10, D)
            for i in range(DEPTH):
                x = step(made_block(100 * seed + i), x)
            found[f"{name}: likeness"] = likeness(x)
    found["norms, no sums: gradient"] = arriving(seed, no_sums)
    found["neither: gradient"] = arriving(seed, no_sums_no_norms)
    return found
