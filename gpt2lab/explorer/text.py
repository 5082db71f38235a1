"""From what people type to tokens that fit, and sentences about what had to be left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import cast

import tiktoken

from gpt2lab.errors import InputError, shown, whole_number
from gpt2lab.explorer.models import Encoding
from gpt2lab.tokenizer import left_out, token_label

HINT = "Type a sentence to see what the model does with it."
UNKNOWN = "This model has no token for any of that: it knows the words of its task only."
_TYPED, _DIGITS = re.compile(r"\s*ids:\s*(?=[0-9])(.*)", re.DOTALL), re.compile(r"[0-9]{1,9}")
LONGEST_TOKEN = 128  # bytes of GPT-2's longest token: more text than this per position never fits


def tokenize(encoding: Encoding, text: str, context_length: int | None) -> tuple[list[int], str]:
    """Token ids that fit into the context, and a note if something is not shown."""
    shortened = False
    if context_length is not None:
        limit = LONGEST_TOKEN * context_length
        shortened = len(text) > limit
        text = text[:limit]
    ids = list(encoding.encode_ordinary(text))
    if context_length is None or len(ids) <= context_length:
        unknown = [part.strip() for part in left_out(encoding, text) if part.strip()]
        return ids, f"No token for ‘{unknown[0][:40]}’: left out." if unknown else ""
    return fitting(ids, context_length, "more than " if shortened else "")


def typed_ids(text: str, vocab_size: int | None) -> list[int] | None:
    """The token ids that a text such as ``ids: 50256 318`` asks for; None for any other text.

    Raises
    ------
    InputError
        For something else than the model's ids behind ``ids:`` and a first digit.
    """
    if not (found := _TYPED.fullmatch(text)):
        return None
    words = found[1].replace(",", " ").split()
    wrong = next((word for word in words if not _DIGITS.fullmatch(word)), None)
    if wrong is not None:
        raise InputError(f"behind ids: expected token ids such as 50256 318, got {shown(wrong)}")
    return check_ids([int(word) for word in words], vocab_size)


def read(encoding: Encoding, text: str, context_length: int | None, vocab_size: int | None) -> tuple[list[int], str]:
    """The token ids that a sentence stands for, or names (``ids: 50256 318``), and what of it is not shown."""
    ids = typed_ids(text, vocab_size)
    return tokenize(encoding, text, context_length) if ids is None else fitting(ids, context_length)


def fitting(ids: list[int], context_length: int | None, at_least: str = "") -> tuple[list[int], str]:
    """The ids that fit into the context, and a note if some do not."""
    if context_length is None or len(ids) <= context_length:
        return ids, ""
    note = f"The text has {at_least}{len(ids):,} tokens, the context holds {context_length:,}: "
    note += f"only the first {context_length:,} are shown."
    return ids[:context_length], note


def check_ids(tokens: object, vocab_size: int | None) -> list[int]:
    """Token ids from a list, an array or a tensor, (T,) or (1, T).

    Raises
    ------
    InputError
        For anything but a sequence of the model's token ids.
    """
    values = tokens.tolist() if hasattr(tokens, "tolist") else tokens
    if isinstance(values, Sequence) and len(values) == 1 and isinstance(values[0], Sequence):
        values = values[0]  # (1, T)
    if isinstance(values, (str, bytes)) or not isinstance(values, Sequence) or not values:
        raise InputError(f"tokens must be a list of token ids or a tensor (1, T) of them, got {shown(tokens)}")
    ids = [whole_number("tokens: a token id", value) for value in values]
    if vocab_size is not None and max(ids) >= vocab_size:
        raise InputError(f"token ids must lie in [0, {vocab_size}), got {max(ids)}")
    return ids


def text_of(encoding: Encoding, ids: Iterable[int]) -> str:
    """What token ids stand for; an id that the encoding does not have is written as #id."""
    parts = []
    for token in ids:
        try:
            parts.append(encoding.decode_single_token_bytes(token))
        except (KeyError, ValueError, IndexError, OverflowError):
            parts.append(f"#{token}".encode())
    return b"".join(parts).decode("utf-8", "replace")


def safe_label(encoding: Encoding, token: int) -> str:
    """``token_label``, or the bare number for an id outside the encoding's vocabulary."""
    try:
        # token_label reads the bytes of one token and nothing else.
        return token_label(cast(tiktoken.Encoding, encoding), token)
    except (KeyError, ValueError, IndexError, OverflowError):
        return f"#{token}"
