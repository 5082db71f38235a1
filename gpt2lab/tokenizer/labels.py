r"""Tokens as a reader sees them, and the parts of a text that no token stands for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, SupportsInt, runtime_checkable


@runtime_checkable
class Encoding(Protocol):
    """The two methods of ``tiktoken.Encoding`` that labels and the explorer need."""

    def encode_ordinary(self, text: str) -> list[int]: ...

    def decode_single_token_bytes(self, token: int) -> bytes: ...


def token_label(encoding: Encoding, token: int) -> str:
    """A token as a reader should see it, on one line.

    A space is shown as "␣", a newline as "⏎", a tab as "⇥"; bytes that are not a whole character as
    ``\xf0``, and invisible or direction-changing characters by their code, so that no token can
    disturb the text around it.
    """
    raw = encoding.decode_single_token_bytes(token)
    text = raw.decode("utf-8", errors="backslashreplace")
    shown = {" ": "␣", "\n": "⏎", "\t": "⇥"}
    visible = (c.isprintable() and not "\ufe00" <= c <= "\ufe0f" for c in text)  # variation selectors draw nothing
    return "".join(
        shown.get(c, c if seen else c.encode("unicode_escape").decode()) for c, seen in zip(text, visible, strict=True)
    )


def token_labels(encoding: Encoding, tokens: Iterable[SupportsInt]) -> list[str]:
    """``token_label`` of each id in a list or a one-dimensional tensor."""
    return [token_label(encoding, int(token)) for token in tokens]


def whole_characters(text: str) -> str:
    """The text with lone surrogates, which UTF-8 cannot encode, replaced by U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def left_out(encoding: Encoding, text: str) -> list[str]:
    """The parts of a text that no token stands for, in order.

    GPT-2's tokens cover every text; those of a toy task cover the words of its language, and
    ``encode_ordinary`` skips what lies between them. Empty where tokens are not spelled like the text,
    for instance because the encoding lower-cases: then nothing can be said.
    """
    rest, parts = whole_characters(text).encode("utf-8"), []
    for token in encoding.encode_ordinary(text):
        skipped, piece, rest = rest.partition(encoding.decode_single_token_bytes(token))
        if not piece:
            return []
        parts.append(skipped)
    return [part.decode("utf-8", "replace") for part in [*parts, rest] if part]
