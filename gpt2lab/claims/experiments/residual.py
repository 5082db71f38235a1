"""Experiments on the claims about the residual connection."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gpt2lab.block import TransformerBlock
from gpt2lab.claims.base import Figures, experiment
from gpt2lab.config import GPT2Config


def block_and_input(seed: int) -> tuple[TransformerBlock, Tensor]:
    """A block with random weights, 64 wide, and an input of unit variance: (2, 10, 64)."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        block = TransformerBlock(GPT2Config.tiny(d_model=64, n_heads=4)).eval()
    return block, torch.randn(2, 10, 64, generator=generator)


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


def identity_after(part: nn.Module, x: Tensor) -> Tensor:
    return nn.Identity()(part(x))


def residual(part: nn.Module, x: Tensor) -> Tensor:
    return x + part(x)


@experiment(
    "R9",
    shows=lambda found: found["from part(x)"] == 0 and found["from x + part(x)"] > 0.1,
    wrong=identity_after,
    right=residual,
)
@torch.no_grad()
def identity_is_no_sum(seed: int) -> Figures:
    """How far the code's result is from the bare part, and from the residual sum (largest difference)."""
    block, x = block_and_input(seed)
    found = identity_after(block.attn, x)
    return {
        "from part(x)": (found - block.attn(x)).abs().max().item(),
        "from x + part(x)": round((found - residual(block.attn, x)).abs().max().item(), 3),
    }
