"""From what people type to tokens that fit, and sentences about what had to be left out."""

from __future__ import annotations

from typing import cast

import tiktoken

from gpt2lab.explorer.models import Encoding
from gpt2lab.tokenizer import left_out, token_label

HINT = "Type a sentence to see what the model does with it."
UNKNOWN = "This model has no token for any of that: it knows the words of its task only."
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
    total = f"more than {len(ids):,}" if shortened else f"{len(ids):,}"
    note = f"The text has {total} tokens, the context holds {context_length:,}: "
    note += f"only the first {context_length:,} are shown."
    return ids[:context_length], note


def safe_label(encoding: Encoding, token: int) -> str:
    """``token_label``, or the bare number for an id outside the encoding's vocabulary."""
    try:
        # token_label reads the bytes of one token and nothing else.
        return token_label(cast(tiktoken.Encoding, encoding), token)
    except (KeyError, ValueError, IndexError, OverflowError):
        return f"#{token}"
