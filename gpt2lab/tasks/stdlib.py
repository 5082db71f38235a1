"""Real text: the source code of Python's standard library, which every machine with Python has.

Tokens are the course's own byte-pair encoding. Held out
are whole files, one in ten by a hash of the name, so that no model is evaluated on a file it was trained on.

The metric is bits per *byte*, which does not depend on the tokenizer: nats per token divided by ln 2
and by the mean number of bytes per token.
"""

from __future__ import annotations

import functools
import math
import zlib

import torch
from torch import Tensor

from gpt2lab.tasks.base import IGNORE, Task
from gpt2lab.tokenizer import course_encoding, standard_library_files


class StandardLibrary(Task):
    """Windows of ``length`` tokens at random positions; every token is scored.

    The files differ a little between Python versions, and so does the metric.
    """

    name = "stdlib"
    summary = "continue Python source code"
    metric = "bits_per_byte"

    def __init__(self, length: int = 128) -> None:
        self.encoding = course_encoding()
        self.length = length

    @property
    def n_train(self) -> int:  # type: ignore[override]
        """Number of windows: one per position in the text."""
        return len(_library_tokens("train")) - self.length

    def sequences(self, n: int, generator: torch.Generator, split: str) -> tuple[Tensor, Tensor]:
        text = _library_tokens(split)  # (N,)
        start = torch.randint(len(text) - self.length, (n, 1), generator=generator)
        tokens = text[start + torch.arange(self.length + 1)].long()  # (n, T + 1)
        return tokens, torch.ones_like(tokens, dtype=torch.bool)

    def score(self, logits: Tensor, targets: Tensor) -> dict[str, float]:
        """As for every task, and ``bits_per_byte``."""
        scores = super().score(logits, targets)
        n_bytes = _token_bytes()[targets[targets != IGNORE]].double().mean().item()
        return {**scores, "bits_per_byte": scores["loss"] / math.log(2) / n_bytes}


@functools.cache
def _library_tokens(split: str) -> Tensor:
    """All files of a split in alphabetical order, each followed by ``<|endoftext|>``: (N,) int16."""
    encoding, pieces = course_encoding(), []
    for name, text in standard_library_files():
        if (zlib.crc32(name.encode()) % 10 == 0) == (split == "held_out"):
            pieces.append(torch.tensor([*encoding.encode_ordinary(text), encoding.eot_token], dtype=torch.int16))
    return torch.cat(pieces)


@functools.cache
def _token_bytes() -> Tensor:
    """Bytes per token, (vocab_size,); 0 for ``<|endoftext|>``."""
    encoding = course_encoding()
    sizes = [len(encoding.decode_single_token_bytes(token)) for token in range(encoding.n_vocab)]
    sizes[encoding.eot_token] = 0
    return torch.tensor(sizes)
