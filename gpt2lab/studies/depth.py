"""What depth does to a signal on its way up, and to the gradient on its way back.

A stack of untrained blocks is run once forwards and once backwards, and three numbers are read off
at every height: how large the stream is, how much of the gradient arrives, and how alike the tokens
have become. ``stack`` builds the blocks, with parts left out if you like.

Sources: He et al. 2016, "Identity Mappings in Deep Residual Networks", section 2 (the gradient);
Mishkin and Matas 2016, "All you need is a good init" (weights fitted to keep the size of a signal);
Dong et al. 2021, "Attention is not all you need" (tokens become alike without residuals);
Radford et al. 2019, section 2.3 (the scaled initialisation).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from gpt2lab.ablations import NoLayerNorm
from gpt2lab.attention.cache import LayerCache
from gpt2lab.block import TransformerBlock
from gpt2lab.config import GPT2Config
from gpt2lab.errors import InputError, validates, whole_number
from gpt2lab.layernorm import LayerNorm
from gpt2lab.masking import Padding
from gpt2lab.residual import residual_init_scale
from gpt2lab.trace import BlockTrace


class ReLUAfterAddBlock(TransformerBlock):
    """With a ReLU after each sum, as some descriptions have it; it zeroes every negative number of the stream."""

    def forward(self, x: Tensor, cache: LayerCache | None = None, padding: Padding | None = None) -> Tensor:
        x = F.relu(x + self.attn(self.ln_1(x), cache, padding))
        x = F.relu(x + self.ffn(self.ln_2(x)))
        return x

    def trace(self, x: Tensor, padding: Padding | None = None) -> BlockTrace:
        ln_1 = self.ln_1.trace(x)
        attn = self.attn.trace(ln_1.out, padding)
        resid_mid = F.relu(x + attn.out)  # (B, T, d_model)
        ln_2 = self.ln_2.trace(resid_mid)
        ffn = self.ffn.trace(ln_2.out)
        resid_post = F.relu(resid_mid + ffn.out)  # (B, T, d_model)
        return BlockTrace(
            resid_pre=x, ln_1=ln_1, attn=attn, resid_mid=resid_mid, ln_2=ln_2, ffn=ffn, resid_post=resid_post
        )


@dataclass(frozen=True)
class StackProfile:
    """Entry 0 is the input of the first block, entry i the output of block i."""

    spread: Tensor  # (n_blocks + 1,) standard deviation of all numbers in the stream
    gradient: Tensor  # (n_blocks + 1,) norm of the gradient there, if it has norm 1 at the end
    similarity: Tensor  # (n_blocks + 1,) mean cosine between the vectors of neighbouring tokens


@validates
def stack(
    n_blocks: int,
    *,
    block: type[TransformerBlock] = TransformerBlock,
    layer_norm: bool = True,
    scaled_init: bool = False,
    d_model: int = 64,
    n_heads: int = 4,
    seed: int = 0,
) -> nn.ModuleList:
    """Untrained blocks in which every linear map preserves the scale of its input.

    Weights are normal with std 1 / sqrt(inputs). (GPT-2's 0.02 is 0.55 / sqrt(768), for a width of
    768; at a width of 64 it would make every branch too small to see.)

    Parameters
    ----------
    block : type
        ``TransformerBlock`` or a variant, such as ``gpt2lab.ablations.NoResidualBlock``.
    layer_norm : bool
        False leaves both norms of every block out.
    scaled_init : bool
        True multiplies the weights that write to the stream by 1 / sqrt(2 · n_blocks).
    """
    n_blocks = whole_number("n_blocks", n_blocks, 1)
    config = GPT2Config.tiny(n_layers=n_blocks, d_model=d_model, n_heads=n_heads)
    generator = torch.Generator().manual_seed(seed)
    scale = residual_init_scale(n_blocks) if scaled_init else 1.0
    with torch.device("meta"):  # no memory yet, and no initial values that would be overwritten
        parts = [block(config) for _ in range(n_blocks)]
    blocks = nn.ModuleList(parts).double().to_empty(device="cpu")
    for part in parts:
        for module in part.modules():
            if isinstance(module, nn.Linear):
                writes = scale if module in part.writers() else 1.0
                nn.init.normal_(module.weight, std=writes * module.in_features**-0.5, generator=generator)
                nn.init.zeros_(module.bias)
            elif isinstance(module, LayerNorm):
                nn.init.ones_(module.weight)
                nn.init.zeros_(module.bias)
        if not layer_norm:
            for name in ("ln_1", "ln_2"):
                part.register_module(name, NoLayerNorm())
    return blocks.eval()


@torch.no_grad()
def keep_size(blocks: nn.ModuleList, x: Tensor) -> nn.ModuleList:
    """Rescale the writing weights, in place, so that each part of a stack without sums has spread 1 on x.

    A constant per part, not a norm: another input of the same kind comes out nearly, not exactly, as large.
    For blocks that overwrite the stream and have no norms, such as
    ``stack(n, block=NoResidualBlock, layer_norm=False)``.

    Parameters
    ----------
    x : (B, T, d_model), float64

    Returns
    -------
    The same blocks.

    Raises
    ------
    InputError
        If a module is not a TransformerBlock.
    """
    for i, block in enumerate(blocks):
        if not isinstance(block, TransformerBlock):
            raise InputError(f"keep_size needs a stack of TransformerBlocks; module {i} is a {type(block).__name__}")
        for part, writer in zip((block.attn, block.ffn), block.writers(), strict=True):
            writer.get_parameter("weight").div_(part(x).std())  # linear without bias: the output scales along
            x = part(x)  # (B, T, d_model)
    return blocks


def profile_stack(blocks: Iterable[nn.Module], x: Tensor | None = None, seed: int = 0) -> StackProfile:
    """Run blocks forwards and backwards and measure at every height.

    Parameters
    ----------
    blocks : modules (B, T, d_model) -> (B, T, d_model)
    x : (B, T, d_model), optional
        12 random tokens of unit variance by default. T must be at least 2.
    seed : int
        Draws x and the direction of the gradient at the end.

    Notes
    -----
    The "loss" is a random direction of length 1 in the output, so that entry 0 of ``gradient`` says
    how much of a gradient of size 1 arrives at the first block. Double precision is used: single
    precision ends at 1e-45.
    """
    blocks = list(blocks)
    generator = torch.Generator().manual_seed(seed)
    if x is None:
        x = torch.randn(1, 12, _width(blocks), generator=generator, dtype=torch.float64)
    if x.ndim != 3 or x.shape[1] < 2:
        raise InputError(f"x must be (B, T, d_model) with at least 2 tokens, got {tuple(x.shape)}")
    heights = [x.detach().clone().requires_grad_()]
    with sdpa_kernel(SDPBackend.MATH):  # the gradient of torch's fused kernel is NaN where scores are huge
        for block in blocks:
            heights.append(block(heights[-1]))
        direction = torch.randn(heights[-1].shape, generator=generator, dtype=x.dtype)
        loss = (heights[-1] * direction / direction.norm()).sum()
        gradients = torch.autograd.grad(loss, heights)
    return StackProfile(
        spread=torch.stack([h.std() for h in heights]).detach(),
        gradient=torch.stack([g.norm() for g in gradients]),
        similarity=torch.stack([token_similarity(h) for h in heights]).detach(),
    )


def token_similarity(x: Tensor) -> Tensor:
    """Mean cosine between neighbouring tokens of (B, T, d_model): 0 unrelated, 1 the same direction."""
    directions = x / x.norm(dim=-1, keepdim=True)  # (B, T, d_model); torch's cosine gives up below 1e-8
    return (directions[:, 1:] * directions[:, :-1]).sum(dim=-1).mean()


def _width(blocks: list[nn.Module]) -> int:
    return next(m.in_features for block in blocks for m in block.modules() if isinstance(m, nn.Linear))
