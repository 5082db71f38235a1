"""Checkpoints of a training run: everything that decides what the next step will be.

One file, ``checkpoint.safetensors``: weights, the optimiser's averages and the states of all random
generators as tensors; step, settings and history as JSON in the file's header. It is written beside
the old one and renamed, so there is always exactly one whole checkpoint, whenever the power fails.
No pickle: a pickle can run code when it is read.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn

from gpt2lab.errors import CheckpointError, is_number, shorten, whole_number
from gpt2lab.files import atomic_write, open_tensors
from gpt2lab.training.distributed import Processes

FILE = "checkpoint.safetensors"


def save_checkpoint(
    folder: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    data: torch.Generator,
    facts: dict[str, Any],  # Any: JSON
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
            save_file(tensors, part, metadata={"facts": json.dumps(facts), "sha256": _digest(tensors)})
    except (OSError, SafetensorError) as error:
        kept = f"the last good one is still in {path}" if path.is_file() else "there is no earlier one"
        raise CheckpointError(
            f"{path}: the checkpoint of step {facts['step']} could not be written ({error}); {kept}. "
            "Make room there or choose another folder"
        ) from error
    return path


def read_facts(folder: Path) -> dict[str, Any]:  # Any: JSON, whose entries ``_check_facts`` has looked at
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
        with open_tensors(path) as file:
            facts = json.loads(file.metadata()["facts"])
        _check_facts(facts)
        return facts
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise _not_whole(path, error) from error


def load_checkpoint(
    folder: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    data: torch.Generator,
    group: Processes = Processes(),  # noqa: B008
) -> None:
    """Put model, optimiser and random generators back as they were; ``read_facts`` has the rest.

    Everything is compared with what the model and the optimiser need before anything is changed.

    Raises
    ------
    CheckpointError
        If the file is damaged, or of another model.
    """
    path = Path(folder) / FILE
    try:
        with open_tensors(path) as file:
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}
            sealed = (file.metadata() or {}).get("sha256")
        if sealed is not None and sealed != _digest(tensors):
            raise ValueError("its checksum differs")
        weights, own = _below("model.", tensors), tensors.get(f"random.{group.rank}")
        _check_model(path, weights, model)
        _check_generator("data", tensors["data"], data.get_state().numel())
        if own is not None:
            _check_generator("random", own, torch.get_rng_state().numel())
        states = _optimizer_states(_below("optimizer.", tensors), optimizer)
    except (KeyError, ValueError) as error:
        raise _not_whole(path, error) from error
    model.load_state_dict(weights)
    optimizer.load_state_dict({"state": states, "param_groups": optimizer.state_dict()["param_groups"]})
    data.set_state(tensors["data"])
    if own is not None:
        size = torch.get_rng_state().numel()
        torch.set_rng_state(own[:size])
        if own.numel() > size and (device := next(model.parameters()).device).type == "cuda":
            torch.cuda.set_rng_state(own[size:], device)


def _not_whole(path: Path, error: Exception) -> CheckpointError:
    return CheckpointError(f"{path}: not a whole checkpoint of a training run ({shorten(str(error))})")


def _check_facts(facts: object) -> None:
    if not isinstance(facts, dict):
        raise TypeError(f"expected an object, got {type(facts).__name__}")
    if missing := {"step", "task", "config", "scaler", "history"} - set(facts):
        raise ValueError(f"{', '.join(sorted(missing))} missing")
    step = whole_number("step", facts["step"], 1)
    for name in ("config", "scaler", "history"):
        if not isinstance(facts[name], dict):
            raise TypeError(f"{name} should be an object, got {type(facts[name]).__name__}")
    history = facts["history"]
    for name in ("loss", "learning_rate", "grad_norm"):
        values = history.get(name)
        if not isinstance(values, list) or len(values) != step or not all(map(is_number, values)):
            raise ValueError(f"the history's {name} should be a number for each of {step} steps")
    marks = history.get("evaluations")
    if not isinstance(marks, list) or not all(isinstance(m, dict) and is_number(m.get("step")) for m in marks):
        raise ValueError("the history's evaluations should each have a step")
    if not (is_number(history.get("tokens")) and is_number(history.get("seconds"))):
        raise ValueError("the history's tokens and seconds should be numbers")


def _check_model(path: Path, weights: dict[str, Tensor], model: nn.Module) -> None:
    expected = model.state_dict()
    for name in sorted(expected.keys() | weights.keys()):
        right, found = expected.get(name), weights.get(name)
        if right is None or found is None or right.shape != found.shape or right.dtype != found.dtype:
            what = [None if x is None else f"{x.dtype} of {tuple(x.shape)}" for x in (right, found)]
            raise CheckpointError(
                f"{path}: holds another model than the one to be trained "
                f"({shorten(name)}: expected {what[0]}, got {what[1]})"
            )
        _check_finite(path, name, found)


def _check_finite(path: Path, name: str, tensor: Tensor) -> None:
    if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
        raise CheckpointError(f"{path}: {name} holds numbers that are nan or infinite; start in another folder")


def _check_generator(name: str, state: Tensor, least: int) -> None:
    if state.dtype != torch.uint8 or state.ndim != 1 or state.numel() < least:
        raise ValueError(f"{name} is no state of a random generator")


def _optimizer_states(tensors: dict[str, Tensor], optimizer: torch.optim.Optimizer) -> dict[int, dict[str, Tensor]]:
    """The averages by the number of their parameter, each compared with the parameter's shape."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    states: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        number, _, key = name.partition(".")
        states.setdefault(int(number), {})[key] = tensor
    if set(states) != set(range(len(parameters))):
        raise ValueError(f"the optimiser has {len(parameters)} parameters, the file averages for {len(states)}")
    for i, parameter in enumerate(parameters):
        for key, shape in (("exp_avg", parameter.shape), ("exp_avg_sq", parameter.shape), ("step", ())):
            found = states[i].get(key)
            if found is None or found.shape != torch.Size(shape) or not found.is_floating_point():
                raise ValueError(f"optimizer.{i}.{key} should hold {tuple(shape)} floating-point numbers")
            if not bool(torch.isfinite(found).all()):
                raise ValueError(f"optimizer.{i}.{key} holds numbers that are nan or infinite")
    return states


def _digest(tensors: dict[str, Tensor]) -> str:
    """SHA-256 over names and numbers, in the order of the names."""
    total = hashlib.sha256()
    for name in sorted(tensors):
        total.update(name.encode("utf-8"))
        total.update(tensors[name].flatten().view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


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
