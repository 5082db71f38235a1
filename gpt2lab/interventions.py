"""Switch a part of the model off and watch what changes.

Each intervention is a context manager::

    with ablate_heads(model, [(0, 3)]), without_positions(model):
        logits = model(tokens)

They nest, they work in ``forward``, ``trace`` and ``generate`` alike, and they are undone at the
end of the block, after an exception as well. Nothing is copied and no weight is changed. A layer gets
another ``forward`` of its own for as long as the block lasts; ``torch.compile`` notices that (hooks it
would overlook), so compiled models change as well.

An ablated part writes zero to the stream, or, with ``mean=tokens``, what it writes on average over
those tokens. (A mean over the input at hand would tell early positions about later ones.)
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn

from gpt2lab.attention import MultiHeadAttention
from gpt2lab.errors import InputError, is_whole, shown, validates
from gpt2lab.masking import causal_mask
from gpt2lab.model import GPT2, plain_model
from gpt2lab.trace import BlockTrace

Forward = Callable[[nn.Module, Tensor], Tensor]


@contextmanager
@validates
def ablate_heads(model: GPT2, heads: Iterable[tuple[int, int]], mean: Tensor | None = None) -> Iterator[GPT2]:
    """Silence heads.

    Parameters
    ----------
    heads : list of (layer, head) pairs
    mean : (B, T) tokens, optional
        Replace each head's output by its mean over these tokens instead of by zero.
    """
    gpt2 = plain_model(model, "ablate_heads")
    pairs = head_pairs(gpt2, heads)
    trace = _reference(gpt2, mean)
    with ExitStack() as stack:
        for layer, head in pairs:
            block = gpt2.blocks[layer]
            features = slice(head * block.attn.d_head, (head + 1) * block.attn.d_head)
            value = 0.0 if trace is None else trace[layer].attn.head_out[:, head].mean(dim=(0, 1))  # (d_head,)
            stack.enter_context(_changed(block.writers()[0], _with_input(features, value)))
        yield model


@contextmanager
@validates
def ablate_attention(
    model: GPT2, layers: int | Iterable[int] | None = None, mean: Tensor | None = None
) -> Iterator[GPT2]:
    """Silence the attention of some layers (all by default): it adds zero or its mean."""
    with _ablate_part(plain_model(model, "ablate_attention"), layers, mean, 0, lambda trace: trace.attn.out):
        yield model


@contextmanager
@validates
def ablate_feedforward(
    model: GPT2, layers: int | Iterable[int] | None = None, mean: Tensor | None = None
) -> Iterator[GPT2]:
    """Silence the feed-forward network of some layers (all by default)."""
    with _ablate_part(plain_model(model, "ablate_feedforward"), layers, mean, 1, lambda trace: trace.ffn.out):
        yield model


@contextmanager
@validates
def cut_edges(model: GPT2, layer: int, edges: Tensor) -> Iterator[GPT2]:
    """Forbid single edges: a query gives no weight to the keys that ``edges`` names, in every head of a layer.

    The rest of the row shares the weight, because the score becomes -inf before the softmax.

    Parameters
    ----------
    edges : bool, (T, T) or (B, T, T)
        Axes (T_query, T_key); True = cut. The model can then run on inputs of this length only.

    Raises
    ------
    ValueError
        If edges are not boolean and square, or leave a query no visible key.
    """
    gpt2 = plain_model(model, "cut_edges")
    if edges.dtype != torch.bool or edges.ndim not in (2, 3) or edges.shape[-1] != edges.shape[-2]:
        raise InputError(
            f"edges must be boolean, (T, T) or (B, T, T), True = cut; got {edges.dtype} of shape {tuple(edges.shape)}"
        )
    attn = gpt2.blocks[_index("layer", layer, len(gpt2.blocks))].attn
    T = edges.shape[-1]
    allowed = causal_mask(T, device=edges.device) if attn.causal else torch.ones_like(edges[..., :T, :T])
    if not (allowed & ~edges).any(dim=-1).all():
        raise InputError("edges leave a query no key to look at: keep at least one visible key in every row")
    # In the model's dtype: the fused kernel silently misreads a mask of another dtype.
    wall = torch.zeros(edges.shape, device=edges.device, dtype=attn.out.weight.dtype)
    wall = wall.masked_fill(edges, -torch.inf)  # (T, T) or (B, T, T)
    wall = wall[:, None] if edges.ndim == 3 else wall  # (B, 1, T, T): the same for all heads
    present = attn.bias
    if not isinstance(present, types.MethodType):
        raise InputError(f"cut_edges needs a bias that is a method of the attention layer, got {shown(present)}")

    def bias(self: MultiHeadAttention, T_query: int, T_key: int) -> Tensor:
        if (T_query, T_key) != (T, T):
            raise InputError(f"edges are cut for {T} tokens, but the model runs {T_query} queries on {T_key} keys")
        before = present(T_query, T_key)
        return wall if before is None else wall + before

    setattr(attn, "bias", types.MethodType(bias, attn))  # noqa: B010  # a method, for as long as the block lasts
    try:
        yield model
    finally:
        if present.__func__ is type(attn).bias:
            del attn.bias
        else:
            setattr(attn, "bias", present)  # noqa: B010  # the cut outside this one


@contextmanager
@validates
def without_causal_mask(model: GPT2, layers: int | Iterable[int] | None = None) -> Iterator[GPT2]:
    """Let every position see the future. ``generate`` then works without a cache."""
    gpt2 = plain_model(model, "without_causal_mask")
    attns = [gpt2.blocks[i].attn for i in _layers(gpt2, layers)]
    before = [attn.causal for attn in attns]
    try:
        for attn in attns:
            attn.causal = False
        yield model
    finally:
        for attn, causal in zip(attns, before, strict=True):
            attn.causal = causal


@contextmanager
@validates
def without_positions(model: GPT2) -> Iterator[GPT2]:
    """Add no position vectors. (Rotations and biases inside the attention stay.)"""
    gpt2 = plain_model(model, "without_positions")
    with _changed(gpt2.position_embedding, _with_output(0.0)):
        yield model


@contextmanager
@validates
def _ablate_part(
    model: GPT2,
    layers: int | Iterable[int] | None,
    mean: Tensor | None,
    writer: int,  # which of block.writers()
    written: Callable[[BlockTrace], Tensor],
) -> Iterator[None]:
    chosen, trace = _layers(model, layers), _reference(model, mean)
    with ExitStack() as stack:
        for i in chosen:
            value = 0.0 if trace is None else written(trace[i]).mean(dim=(0, 1))  # (d_model,)
            stack.enter_context(_changed(model.blocks[i].writers()[writer], _with_output(value)))
        yield


@contextmanager
def _changed(module: nn.Module, change: Callable[[Forward], Forward]) -> Iterator[None]:
    """Give one module another forward, made from the one it has.

    It is bound like a method, so that a copy of the model, made meanwhile, uses its own weights.
    """
    before = vars(module).get("forward")
    present: types.MethodType = module.forward  # type: ignore[assignment]  # torch types it as a Callable
    module.forward = types.MethodType(change(present.__func__), module)
    try:
        yield
    finally:
        if before is None:
            del module.forward
        else:
            module.forward = before


def _with_output(value: float | Tensor) -> Callable[[Forward], Forward]:
    """Make the module return this value, whatever it computes."""

    def change(forward: Forward) -> Forward:
        return lambda self, x: torch.zeros_like(forward(self, x)) + value

    return change


def _with_input(features: slice, value: float | Tensor) -> Callable[[Forward], Forward]:
    """Make the module read this value in place of some features of its input."""

    def change(forward: Forward) -> Forward:
        def changed(self: nn.Module, x: Tensor) -> Tensor:
            x = x.clone()
            x[..., features] = value
            return forward(self, x)

        return changed

    return change


def _reference(model: GPT2, mean: Tensor | None) -> list[BlockTrace] | None:
    if mean is None:
        return None
    with torch.no_grad():
        return list(model.trace_blocks(mean))


@validates
def head_pairs(model: GPT2, heads: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """(layer, head) pairs as whole numbers, each in the model.

    Raises
    ------
    InputError
        For anything else.
    """
    try:
        pairs = [(layer, head) for layer, head in heads]
    except (TypeError, ValueError):
        raise InputError(f"heads must be a list of (layer, head) pairs such as [(0, 3)], got {shown(heads)}") from None
    return [
        (layer, _index("head", head, model.blocks[layer].attn.n_heads))
        for layer, head in [(_index("layer", layer, len(model.blocks)), head) for layer, head in pairs]
    ]


@validates
def _layers(model: GPT2, layers: int | Iterable[int] | None) -> list[int]:
    if layers is None:
        return list(range(len(model.blocks)))
    several = list(layers) if isinstance(layers, Iterable) else [layers]
    return [_index("layer", layer, len(model.blocks)) for layer in several]


def _index(name: str, index: object, count: int) -> int:
    whole = int(index) if is_whole(index) else -1
    if not 0 <= whole < count:
        raise InputError(f"{name} must lie in 0 … {count - 1}, got {shown(index)}")
    return whole
