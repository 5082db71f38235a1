"""From what people type to tokens that fit, and sentences about what had to be left out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gpt2lab.errors import InputError
from gpt2lab.tokenizer import left_out, token_label, whole_characters

HINT = "Type a sentence to see what the model does with it."
UNKNOWN = "This model has no token for any of that: it knows the words of its task only."
LONGEST_TOKEN = 128  # bytes of GPT-2's longest token: more text than this per position never fits


def tokenize(encoding: Any, text: str, context_length: int | None) -> tuple[list[int], str]:
    """Token ids that fit into the context, and a note if something is not shown."""
    if context_length is not None:
        limit = LONGEST_TOKEN * context_length
        shortened = len(text) > limit
        text = text[:limit]
    ids = list(encoding.encode_ordinary(text))
    if context_length is None or len(ids) <= context_length:
        unknown = [part.strip() for part in left_out(encoding, text) if part.strip()]
        return ids, f"No token for ‘{unknown[0][:40]}’: left out." if unknown else ""
    total = f"more than {len(ids):,}" if shortened else f"{len(ids):,}"
    note = f"The text has {total} tokens, the context holds {context_length:,}: "
    note += f"only the first {context_length:,} are shown."
    return ids[:context_length], note


def safe_label(encoding: Any, token: int) -> str:
    """``token_label``, or the bare number for an id outside the encoding's vocabulary."""
    try:
        return token_label(encoding, token)
    except (KeyError, ValueError, IndexError, OverflowError):
        return f"#{token}"


def as_tensor(model: Any, ids: list[int]) -> Tensor:
    """(1, T), on the model's device."""
    parameters = getattr(model, "parameters", None)
    first = next(iter(parameters()), None) if callable(parameters) else None
    return torch.tensor([ids], device=None if first is None else first.device)


def context_length(models: list[Any]) -> int | None:
    """The longest text that all models take, if one says so."""
    lengths = [getattr(getattr(model, "config", None), "context_length", None) for model in models]
    return min((length for length in lengths if length is not None), default=None)


def weights_now(model: Any) -> list[tuple[int, int]]:
    """What changes whenever a parameter is written to in place, as optimisers and load_state_dict do."""
    parameters = getattr(model, "parameters", None)
    if not callable(parameters):
        return []
    return [(id(p), -1 if p.is_inference() else p._version) for p in parameters()]


def check_names(names: Any) -> list[str]:
    """What two models are called, or a ValueError."""
    if isinstance(names, str) or len(found := list(names)) != 2 or not all(isinstance(n, str) for n in found):
        raise InputError(f"names must be two strings, one for each model, got {names!r}")
    return [whole_characters(name) for name in found]


def sentence(error: Exception) -> str:
    """An exception as one line for people."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
    return f"The model could not be run. {kind}{lines[0]}"


def check_model(model: Any, encoding: Any) -> None:
    """Refuse what cannot be explored."""
    if not callable(getattr(model, "trace", None)):
        raise InputError(
            f"Explorer needs a model with trace(tokens), got {type(model).__name__}; "
            "gpt2lab.GPT2 has one, and an object of your own needs .blocks[i].attn.attn_weights in what it returns"
        )
    for name in ("encode_ordinary", "decode_single_token_bytes"):
        if not callable(getattr(encoding, name, None)):
            raise InputError(f"Explorer needs a tiktoken.Encoding (course_encoding()), got {type(encoding).__name__}")
