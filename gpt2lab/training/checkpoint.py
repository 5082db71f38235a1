"""Checkpoints of a training run: everything that decides what the next step will be.

One file, ``checkpoint.safetensors``: weights, the optimiser's averages and the states of all random
generators as tensors; step, settings and history as JSON in the file's header. It is written beside
the old one and renamed, so there is always exactly one whole checkpoint, whenever the power fails.
No pickle: a pickle can run code when it is read.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from gpt2lab.errors import CheckpointError, InputError
from gpt2lab.files import atomic_write
from gpt2lab.training.distributed import Processes

FILE = "checkpoint.safetensors"


def save_checkpoint(
    folder: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    data: torch.Generator,
    facts: dict[str, Any],
    group: Processes = Processes(),  # noqa: B008 (frozen)
) -> Path:
    """Write the state after a step; only the first process writes.

    Parameters
    ----------
    folder : Path
    data : torch.Generator
        Its state is the position in the data.
    facts : dict
        What else is needed, as JSON: at least ``step``.

    Raises
    ------
    CheckpointError
        If the file cannot be written (disk full, read-only folder). The last good one is untouched.
    """
    path = Path(folder) / FILE
    rngs = group.gather(torch.cat([torch.get_rng_state(), _cuda_rng(model)]))
    if not group.is_first:
        return path
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for i, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{i}.{key}": value for key, value in state.items()}
    tensors["data"] = data.get_state()
    tensors |= {f"random.{rank}": state for rank, state in enumerate(rngs)}
    tensors = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    try:
        with atomic_write(path) as part:
            save_file(tensors, part, metadata={"facts": json.dumps(facts)})
    except (OSError, SafetensorError) as error:
        kept = f"the last good one is still in {path}" if path.is_file() else "there is no earlier one"
        raise CheckpointError(
            f"{path}: the checkpoint of step {facts['step']} could not be written ({error}); {kept}. "
            "Make room there or choose another folder"
        ) from error
    return path


def read_facts(folder: Path) -> dict[str, Any]:
    """The JSON part of a checkpoint.

    Raises
    ------
    CheckpointError
        If there is none, or the file is not a whole checkpoint.
    """
    path = Path(folder) / FILE
    if not path.is_file():
        raise CheckpointError(f"{path}: there is no checkpoint to resume from")
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads(file.metadata()["facts"])
        if missing := {"step", "task", "config", "scaler", "history"} - set(facts):
            raise InputError(f"{', '.join(sorted(missing))} missing")
        return facts
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: not a whole checkpoint of a training run ({error})") from error


def load_checkpoint(
    folder: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    data: torch.Generator,
    group: Processes = Processes(),  # noqa: B008
) -> None:
    """Put model, optimiser and random generators back as they were; ``read_facts`` has the rest."""
    path = Path(folder) / FILE
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: not a whole checkpoint of a training run ({error})") from error
    try:
        model.load_state_dict(_below("model.", tensors))
    except RuntimeError as error:
        raise CheckpointError(f"{path}: holds another model than the one to be trained ({error})") from error
    states: dict[int, dict[str, Tensor]] = {}
    try:
        for name, tensor in _below("optimizer.", tensors).items():
            i, key = name.split(".")
            states.setdefault(int(i), {})[key] = tensor
        optimizer.load_state_dict({"state": states, "param_groups": optimizer.state_dict()["param_groups"]})
        data.set_state(tensors["data"])
    except (KeyError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path}: not a whole checkpoint of a training run ({error})") from error
    if (own := tensors.get(f"random.{group.rank}")) is not None:
        size = torch.get_rng_state().numel()
        torch.set_rng_state(own[:size])
        if own.numel() > size and (device := next(model.parameters()).device).type == "cuda":
            torch.cuda.set_rng_state(own[size:], device)


def clear_leftovers(folder: Path) -> None:
    """Remove half-written files that a killed run has left; they are never read."""
    for part in Path(folder).glob(f".{FILE}.*.part"):
        part.unlink(missing_ok=True)


def check_writable(folder: Path) -> None:
    """Find out before the first step, not after an hour, whether results can be written."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise CheckpointError(
            f"{folder}: nothing can be written there ({error.strerror}); choose another folder"
        ) from error


def _cuda_rng(model: nn.Module) -> Tensor:
    device = next(model.parameters()).device
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.empty(0, dtype=torch.uint8)


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
