"""The device a training runs on."""

from __future__ import annotations

import torch

from gpt2lab.errors import InputError, shown


def resolve_device(name: str) -> torch.device:
    """The device of that name; ``auto`` takes a CUDA GPU if there is one.

    Raises
    ------
    ValueError
        If torch has no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise InputError(f"device must be auto, cpu, cuda, cuda:N or mps, got {shown(name)}") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise InputError(f"device {name!r} was asked for, but torch {torch.__version__} sees no CUDA GPU; use cpu")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise InputError(f"device {name!r} was asked for, but there are {torch.cuda.device_count()} GPUs, from cuda:0")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise InputError(f"device {name!r} was asked for, but torch {torch.__version__} sees no Apple GPU; use cpu")
    if device.type not in ("cpu", "cuda", "mps"):
        raise InputError(f"device must be auto, cpu, cuda, cuda:N or mps, got {shown(name)}")
    return device
