"""Switch a part of the model off and watch what changes.

Each intervention is a context manager::

    with ablate_heads(model, [(0, 3)]), without_positions(model):
        logits = model(tokens)

They nest, they work in ``forward``, ``trace`` and ``generate`` alike, and they are undone at the
end of the block, after an exception as well. Nothing is copied and no weight is changed.

An ablated part writes zero to the stream, or, with ``mean=tokens``, what it writes on average over
those tokens. (A mean over the input at hand would tell early positions about later ones.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from gpt2lab.errors import InputError
from gpt2lab.model import GPT2


@contextmanager
def ablate_heads(model: GPT2, heads: Any, mean: Any = None) -> Iterator[GPT2]:
    """Silence heads.

    Parameters
    ----------
    heads : list of (layer, head) pairs
    mean : (B, T) tokens, optional
        Replace each head's output by its mean over these tokens instead of by zero.
    """
    try:
        pairs = [(int(layer), int(head)) for layer, head in heads]
    except (TypeError, ValueError):
        raise InputError(f"heads must be a list of (layer, head) pairs such as [(0, 3)], got {heads!r}") from None
    for layer, head in pairs:
        _check_index("layer", layer, len(model.blocks))
        _check_index("head", head, model.blocks[layer].attn.n_heads)
    trace = _reference(model, mean)
    with ExitStack() as stack:
        for layer, head in pairs:
            attn = model.blocks[layer].attn
            value = 0.0 if trace is None else trace.blocks[layer].attn.head_out[:, head].mean(dim=(0, 1))
            features = slice(head * attn.d_head, (head + 1) * attn.d_head)
            stack.callback(attn.out.register_forward_pre_hook(_overwrite(features, value)).remove)
        yield model


@contextmanager
def ablate_attention(model: GPT2, layers: Any = None, mean: Any = None) -> Iterator[GPT2]:
    """Silence the attention of some layers (all by default): it adds zero or its mean."""
    with _ablate_part(model, layers, mean, lambda block: block.attn.out, lambda trace: trace.attn.out):
        yield model


@contextmanager
def ablate_feedforward(model: GPT2, layers: Any = None, mean: Any = None) -> Iterator[GPT2]:
    """Silence the feed-forward network of some layers (all by default)."""
    with _ablate_part(model, layers, mean, lambda block: block.ffn.down, lambda trace: trace.ffn.out):
        yield model


@contextmanager
def without_causal_mask(model: GPT2, layers: Any = None) -> Iterator[GPT2]:
    """Let every position see the future. ``generate`` then works without a cache."""
    attns = [model.blocks[i].attn for i in _layers(model, layers)]
    before = [attn.causal for attn in attns]
    try:
        for attn in attns:
            attn.causal = False
        yield model
    finally:
        for attn, causal in zip(attns, before, strict=True):
            attn.causal = causal


@contextmanager
def without_positions(model: GPT2) -> Iterator[GPT2]:
    """Add no position vectors. (Rotations and biases inside the attention stay.)"""
    handle = model.position_embedding.register_forward_hook(lambda module, args, out: torch.zeros_like(out))
    try:
        yield model
    finally:
        handle.remove()


@contextmanager
def _ablate_part(
    model: GPT2,
    layers: Any,
    mean: Any,
    writer: Callable[[nn.Module], nn.Module],
    written: Callable[[Any], Tensor],
) -> Iterator[None]:
    trace = _reference(model, mean)
    with ExitStack() as stack:
        for i in _layers(model, layers):
            value = 0.0 if trace is None else written(trace.blocks[i]).mean(dim=(0, 1))  # (d_model,)

            def replace(module: nn.Module, args: Any, out: Tensor, value: Any = value) -> Tensor:
                return torch.zeros_like(out) + value

            stack.callback(writer(model.blocks[i]).register_forward_hook(replace).remove)
        yield


def _overwrite(features: slice, value: Any) -> Callable[[nn.Module, Any], tuple[Tensor]]:
    """A pre-hook that replaces a slice of the features of a layer's input."""

    def hook(module: nn.Module, args: Any) -> tuple[Tensor]:
        x = args[0].clone()
        x[..., features] = value
        return (x,)

    return hook


def _reference(model: GPT2, mean: Any) -> Any:
    if mean is None:
        return None
    with torch.no_grad():
        return model.trace(mean)


def _layers(model: GPT2, layers: Any) -> list[int]:
    if layers is None:
        return list(range(len(model.blocks)))
    chosen = [layers] if isinstance(layers, int) else [int(layer) for layer in layers]
    for layer in chosen:
        _check_index("layer", layer, len(model.blocks))
    return chosen


def _check_index(name: str, index: int, count: int) -> None:
    if not 0 <= index < count:
        raise InputError(f"{name} must lie in 0 … {count - 1}, got {index}")
