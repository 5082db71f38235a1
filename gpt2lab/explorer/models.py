"""What can be explored: a model with ``trace(tokens)`` and an encoding, and what is asked of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from gpt2lab.errors import InputError
from gpt2lab.explorer.translating import as_line
from gpt2lab.family.encoder_decoder import EncoderDecoder
from gpt2lab.family.masked import MaskedLanguageModel
from gpt2lab.tokenizer import whole_characters
from gpt2lab.tokenizer.foreign import TransformersEncoding, TransformersTokenizer
from gpt2lab.tokenizer.labels import Encoding as Encoding
from gpt2lab.weights import load_gpt2


@runtime_checkable
class Attention(Protocol):
    """The minimum that a trace must hold of an attention layer; ``trace.AttentionTrace`` holds more."""

    @property
    def attn_weights(self) -> Tensor:
        """(1, n_heads, T, T)"""


@runtime_checkable
class ScoredAttention(Attention, Protocol):
    """An attention layer with the intermediate values behind its weights."""

    @property
    def q(self) -> Tensor:
        """(1, n_heads, T, d_head)"""

    @property
    def k(self) -> Tensor:
        """(1, n_heads, T, d_head)"""

    @property
    def scores(self) -> Tensor:
        """(1, n_heads, T, T), scaled, before the mask"""


@runtime_checkable
class FeedForward(Protocol):
    """A feed-forward network before and after its activation."""

    @property
    def pre(self) -> Tensor:
        """(1, T, d_ff)"""

    @property
    def post(self) -> Tensor:
        """(1, T, d_ff)"""


@runtime_checkable
class Block(Protocol):
    """One block of a trace; ``trace.BlockTrace`` has the residual stream and the FFN as well."""

    @property
    def attn(self) -> Attention: ...


@runtime_checkable
class Trace(Protocol):
    """What ``trace`` returns; ``trace.GPT2Trace`` has the stream and the logits as well."""

    @property
    def blocks(self) -> Sequence[Block | None]: ...


@runtime_checkable
class Traceable(Protocol):
    """A model that can be explored."""

    def trace(self, tokens: Tensor) -> Trace:
        """One forward pass over tokens (1, T) with what happened in it."""


class Readout(Protocol):
    """A model whose stream can be read off before its end, as the logit lens does."""

    def ln_f(self, x: Tensor) -> Tensor:
        """(..., d_model) -> (..., d_model)"""

    def unembed(self, x: Tensor) -> Tensor:
        """(..., d_model) -> (..., vocab_size)"""


def taken(models: Sequence[object], encoding: object) -> tuple[list[Traceable], Encoding]:
    """What an explorer was handed, as what it works with: models with a trace, and an encoding.

    Raises
    ------
    InputError
        For what cannot be explored, or does not belong together.
    """
    whole = [model if isinstance(model, EncoderDecoder) else explorable(model) for model in models]
    readable = readable_encoding(encoding)
    usable = [as_line(model, readable) if isinstance(model, EncoderDecoder) else model for model in whole]
    for model in usable:
        check_belong_together(model, readable)
    return usable, readable


def explorable(model: object) -> Traceable:
    """The model itself, or a transformers GPT-2 as a ``GPT2`` with a copy of its weights.

    Raises
    ------
    InputError
        For what cannot be explored.
    """
    if not isinstance(model, type) and callable(getattr(model, "trace", None)):
        return model  # type: ignore[return-value]  # what its trace returns is checked when it runs
    kind = type(model).__name__
    theirs = getattr(getattr(getattr(model, "_orig_mod", model), "config", None), "model_type", None)
    if isinstance(model, nn.Module) and theirs == "gpt2":
        return load_gpt2(model)
    if theirs is not None:
        raise InputError(
            f"Explorer shows GPT-2 and models with a trace(tokens) of their own, got {kind} of type {theirs!r}; "
            "of transformers' models it takes GPT2LMHeadModel and GPT2Model"
        )
    raise InputError(
        f"Explorer needs a model with trace(tokens), got {kind}; gpt2lab.GPT2 has one, a GPT-2 of transformers "
        "is taken as it is, and an object of your own needs .blocks[i].attn.attn_weights in what it returns"
    )


def readable_encoding(encoding: object) -> Encoding:
    """The encoding itself, or a transformers tokenizer as one.

    Raises
    ------
    InputError
        For what is neither.
    """
    if not isinstance(encoding, type):
        if all(callable(getattr(encoding, name, None)) for name in ("encode_ordinary", "decode_single_token_bytes")):
            return encoding  # type: ignore[return-value]  # its answers may still be wrong: then the message says so
        if isinstance(encoding, TransformersTokenizer):
            return TransformersEncoding(encoding)
    got = f"the class {encoding.__name__}" if isinstance(encoding, type) else type(encoding).__name__
    raise InputError(
        f"Explorer needs a tiktoken.Encoding such as course_encoding(), or a transformers tokenizer, got {got}"
    )


def check_belong_together(model: object, encoding: object) -> None:
    """Refuse an encoding with tokens that the model lacks.

    A model with more tokens is taken: vocabularies are often padded to a round number.
    """
    theirs = getattr(getattr(model, "config", None), "vocab_size", None)
    tokens = getattr(encoding, "n_vocab", None)
    if isinstance(theirs, int) and isinstance(tokens, int) and tokens > theirs:
        raise InputError(
            f"the model and the encoding do not belong together: the model has {theirs:,} tokens, the encoding "
            f"{tokens:,}; use the encoding (or tokenizer) that the model was trained with"
        )


def fills_blanks(model: object) -> bool:
    """Whether a logit is about its own token, as an encoder's are, and not about the next one."""
    return isinstance(model, MaskedLanguageModel)


def check_names(names: object) -> list[str]:
    """What two models are called, or an InputError."""
    found = list(names) if isinstance(names, Iterable) and not isinstance(names, str) else []
    if len(found) != 2 or not all(isinstance(name, str) for name in found):
        raise InputError(f"names must be two strings, one for each model, got {names!r}")
    return [whole_characters(name) for name in found]


def check_trace(trace: object, T: int) -> None:
    """Say in a sentence what is wrong with the shapes that a custom ``trace`` returned."""
    try:
        shapes = [tuple(block.attn.attn_weights.shape) for block in trace.blocks]  # type: ignore[attr-defined]  # asks
    except (AttributeError, TypeError) as error:
        raise InputError(f"trace() must return .blocks[i].attn.attn_weights (1, n_heads, T, T): {error}") from None
    if not shapes:
        raise InputError("trace() returned no block")
    for shape in shapes:
        if len(shape) != 4 or shape[0] != 1 or shape[2:] != (T, T):
            raise InputError(f"attn_weights must have shape (1, n_heads, {T}, {T}) for {T} tokens, got {shape}")


def as_tensor(model: object, ids: list[int]) -> Tensor:
    """Token ids as a tensor (1, T), on the model's device."""
    parameters = getattr(model, "parameters", None)
    first = next(iter(parameters()), None) if callable(parameters) else None
    return torch.tensor([ids], device=None if first is None else first.device)


def context_length(models: Sequence[object]) -> int | None:
    """The longest text that all models take, if one says so."""
    return _least(models, "context_length")


def vocab_size(models: Sequence[object]) -> int | None:
    """How many tokens all models know, if one says so."""
    return _least(models, "vocab_size")


def _least(models: Sequence[object], size: str) -> int | None:
    sizes = [getattr(getattr(model, "config", None), size, None) for model in models]
    return min((size for size in sizes if isinstance(size, int)), default=None)


def weights_now(model: object) -> list[tuple[int, int]]:
    """What changes whenever a parameter is written to in place, as optimisers and load_state_dict do."""
    parameters = getattr(model, "parameters", None)
    if not callable(parameters):
        return []
    return [(id(p), -1 if p.is_inference() else p._version) for p in parameters()]


def sentence(error: Exception) -> str:
    """An exception that a model raised, as one line for people."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
    return f"The model could not be run. {kind}{lines[0]}"
