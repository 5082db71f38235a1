"""The encoder: blocks whose attention sees the whole sequence, in both directions.

    x = ln_1(x + attn(x))        every position attends to every real token
    x = ln_2(x + ffn(x))         FFN(x) = W_down · max(0, W_up · x + b_up) + b_down

It is GPT-2's block with three differences: no causal mask; the norm on the stream (post-LN); ReLU in the
place of the GELU. The output, one vector per source token, is the *memory* that a decoder reads.

Source: Vaswani et al. 2017, section 3.1 ("Encoder") and 3.3 (ReLU); pre-LN: Xiong et al. 2020.
"""

from __future__ import annotations

from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from gpt2lab.ablations import NoLayerNorm, PostLNBlock, ReLUFeedForward
from gpt2lab.block import TransformerBlock
from gpt2lab.config import GPT2Config
from gpt2lab.family.trace import EncoderTrace
from gpt2lab.layernorm import LayerNorm
from gpt2lab.masking import Padding


class EncoderBlock(PostLNBlock):
    """(B, S, d_model) -> (B, S, d_model), as in 2017."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        self.attn.causal = False
        self.ffn = ReLUFeedForward(config)


class PreLNEncoderBlock(EncoderBlock):
    """x = x + attn(ln_1(x)); x = x + ffn(ln_2(x)): the norms where GPT-2 has them."""

    forward = TransformerBlock.forward
    trace = TransformerBlock.trace


class Encoder(nn.Module):
    """``n_layers`` blocks: (B, S, d_model) -> memory (B, S, d_model)."""

    block_type: ClassVar[type[TransformerBlock]] = EncoderBlock
    blocks: list[TransformerBlock]  # an nn.ModuleList, typed by what it holds
    ln_f: LayerNorm | NoLayerNorm

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(self.block_type(config) for _ in range(config.n_layers))  # type: ignore[assignment]
        self.ln_f = NoLayerNorm()  # the last block ends with a norm

    def forward(self, x: Float[Tensor, "B S d_model"], padding: Padding | None = None) -> Float[Tensor, "B S d_model"]:
        """The memory.

        Parameters
        ----------
        x : (B, S, d_model)
        padding : Padding, optional
            Where rows have different lengths. What stands at the padding itself means nothing.
        """
        for block in self.blocks:
            x = block(x, None, padding)
        return self.ln_f(x)

    def trace(self, x: Float[Tensor, "B S d_model"], padding: Padding | None = None) -> EncoderTrace:
        """The same result with every intermediate value; no dropout."""
        blocks = []
        for block in self.blocks:
            blocks.append(block.trace(x, padding))
            x = blocks[-1].resid_post
        return EncoderTrace(blocks=tuple(blocks), resid_final=x, ln_f=self.ln_f.trace(x))


class PreLNEncoder(Encoder):
    """Pre-LN blocks, and one norm after the last of them."""

    block_type = PreLNEncoderBlock

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        self.ln_f = LayerNorm(config.d_model, config.layer_norm_eps)
