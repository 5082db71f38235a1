"""What ``trace()`` returns: every intermediate value of one forward pass, by its standard name.

The names follow the field's vocabulary: ``resid_pre``, ``resid_mid`` and ``resid_post`` are the
residual stream before, in the middle of, and after a block. Traces are frozen; nothing in them is
kept on the model.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class LayerNormTrace:
    """One layer norm: ``out = normalized * weight + bias`` and ``normalized = (x - mean) / std``."""

    mean: Tensor  # (B, T, 1)
    std: Tensor  # (B, T, 1), sqrt(variance + eps)
    normalized: Tensor  # (B, T, d_model), mean 0 and variance 1 per token
    out: Tensor  # (B, T, d_model)


@dataclass(frozen=True)
class AttentionTrace:
    """One attention layer, all heads. Rows are queries, columns are keys."""

    q: Tensor  # (B, n_heads, T, d_head)
    k: Tensor  # (B, n_heads, T, d_head)
    v: Tensor  # (B, n_heads, T, d_head)
    scores: Tensor  # (B, n_heads, T_query, T_key), scaled (and biased, if there is a bias), before the mask
    mask: Tensor | None  # (T_query, T_key), with padding (B, 1, T_query, T_key), bool, True = may attend; None: all may
    attn_weights: Tensor  # (B, n_heads, T_query, T_key), each row sums to 1
    head_out: Tensor  # (B, n_heads, T, d_head), what each head computes, before an ablation discards it
    out: Tensor  # (B, T, d_model), after the output projection: what is added to the stream

    @property
    def raw_scores(self) -> Tensor:
        """(B, n_heads, T_query, T_key): q·k, before scaling."""
        return self.q @ self.k.transpose(-2, -1)

    @property
    def masked_scores(self) -> Tensor:
        """(B, n_heads, T_query, T_key): the scores with -inf where the mask hides a key."""
        return self.scores if self.mask is None else self.scores.masked_fill(~self.mask, -torch.inf)


@dataclass(frozen=True)
class FeedForwardTrace:
    """One feed-forward network."""

    pre: Tensor  # (B, T, d_ff), before the activation
    post: Tensor  # (B, T, d_ff), after it: the neurons
    out: Tensor  # (B, T, d_model), what is added to the stream


@dataclass(frozen=True)
class BlockTrace:
    """One block: ``resid_mid = resid_pre + attn.out`` and ``resid_post = resid_mid + ffn.out``."""

    resid_pre: Tensor  # (B, T, d_model)
    ln_1: LayerNormTrace
    attn: AttentionTrace
    resid_mid: Tensor  # (B, T, d_model)
    ln_2: LayerNormTrace
    ffn: FeedForwardTrace
    resid_post: Tensor  # (B, T, d_model)


@dataclass(frozen=True)
class GPT2Trace:
    """One forward pass. ``blocks[i]`` is None where ``layers`` left block i out."""

    tokens: Tensor  # (B, T)
    token_embedding: Tensor  # (B, T, d_model)
    position_embedding: Tensor  # (T, d_model), with padding (B, T, d_model)
    blocks: tuple[BlockTrace | None, ...]
    resid_final: Tensor  # (B, T, d_model), the stream after the last block
    ln_f: LayerNormTrace
    logits: Tensor  # (B, T, vocab_size)
