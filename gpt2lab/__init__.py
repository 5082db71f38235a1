"""gpt2lab: GPT-2 taken apart and put back together.

The short names below load on first use, so that ``import gpt2lab`` stays as fast as torch.
"""

from __future__ import annotations

import importlib
from typing import Any

from gpt2lab import moved

moved.install()

_HOME = {
    "GPT2Config": "config",
    "GPT2": "model",
    "layer_norm": "layernorm",
    "MultiHeadAttention": "attention",
    "split_heads": "attention",
    "merge_heads": "attention",
    "causal_mask": "masking",
    "padding_mask": "masking",
    "apply_mask": "masking",
    "gelu": "feedforward",
    "FeedForward": "feedforward",
    "LayerNorm": "layernorm",
    "TransformerBlock": "block",
    "KVCache": "generation",
    "generate": "generation",
    "generate_steps": "generation",
    "load_gpt2": "weights",
    "save_gpt2": "weights",
    "CheckpointError": "errors",
    "gpt2_encoding": "tokenizer",
    "course_encoding": "tokenizer",
    "train_bpe": "tokenizer",
    "ablate_heads": "interventions",
    "ablate_attention": "interventions",
    "ablate_feedforward": "interventions",
    "without_causal_mask": "interventions",
    "without_positions": "interventions",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'gpt2lab' has no attribute {name!r}")
    return getattr(importlib.import_module(f"gpt2lab.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
