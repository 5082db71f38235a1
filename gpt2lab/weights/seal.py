"""A checksum in the header of the files that ``save_gpt2`` writes.

A checkpoint from elsewhere has none: a flipped bit in its numbers goes unnoticed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

import torch
from torch import Tensor

from gpt2lab.config import GPT2Config

SEAL = "gpt2lab_sha256"  # its name among the file's metadata


def seal(tensors: Iterable[tuple[str, Tensor]], config: GPT2Config) -> str:
    """SHA-256 over names and numbers, and over the settings that no shape shows.

    Parameters
    ----------
    tensors
        In the order of their names.
    """
    total = hashlib.sha256(json.dumps([config.n_heads, config.layer_norm_eps]).encode("utf-8"))
    for name, tensor in tensors:
        total.update(name.encode("utf-8"))
        total.update(tensor.flatten().view(torch.uint8).numpy().data)
    return total.hexdigest()
