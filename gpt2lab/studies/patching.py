"""Activation patching: put another value into one place of a running model, and go on from there.

    with patched(model, ["stream 1 9 other"], tokens, heavy):
        logits = model(tokens)

``patch_words`` says how a place and what is put there are written.

Values come from runs in which nothing is patched. An edge leaves the other weights as they are: from zero, the query
loses what it took from that key, and its row of weights is not brought back to a sum of 1. Whole heads come after
edges, so that a head's patch covers those of its edges.

Sources: Vig et al. 2020, "Causal Mediation Analysis for Interpreting Neural NLP"; Wang et al. 2023, section 3.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gpt2lab.attention import MultiHeadAttention, merge_heads
from gpt2lab.attention.cache import LayerCache
from gpt2lab.errors import InputError, validates
from gpt2lab.masking import Padding
from gpt2lab.model import GPT2, evaluating, plain_model
from gpt2lab.studies.patch_words import Patch, check_places, read
from gpt2lab.trace import AttentionTrace, BlockTrace, FeedForwardTrace

Blocks = Callable[[int], BlockTrace]  # the trace of a layer's block


class Put(NamedTuple):
    """Patches with their values, each (B, n, size) for n positions."""

    patches: Sequence[Patch] = ()
    values: Sequence[Tensor] = ()


def heads_of(model: GPT2) -> list[int]:
    """Heads per layer."""
    return [block.attn.n_heads for block in model.blocks]


@contextmanager
@validates
def patched(model: GPT2, words: Iterable[str], tokens: Tensor, other: Tensor | None = None) -> Iterator[GPT2]:
    """Patch a model for the length of a ``with`` block: ``forward`` and ``trace``, without a cache.

    Parameters
    ----------
    words : list of str
        See the module.
    tokens : (1, T) or (B, T)
        What it will run on; interventions around this one count.
    other : the same shape, optional
        Where "other" takes from.

    Raises
    ------
    InputError
        For a word that does not fit, and for "other" without other tokens of the same shape.
    """
    gpt2 = plain_model(model, "patched")
    patches = read(words, heads_of(gpt2))
    check_places(patches, tokens.shape[1])
    if other is not None and other.shape != tokens.shape:
        raise InputError(f"other must have the shape of tokens, {tuple(tokens.shape)}, got {tuple(other.shape)}")
    needed = {patch.source for patch in patches}
    with torch.no_grad(), evaluating(gpt2):
        own = list(gpt2.trace_blocks(tokens)) if needed & {"mean", "zero"} else []
        theirs = list(gpt2.trace_blocks(other)) if other is not None and "other" in needed else None
        put = donated(patches, own.__getitem__, None if theirs is None else theirs.__getitem__)
    with applied(gpt2, put):
        yield model


def donated(patches: Sequence[Patch], own: Blocks, other: Blocks | None) -> Put:
    """The values of patches, from unpatched runs on this sentence and on the other one."""
    values = []
    for patch in patches:
        if patch.source == "other":
            if other is None:
                raise InputError(f"{patch.word!r} takes from the other sentence: type a second sentence first")
            values.append(_there(other(patch.layer), patch))
        elif patch.source == "mean":
            values.append(_mean(own(patch.layer), patch))
        else:
            values.append(torch.zeros_like(_there(own(patch.layer), patch)))
    return Put(patches, values)


def _there(block: BlockTrace, patch: Patch) -> Tensor:
    """What stands at a place: (B, n, size)."""
    if patch.kind == "edge":
        return _weight(block.attn, patch) * block.attn.v[:, patch.head, patch.key, None]
    if patch.kind == "head":
        return block.attn.head_out[:, patch.head, patch.at]
    return (block.ffn.out if patch.kind == "ffn" else block.resid_pre)[:, patch.at]


def _mean(block: BlockTrace, patch: Patch) -> Tensor:
    """The mean over all positions of what may stand there: (B, 1, size)."""
    if patch.kind == "edge":
        return _weight(block.attn, patch) * block.attn.v[:, patch.head].mean(dim=1, keepdim=True)
    if patch.kind == "head":
        return block.attn.head_out[:, patch.head].mean(dim=1, keepdim=True)
    return (block.ffn.out if patch.kind == "ffn" else block.resid_pre).mean(dim=1, keepdim=True)


def _weight(attn: AttentionTrace, patch: Patch) -> Tensor:
    """The attention weight of an edge: (B, 1, 1)."""
    return attn.attn_weights[:, patch.head, patch.position, patch.key, None, None]


@contextmanager
def applied(model: GPT2, put: Put, one_each: bool = False) -> Iterator[None]:
    """Patch a model for the length of a ``with`` block; with ``one_each``, patch i changes row i of a batch only."""
    rows = [slice(i, i + 1) if one_each else slice(None) for i in range(len(put.patches))]
    with ExitStack() as stack:
        for layer in {patch.layer for patch in put.patches}:
            block = model.blocks[layer]
            here = [one for one in zip(*put, rows, strict=True) if one[0].layer == layer]
            kinds = {kind: [one for one in here if one[0].kind == kind] for kind in ("edge", "head", "ffn", "stream")}
            if kinds["edge"] or kinds["head"]:
                stack.enter_context(_attention(block.attn, kinds["edge"], kinds["head"]))
            if kinds["ffn"]:
                stack.enter_context(_feedforward(block.ffn, kinds["ffn"]))
            if kinds["stream"]:
                stack.enter_context(_stream(block, kinds["stream"]))
        yield


_Here = list[tuple[Patch, Tensor, slice]]  # patches of a layer, their values, and which rows of the batch they change


def _attention(attn: MultiHeadAttention, edges: _Here, heads: _Here) -> ExitStack:
    traced = _function(attn, "trace")

    def trace(self: MultiHeadAttention, x: Tensor, padding: Padding | None = None) -> AttentionTrace:
        found = traced(self, x, padding)
        out = found.head_out.clone()  # (B, n_heads, T, d_head)
        for patch, value, rows in edges:
            weight = found.attn_weights[rows, patch.head, patch.position, patch.key, None]  # (B, 1)
            out[rows, patch.head, patch.position] += value[:, 0] - weight * found.v[rows, patch.head, patch.key]
        for patch, value, rows in heads:
            out[rows, patch.head, patch.at] = value
        return replace(found, head_out=out, out=self.out(merge_heads(out)))

    def forward(
        self: MultiHeadAttention, x: Tensor, cache: LayerCache | None = None, padding: Padding | None = None
    ) -> Tensor:
        _whole(cache)
        return self.trace(x, padding).out

    return _replaced(attn, trace=trace, forward=forward)


def _feedforward(ffn: nn.Module, here: _Here) -> ExitStack:
    traced, forwards = _function(ffn, "trace"), _function(ffn, "forward")

    def trace(self: nn.Module, x: Tensor) -> FeedForwardTrace:
        found = traced(self, x)
        return replace(found, out=_over(found.out, here))

    def forward(self: nn.Module, x: Tensor) -> Tensor:
        return _over(forwards(self, x), here)

    return _replaced(ffn, trace=trace, forward=forward)


def _stream(block: nn.Module, here: _Here) -> ExitStack:
    traced, forwards = _function(block, "trace"), _function(block, "forward")

    def trace(self: nn.Module, x: Tensor, padding: Padding | None = None) -> BlockTrace:
        return traced(self, _over(x, here), padding)

    def forward(self: nn.Module, x: Tensor, cache: LayerCache | None = None, padding: Padding | None = None) -> Tensor:
        _whole(cache)
        return forwards(self, _over(x, here), None, padding)

    return _replaced(block, trace=trace, forward=forward)


def _over(x: Tensor, here: _Here) -> Tensor:
    """Vectors (B, T, d_model) with the patches in their places."""
    x = x.clone()
    for patch, value, rows in here:
        x[rows, patch.at] = value
    return x


def _whole(cache: LayerCache | None) -> None:
    if cache is not None:
        raise InputError("a patched model runs on the whole sentence, without a cache: its places are positions in it")


def _function(module: nn.Module, name: str) -> Callable:
    """A method of a module as the function it is, of its class or its own: a copy of the module can use it."""
    method = getattr(module, name)
    if not isinstance(method, types.MethodType):
        raise InputError(f"patching needs {name} of {type(module).__name__} to be a method")
    return method.__func__


def _replaced(module: nn.Module, **methods: Callable) -> ExitStack:
    """Give a module other methods of its own until the stack is closed; a copy of the model uses its own weights."""
    stack = ExitStack()
    for name, method in methods.items():
        present = vars(module).get(name)
        setattr(module, name, types.MethodType(method, module))
        stack.callback(delattr, module, name) if present is None else stack.callback(setattr, module, name, present)
    return stack
