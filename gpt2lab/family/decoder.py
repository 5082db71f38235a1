"""The decoder of 2017: masked self-attention, cross-attention, feed-forward; three sums, three norms.

    x = ln_1(x + attn(x))                    causal: a target position sees itself and what precedes it
    x = ln_2(x + cross_attn(x, memory))      every target position sees the whole source
    x = ln_3(x + ffn(x))

GPT-2 is this decoder without the line in the middle (and with the norms moved to the branches).

Source: Vaswani et al. 2017, section 3.1 ("Decoder") and figure 1, right half.
"""

from __future__ import annotations

from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from gpt2lab.ablations import NoLayerNorm, ReLUFeedForward
from gpt2lab.attention import MultiHeadAttention
from gpt2lab.config import GPT2Config
from gpt2lab.family.cross_attention import CrossAttention
from gpt2lab.family.trace import DecoderBlockTrace, DecoderTrace
from gpt2lab.layernorm import LayerNorm
from gpt2lab.masking import Padding


class DecoderBlock(nn.Module):
    """x (B, T, d_model) and memory (B, S, d_model) -> (B, T, d_model)."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.ln_1 = LayerNorm(config.d_model, config.layer_norm_eps)
        self.attn = MultiHeadAttention(config)
        self.ln_2 = LayerNorm(config.d_model, config.layer_norm_eps)
        self.cross_attn = CrossAttention(config)
        self.ln_3 = LayerNorm(config.d_model, config.layer_norm_eps)
        self.ffn = ReLUFeedForward(config)

    def forward(
        self, x: Float[Tensor, "B T d_model"], memory: Float[Tensor, "B S d_model"], padding: Padding | None = None
    ) -> Float[Tensor, "B T d_model"]:
        """The three lines above.

        Parameters
        ----------
        x : (B, T, d_model)
        memory : (B, S, d_model)
        padding : Padding, optional
            That of the source. The target needs none: padding after its tokens is in their future.
        """
        x = self.ln_1(x + self.attn(x))
        x = self.ln_2(x + self.cross_attn(x, memory, padding))
        x = self.ln_3(x + self.ffn(x))
        return x

    def trace(
        self, x: Float[Tensor, "B T d_model"], memory: Float[Tensor, "B S d_model"], padding: Padding | None = None
    ) -> DecoderBlockTrace:
        """The same result with every intermediate value; no dropout."""
        attn = self.attn.trace(x)
        ln_1 = self.ln_1.trace(x + attn.out)
        cross_attn = self.cross_attn.trace(ln_1.out, memory, padding)
        ln_2 = self.ln_2.trace(ln_1.out + cross_attn.out)
        ffn = self.ffn.trace(ln_2.out)
        ln_3 = self.ln_3.trace(ln_2.out + ffn.out)
        return DecoderBlockTrace(
            resid_pre=x, ln_1=ln_1, attn=attn, resid_mid=ln_1.out, ln_2=ln_2, cross_attn=cross_attn,
            resid_cross=ln_2.out, ln_3=ln_3, ffn=ffn, resid_post=ln_3.out,
        )  # fmt: skip


class PreLNDecoderBlock(DecoderBlock):
    """The norms on the branches, where GPT-2 has them."""

    def forward(
        self, x: Float[Tensor, "B T d_model"], memory: Float[Tensor, "B S d_model"], padding: Padding | None = None
    ) -> Float[Tensor, "B T d_model"]:
        x = x + self.attn(self.ln_1(x))
        x = x + self.cross_attn(self.ln_2(x), memory, padding)
        x = x + self.ffn(self.ln_3(x))
        return x

    def trace(
        self, x: Float[Tensor, "B T d_model"], memory: Float[Tensor, "B S d_model"], padding: Padding | None = None
    ) -> DecoderBlockTrace:
        ln_1 = self.ln_1.trace(x)
        attn = self.attn.trace(ln_1.out)
        resid_mid = x + attn.out  # (B, T, d_model)
        ln_2 = self.ln_2.trace(resid_mid)
        cross_attn = self.cross_attn.trace(ln_2.out, memory, padding)
        resid_cross = resid_mid + cross_attn.out  # (B, T, d_model)
        ln_3 = self.ln_3.trace(resid_cross)
        ffn = self.ffn.trace(ln_3.out)
        return DecoderBlockTrace(
            resid_pre=x, ln_1=ln_1, attn=attn, resid_mid=resid_mid, ln_2=ln_2, cross_attn=cross_attn,
            resid_cross=resid_cross, ln_3=ln_3, ffn=ffn, resid_post=resid_cross + ffn.out,
        )  # fmt: skip


class Decoder(nn.Module):
    """``n_layers`` blocks, all of which read the same memory."""

    block_type: ClassVar[type[DecoderBlock]] = DecoderBlock
    blocks: list[DecoderBlock]  # an nn.ModuleList, typed by what it holds
    ln_f: LayerNorm | NoLayerNorm

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(self.block_type(config) for _ in range(config.n_layers))  # type: ignore[assignment]
        self.ln_f = NoLayerNorm()  # the last block ends with a norm

    def forward(
        self, x: Float[Tensor, "B T d_model"], memory: Float[Tensor, "B S d_model"], padding: Padding | None = None
    ) -> Float[Tensor, "B T d_model"]:
        for block in self.blocks:
            x = block(x, memory, padding)
        return self.ln_f(x)

    def trace(
        self, x: Float[Tensor, "B T d_model"], memory: Float[Tensor, "B S d_model"], padding: Padding | None = None
    ) -> DecoderTrace:
        """The same result with every intermediate value; no dropout."""
        blocks = []
        for block in self.blocks:
            blocks.append(block.trace(x, memory, padding))
            x = blocks[-1].resid_post
        return DecoderTrace(blocks=tuple(blocks), resid_final=x, ln_f=self.ln_f.trace(x))


class PreLNDecoder(Decoder):
    """Pre-LN blocks, and one norm after the last of them."""

    block_type = PreLNDecoderBlock

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        self.ln_f = LayerNorm(config.d_model, config.layer_norm_eps)
