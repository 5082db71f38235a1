r"""Text to tokens and back, always through a ``tiktoken.Encoding``.

Two encodings: GPT-2's own (50,257 tokens, from the per-user cache that set-up fills) and the
course's, a byte-level BPE of 1,024 tokens that this module trains on Python's standard library.
Both are reversible for every text, because every byte is a token.

Text that people type goes through ``encoding.encode_ordinary``, so that "<|endoftext|>" in a
sentence is ordinary text and never raises.
"""

from __future__ import annotations

import base64
import functools
import json
import platform
from importlib import resources
from pathlib import Path

import regex
import tiktoken

from gpt2lab.errors import InputError
from gpt2lab.files import atomic_write
from gpt2lab.tokenizer.bpe import ENDOFTEXT, GPT2_PATTERN, bpe_merges
from gpt2lab.tokenizer.corpus import standard_library_text
from gpt2lab.tokenizer.vocabulary import read_gpt2_encoding

COURSE_VOCAB_SIZE = 1024


def gpt2_encoding() -> tiktoken.Encoding:
    """GPT-2's tokenizer: 256 bytes, 50,000 merges and ``<|endoftext|>`` (id 50256).

    Raises ``gpt2lab.tokenizer.vocabulary.VocabularyError`` with advice if set-up could not fetch it.
    """
    return read_gpt2_encoding()


def train_bpe(text: str, vocab_size: int, name: str = "trained") -> tiktoken.Encoding:
    """Train a byte-level BPE and return it as a ``tiktoken.Encoding``.

    Parameters
    ----------
    text : str
    vocab_size : int
        256 bytes + merges + ``<|endoftext|>``, which gets the last id. Fewer if the text has no
        more pairs that occur twice.

    Raises
    ------
    ValueError
        If vocab_size is below 257, or the text is empty or holds half a surrogate pair.
    """
    if vocab_size < 257:
        raise InputError(f"vocab_size must be at least 257 (256 bytes and {ENDOFTEXT}), got {vocab_size}")
    if not text:
        raise InputError("train_bpe needs some text to count pairs in, got an empty string")
    if lone := regex.search(r"\p{Cs}", text):
        raise InputError(
            f"train_bpe needs text that has bytes, but character {lone.start()} is a lone surrogate "
            f"({ascii(lone[0])}): drop it with text.encode('utf-8', 'ignore').decode('utf-8')"
        )
    ranks = {bytes([byte]): byte for byte in range(256)}
    merges = bpe_merges(text)
    while len(ranks) < vocab_size - 1 and (step := next(merges, None)) is not None:
        left, right, _ = step
        ranks.setdefault(left + right, len(ranks))  # two pairs can spell the same token
    return _encoding(name, ranks)


@functools.cache
def course_encoding() -> tiktoken.Encoding:
    """The course's own tokenizer: 1,024 tokens, trained on Python's standard library."""
    data = json.loads(resources.files("gpt2lab.tokenizer").joinpath("course_bpe.json").read_text(encoding="utf-8"))
    return encoding_from(data["merged_tokens"], "course")


def merged_tokens(encoding: tiktoken.Encoding) -> list[str]:
    """The tokens of a byte-level BPE that are longer than a byte, in the order they were learned, in base64."""
    tokens = [encoding.decode_single_token_bytes(token) for token in range(256, encoding.eot_token)]
    return [base64.b64encode(token).decode("ascii") for token in tokens]


def encoding_from(merged: list[str], name: str) -> tiktoken.Encoding:
    """The encoding with these ``merged_tokens``.

    Raises
    ------
    ValueError
        If one is not base64, is a single byte or occurs twice.
    """
    tokens = [bytes([byte]) for byte in range(256)]
    tokens += [base64.b64decode(token, validate=True) for token in merged]
    if len(set(tokens)) < len(tokens) or b"" in tokens:
        raise InputError("a token of the tokenizer is empty or occurs twice")
    return _encoding(name, {token: rank for rank, token in enumerate(tokens)})


def write_course_encoding(path: Path) -> None:
    """Train the course's tokenizer and write it: ``python -m gpt2lab.tokenizer.encodings``."""
    text = standard_library_text()
    trained = train_bpe(text, COURSE_VOCAB_SIZE)
    data = {
        "trained_on": f"standard library of {platform.python_implementation()} {platform.python_version()}",
        "bytes": len(text.encode("utf-8")),
        "vocab_size": trained.n_vocab,
        "command": "python -m gpt2lab.tokenizer.encodings",
        "merged_tokens": merged_tokens(trained),
    }
    with atomic_write(path) as part:
        part.write_text(json.dumps(data, indent=0) + "\n", encoding="utf-8")


def _encoding(name: str, ranks: dict[bytes, int]) -> tiktoken.Encoding:
    return tiktoken.Encoding(
        name=name, pat_str=GPT2_PATTERN, mergeable_ranks=ranks, special_tokens={ENDOFTEXT: len(ranks)}
    )


if __name__ == "__main__":
    write_course_encoding(Path(__file__).with_name("course_bpe.json"))
