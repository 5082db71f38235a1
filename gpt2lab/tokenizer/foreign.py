r"""Tokenizers of transformers, used through the two methods that this package needs of an encoding.

A byte-level tokenizer such as GPT-2's writes each byte of a token as one visible character: bytes that
print stand for themselves, the others for the characters from 256 upwards, so that " a" is "Ġa". Other
tokenizers keep text.

Source: openai/gpt-2 ``src/encoder.py``, function ``bytes_to_unicode``.
"""

from __future__ import annotations

import functools
from typing import Protocol, runtime_checkable

from gpt2lab.tokenizer.labels import whole_characters


@runtime_checkable
class TransformersTokenizer(Protocol):
    """What is used of a transformers tokenizer, fast or slow. transformers itself is not imported."""

    def encode(
        self, text: str, *, add_special_tokens: bool, split_special_tokens: bool, verbose: bool
    ) -> list[int]: ...

    def convert_ids_to_tokens(self, ids: int) -> str | None: ...

    def get_vocab(self) -> dict[str, int]: ...

    @property
    def all_special_ids(self) -> list[int]: ...

    @property
    def added_tokens_decoder(self) -> dict[int, object]: ...


class TransformersEncoding:
    """A transformers tokenizer as an ``Encoding``; changes of the tokenizer show here as well."""

    def __init__(self, tokenizer: TransformersTokenizer) -> None:
        self.tokenizer = tokenizer

    @property
    def n_vocab(self) -> int:
        """1 + the largest id that text can have; special tokens, such as a padding token added later, do not count."""
        special = set(self.tokenizer.all_special_ids)
        return 1 + max((token for token in self.tokenizer.get_vocab().values() if token not in special), default=-1)

    def encode_ordinary(self, text: str) -> list[int]:
        """Token ids of a text; "<|endoftext|>" in it is ordinary text, and no token is put before or behind."""
        return list(
            self.tokenizer.encode(
                whole_characters(text), add_special_tokens=False, split_special_tokens=True, verbose=False
            )
        )

    def decode_single_token_bytes(self, token: int) -> bytes:
        """The bytes that a token stands for; KeyError for an id that the tokenizer does not have."""
        text = self.tokenizer.convert_ids_to_tokens(token)
        if text is None:
            raise KeyError(token)
        letters = byte_letters()
        spelled = _is_byte_level(self.tokenizer) and token not in self.tokenizer.added_tokens_decoder
        if spelled and all(letter in letters for letter in text):
            return bytes(letters[letter] for letter in text)
        return text.encode("utf-8")


@functools.cache
def byte_letters() -> dict[str, int]:
    """The byte that each character stands for in the vocabulary of a byte-level tokenizer."""
    printing = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printing]
    return {chr(byte): byte for byte in printing} | {chr(256 + i): byte for i, byte in enumerate(others)}


def _is_byte_level(tokenizer: TransformersTokenizer) -> bool:
    """Fast tokenizers say so in their decoder, slow ones have a table of their own."""
    decoder = getattr(getattr(tokenizer, "backend_tokenizer", None), "decoder", None)
    return hasattr(tokenizer, "byte_decoder") or "ByteLevel" in repr(decoder)
