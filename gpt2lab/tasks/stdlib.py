"""Real text: the source code of Python's standard library, which every machine with Python has.

Tokens are the course's own byte-pair encoding. Held out
are whole files, one in ten by a hash of the name, so that no model is evaluated on a file it was trained on.
"""

from __future__ import annotations

import functools
import zlib

import torch
from torch import Tensor

from gpt2lab.tasks.windows import RealText
from gpt2lab.tokenizer import course_encoding, standard_library_files


class StandardLibrary(RealText):
    """Windows of the library's files.

    The files differ a little between Python versions, and so does the metric.
    """

    name = "stdlib"
    summary = "continue Python source code"

    def __init__(self, length: int = 128) -> None:
        self.encoding = course_encoding()
        self.length = length

    def tokens(self, split: str) -> Tensor:
        return _library_tokens(split)


@functools.cache
def _library_tokens(split: str) -> Tensor:
    """All files of a split in alphabetical order, each followed by ``<|endoftext|>``: (N,) int16."""
    encoding, pieces = course_encoding(), []
    for name, text in standard_library_files():
        if (zlib.crc32(name.encode()) % 10 == 0) == (split == "held_out"):
            pieces.append(torch.tensor([*encoding.encode_ordinary(text), encoding.eot_token], dtype=torch.int16))
    return torch.cat(pieces)
