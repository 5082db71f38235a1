"""What the traces of the relatives hold: every intermediate value, by the names of ``gpt2lab.trace``.

B rows, a source of S tokens, a target of T tokens. Traces are frozen; nothing in them is kept on the model.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from gpt2lab.trace import AttentionTrace, BlockTrace, LayerNormTrace


@dataclass(frozen=True)
class EncoderTrace:
    """A stack of encoder blocks. ``ln_f.out`` is the memory, which the decoder reads."""

    blocks: tuple[BlockTrace, ...]
    resid_final: Tensor  # (B, S, d_model), the stream after the last block
    ln_f: LayerNormTrace  # changes nothing with post-LN, whose blocks end with a norm


@dataclass(frozen=True)
class DecoderBlockTrace(BlockTrace):
    """One decoder block: a ``BlockTrace`` with cross-attention between ``attn`` and ``ffn``.

    Post-LN: ``resid_mid = ln_1(resid_pre + attn.out)``, ``resid_cross = ln_2(resid_mid + cross_attn.out)``,
    ``resid_post = ln_3(resid_cross + ffn.out)``.
    """

    cross_attn: AttentionTrace  # maps (B, n_heads, T, S): rows are target positions, columns source positions
    resid_cross: Tensor  # (B, T, d_model)
    ln_3: LayerNormTrace


@dataclass(frozen=True)
class DecoderTrace:
    """A stack of decoder blocks."""

    blocks: tuple[DecoderBlockTrace, ...]
    resid_final: Tensor  # (B, T, d_model)
    ln_f: LayerNormTrace


@dataclass(frozen=True)
class EncoderDecoderTrace:
    """One forward pass of an encoder–decoder."""

    source: Tensor  # (B, S) token ids
    target: Tensor  # (B, T) token ids
    source_embedding: Tensor  # (B, S, d_model), scaled token vectors plus positions
    target_embedding: Tensor  # (B, T, d_model)
    encoder: EncoderTrace
    memory: Tensor  # (B, S, d_model)
    decoder: DecoderTrace
    logits: Tensor  # (B, T, vocab_size)
