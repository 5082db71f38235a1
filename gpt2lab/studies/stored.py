"""What a study keeps: a table with how it was made, and weights whose checksum the table holds."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

import torch
from safetensors.torch import load, save
from torch import Tensor

from gpt2lab.files import atomic_write, read_checked

FOLDER = Path(__file__).parent


class Made(TypedDict):
    """How a table was made."""

    command: str
    device: str
    machine: str
    torch: str
    seconds: int


def made_by(study: str, begin: float) -> Made:
    """The entries of a study's table about a run on the CPU that began at ``time.monotonic() == begin``."""
    return {
        "command": f"python -m gpt2lab.studies.{study}", "device": "cpu", "machine": platform.machine(),
        "torch": torch.__version__, "seconds": round(time.monotonic() - begin),
    }  # fmt: skip


def save_table(path: Path, table: Mapping[str, object]) -> None:
    """Write a table as JSON."""
    with atomic_write(path) as part:
        part.write_text(json.dumps(table) + "\n", encoding="utf-8")


def load_table(path: Path) -> Any:  # Any: JSON, typed by the study that reads it
    """Read a table."""
    return json.loads(path.read_text(encoding="utf-8"))


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
        If it cannot be read, or differs by as little as one bit.
    """
    advice = "install the course again, or repeat the study"
    return load(read_checked(path, sha256, "the table beside it", advice))
