"""Weights that a study keeps beside its table; the table holds their checksum."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import load, save
from torch import Tensor

from gpt2lab.errors import CheckpointError
from gpt2lab.files import atomic_write


def save_weights(path: Path, weights: Mapping[str, Tensor]) -> str:
    """Write a safetensors file; returns the SHA-256 of its bytes, for the table."""
    data = save({name: tensor.contiguous() for name, tensor in weights.items()})
    with atomic_write(path) as part:
        part.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def load_weights(path: Path, sha256: str) -> dict[str, Tensor]:
    """Read a safetensors file that must be the one whose checksum the table holds.

    Raises
    ------
    CheckpointError
        If it is missing, or is another file, in one bit or in all.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}); install the course again") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise CheckpointError(
            f"{path}: not the file that the table beside it describes (its checksum differs); "
            "install the course again, or repeat the study"
        )
    return load(data)
