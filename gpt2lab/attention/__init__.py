"""Attention: ``multi_head`` is all of it; ``cache`` keeps keys and values, so that a new token costs one row."""

from gpt2lab.attention.cache import KVCache, LayerCache
from gpt2lab.attention.multi_head import MultiHeadAttention, attention, attention_scores, merge_heads, split_heads
from gpt2lab.masking import causal_mask

__all__ = [
    "KVCache",
    "LayerCache",
    "MultiHeadAttention",
    "attention",
    "attention_scores",
    "causal_mask",
    "merge_heads",
    "split_heads",
]
