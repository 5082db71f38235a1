"""Careful reading of files from elsewhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError, safe_open

from gpt2lab.errors import CheckpointError, shorten

LARGEST_JSON = 50_000_000  # bytes; an index of a thousand shards has less than a tenth of it


def read_json(path: Path) -> object:
    """The content of a JSON file from an untrusted source.

    Raises
    ------
    CheckpointError
        If it cannot be read, is too large to be what it should be, or is nested too deeply.
    FileNotFoundError
        If it is not there: only the caller knows what that means.
    """
    try:
        if (size := path.stat().st_size) > LARGEST_JSON:
            raise CheckpointError(f"{path}: expected a JSON file of at most {LARGEST_JSON:,} bytes, got {size:,}")
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise
    except RecursionError:
        raise CheckpointError(f"{path}: not a readable JSON file (nested too deeply)") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: not a readable JSON file ({shorten(str(error))})") from error


def read_checked(path: Path, sha256: str, described_by: str, advice: str = "") -> bytes:
    """The bytes of a file that must be the one whose SHA-256 another file holds.

    Parameters
    ----------
    path : Path
    sha256 : str
        In hexadecimal.
    described_by : str
        What holds the checksum, for the message.
    advice : str
        What to do about it, appended to the message.

    Raises
    ------
    CheckpointError
        If it cannot be read, or differs by as little as one bit.
    """
    end = f"; {advice}" if advice else ""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}){end}") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise CheckpointError(f"{path}: not the file that {described_by} describes (its checksum differs){end}")
    return data


@contextmanager
def open_tensors(path: Path) -> Iterator[safe_open]:
    """Open a safetensors file; only its header is read until a tensor is asked for.

    Raises
    ------
    CheckpointError
        If the file cannot be read or is not a whole safetensors file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: not a whole safetensors file ({shorten(str(error))})") from error
