"""GPT-2 with one part removed or changed, to see what the part is for.

    model = build("no-residual", GPT2Config.tiny(n_layers=8))

Each variant is the same code with one class swapped. Two models of the same seed start from the same
weights, up to the part that differs. ``forward``, ``trace`` and generation with a cache agree, as in
the original.

Sources: He et al. 2016 (residual); Ba et al. 2016 and Xiong et al. 2020, "On Layer Normalization in
the Transformer Architecture" (none, post-LN); Vaswani et al. 2017, section 3.2.1 (scaling) and 3.5
(sinusoids); Press and Wolf 2017 (tied embeddings); Radford et al. 2019, section 2.3 (scaled init).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from gpt2lab.attention import MultiHeadAttention
from gpt2lab.attention.cache import LayerCache
from gpt2lab.block import TransformerBlock
from gpt2lab.config import GPT2Config
from gpt2lab.errors import InputError
from gpt2lab.feedforward import FeedForward
from gpt2lab.masking import Padding
from gpt2lab.model import GPT2
from gpt2lab.positions import ALiBiAttention, NoPositions, RotaryAttention, SinusoidalPositions
from gpt2lab.residual import residual_init_scale
from gpt2lab.trace import BlockTrace, FeedForwardTrace, LayerNormTrace

GPT2_WIDTH = 768


class NoResidualBlock(TransformerBlock):
    """x = attn(ln_1(x)); x = ffn(ln_2(x)): every part overwrites what came before."""

    def forward(self, x: Tensor, cache: LayerCache | None = None, padding: Padding | None = None) -> Tensor:
        x = self.attn(self.ln_1(x), cache, padding)
        x = self.ffn(self.ln_2(x))
        return x

    def trace(self, x: Tensor, padding: Padding | None = None) -> BlockTrace:
        added = super().trace(x, padding)  # right up to attn; what follows saw the wrong stream
        ln_2 = self.ln_2.trace(added.attn.out)
        ffn = self.ffn.trace(ln_2.out)
        return replace(added, resid_mid=added.attn.out, ln_2=ln_2, ffn=ffn, resid_post=ffn.out)


class PostLNBlock(TransformerBlock):
    """x = ln_1(x + attn(x)); x = ln_2(x + ffn(x)): the norm sits on the stream, as in 2017."""

    def forward(self, x: Tensor, cache: LayerCache | None = None, padding: Padding | None = None) -> Tensor:
        x = self.ln_1(x + self.attn(x, cache, padding))
        x = self.ln_2(x + self.ffn(x))
        return x

    def trace(self, x: Tensor, padding: Padding | None = None) -> BlockTrace:
        attn = self.attn.trace(x, padding)
        ln_1 = self.ln_1.trace(x + attn.out)
        ffn = self.ffn.trace(ln_1.out)
        ln_2 = self.ln_2.trace(ln_1.out + ffn.out)
        return BlockTrace(
            resid_pre=x, ln_1=ln_1, attn=attn, resid_mid=ln_1.out, ln_2=ln_2, ffn=ffn, resid_post=ln_2.out
        )


class NoLayerNorm(nn.Module):
    """Leaves every vector as it is."""

    def forward(self, x: Tensor) -> Tensor:
        return x

    def trace(self, x: Tensor) -> LayerNormTrace:
        one = torch.ones_like(x[..., :1])
        return LayerNormTrace(mean=torch.zeros_like(one), std=one, normalized=x, out=x)


class UnscaledAttention(MultiHeadAttention):
    """softmax(q kᵀ): scores grow with the width of the head."""

    @property
    def scale(self) -> float:
        return 1.0


class ReLUFeedForward(FeedForward):
    """max(0, x) in the place of the GELU."""

    def activation(self, x: Tensor) -> Tensor:
        return torch.relu(x)


class NoFeedForward(nn.Module):
    """Adds nothing to the stream; a network without neurons."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Identity()  # where ablate_feedforward takes hold; there is nothing to silence

    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x)

    def trace(self, x: Tensor) -> FeedForwardTrace:
        return FeedForwardTrace(pre=x[..., :0], post=x[..., :0], out=torch.zeros_like(x))


class ScaledSinusoids(SinusoidalPositions):
    """The fixed table of 2017, made as small as GPT-2's learned one at the start (std 0.02).

    The paper goes the other way and multiplies the token vectors by sqrt(d_model); what matters is
    that neither dominates the other. ``std`` is stored with the weights, but not learned.
    """

    std: Tensor

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        self.register_buffer("std", torch.tensor(0.02))

    def forward(self, positions: Tensor) -> Tensor:
        return self.std * 2**0.5 * super().forward(positions)  # a sine has std 1 / sqrt(2)


class UntiedGPT2(GPT2):
    """The output layer has a matrix of its own."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        self.output = nn.Linear(config.d_model, config.vocab_size, bias=False)
        nn.init.normal_(self.output.weight, std=0.02)

    def unembed(self, x: Tensor) -> Tensor:
        return self.output(x)  # (..., vocab_size)


def _swap(model: GPT2, part: str, make: Callable[[GPT2Config], nn.Module]) -> GPT2:
    """Put another module into every block (or, without "block.", into the model).

    It takes over the old one's weights where it has the same ones.
    """
    name = part.removeprefix("block.")
    for owner in model.blocks if part != name else [model]:
        new, weights = make(model.config), getattr(owner, name).state_dict()
        common = {key: value for key, value in weights.items() if key in new.state_dict()}
        new.load_state_dict({**new.state_dict(), **common})
        setattr(owner, name, new)
    return model


def _swap_blocks(model: GPT2, kind: type[TransformerBlock]) -> GPT2:
    for i, old in enumerate(model.blocks):
        model.blocks[i] = kind(model.config)
        model.blocks[i].load_state_dict(old.state_dict())
    return model


def _without_norms(model: GPT2) -> GPT2:
    for part in ("block.ln_1", "block.ln_2", "ln_f"):
        _swap(model, part, _no_norm)
    return model


def _no_norm(config: GPT2Config) -> NoLayerNorm:
    return NoLayerNorm()


def _without_mask(model: GPT2) -> GPT2:
    for block in model.blocks:
        block.attn.causal = False
    return model


@torch.no_grad()
def _without_scaled_init(model: GPT2) -> GPT2:
    for block in model.blocks:
        for writer in block.writers():
            writer.get_parameter("weight").div_(residual_init_scale(model.config.n_layers))
    return model


def _without_positions(model: GPT2) -> GPT2:
    return _swap(model, "position_embedding", NoPositions)


@dataclass(frozen=True)
class Variant:
    """One change of GPT-2."""

    title: str  # for a menu
    question: str  # what it shows
    change: Callable[[GPT2], GPT2]
    model: type[GPT2] = GPT2


VARIANTS: dict[str, Variant] = {
    "gpt2": Variant("GPT-2 as it is", "the model all others are compared with", lambda m: m),
    "no-residual": Variant(
        "no residual sums", "do deep models learn without the +?", lambda m: _swap_blocks(m, NoResidualBlock)
    ),
    "no-layernorm": Variant("no LayerNorm", "how high a learning rate does it bear?", _without_norms),
    "post-ln": Variant(
        "post-LN (2017)", "does the place of the norm matter?",
        lambda m: _swap(_swap_blocks(m, PostLNBlock), "ln_f", _no_norm),
    ),
    "no-mask": Variant("no causal mask", "what does a model learn that sees its answer?", _without_mask),
    "no-positions": Variant("no positions", "what can be done without order?", _without_positions),
    "sinusoidal": Variant(
        "sinusoidal positions", "must positions be learned?",
        lambda m: _swap(m, "position_embedding", ScaledSinusoids),
    ),
    "rope": Variant(
        "rotary positions (RoPE)", "do relative positions help?",
        lambda m: _swap(_without_positions(m), "block.attn", RotaryAttention),
    ),
    "alibi": Variant(
        "ALiBi", "is a penalty on distance enough?",
        lambda m: _swap(_without_positions(m), "block.attn", ALiBiAttention),
    ),
    "no-ffn": Variant(
        "no feed-forward network", "what can attention do alone?",
        lambda m: _swap(_swap(m, "block.ffn", lambda config: NoFeedForward()), "block.ln_2", _no_norm),
    ),
    "relu": Variant(
        "ReLU for GELU", "does the shape of the bend matter?", lambda m: _swap(m, "block.ffn", ReLUFeedForward)
    ),
    "no-scaling": Variant(
        "no 1/√d_head", "what do large scores do to the softmax?",
        lambda m: _swap(m, "block.attn", UnscaledAttention),
    ),
    "no-scaled-init": Variant("no scaled initialisation", "does 1/√(2·n_layers) matter?", _without_scaled_init),
    "untied": Variant("untied embeddings", "what does sharing the matrix cost or save?", lambda m: m, UntiedGPT2),
}  # fmt: skip


def build(variant: str, config: GPT2Config, seed: int = 0) -> GPT2:
    """A fresh model with one part changed.

    Parameters
    ----------
    variant : str
        A key of ``VARIANTS``. The number of heads is a matter of the config; warm-up and clipping
        are training settings.
    seed : int
        Draws the weights. torch's global generator is left as it was.

    Raises
    ------
    ValueError
        For an unknown variant, listing the known ones.
    """
    if variant not in VARIANTS:
        raise InputError(f"unknown variant {variant!r}; known variants: {', '.join(VARIANTS)}")
    chosen = VARIANTS[variant]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return chosen.change(chosen.model(config))


@torch.no_grad()
def scale_init(model: GPT2) -> GPT2:
    """Give a narrow model the first weights that GPT-2's would be at its width.

    GPT-2 draws with a standard deviation of 0.02 at a width of 768. A sum over d_model terms grows like
    sqrt(d_model), so a model 16 times narrower needs 4 times larger weights for scores and outputs of
    the same size. It matters: with 0.02 at width 48 the induction task takes thousands of steps, with
    0.08 about three hundred.
    """
    factor = (GPT2_WIDTH / model.config.d_model) ** 0.5
    for weight in model.parameters():
        if weight.ndim >= 2:
            weight.mul_(factor)
    if isinstance(model.position_embedding, ScaledSinusoids):  # fixed sinusoids keep up with the token vectors
        model.position_embedding.std.mul_(factor)
    return model
