"""Toy models that were really trained, each with its provenance.

    toy = load_toy("reference")
    toy.model, toy.task, toy.encoding          # a GPT2 (or variant), its task, its tokens
    toy.provenance["value"]                    # what it reaches on held-out cases

A folder per model: ``model.safetensors`` and ``provenance.json``; for a model that continues a text also
its tokenizer and a few earlier states of the weights. ``gpt2lab train`` makes them.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tiktoken
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from gpt2lab.ablations import build
from gpt2lab.config import GPT2Config
from gpt2lab.errors import CheckpointError, InputError, shorten, validates
from gpt2lab.family.architectures import ARCHITECTURES, Model, build_relative
from gpt2lab.family.encoder_decoder import EncoderDecoder
from gpt2lab.files import atomic_write, read_checked
from gpt2lab.model import GPT2
from gpt2lab.tasks import Task, TextTask, get_task
from gpt2lab.tokenizer.encodings import encoding_from, merged_tokens
from gpt2lab.zoo.provenance import digest, read_provenance, write_provenance
from gpt2lab.zoo.snapshots import halved, snapshot_file

ZOO = Path(__file__).parent
WEIGHTS = "model.safetensors"
TOKENIZER = "tokenizer.json"  # of a model that continues a text


@dataclass(frozen=True)
class ToyModel:
    """A trained model and what it was trained for."""

    name: str
    model: GPT2  # in evaluation mode, on the CPU
    task: Task
    provenance: dict[str, Any]  # Any: JSON, see gpt2lab.zoo.provenance

    @property
    def encoding(self) -> tiktoken.Encoding:
        """The tokens of its task."""
        return self.task.encoding


@dataclass(frozen=True)
class PairToy(ToyModel):
    """A toy that translates: its model takes a source and a target, so ``translate`` runs it, not ``generate``."""

    model: EncoderDecoder  # type: ignore[assignment]  # in the place of a GPT2


def toy_names() -> list[str]:
    """The models that come with the course, in alphabetical order."""
    return sorted(path.parent.name for path in ZOO.glob("*/provenance.json"))


@validates
def load_toy(name: str | os.PathLike[str], step: int | None = None) -> ToyModel:
    """Load a toy model.

    Parameters
    ----------
    name : str or Path
        One of ``toy_names()``, or a folder that ``gpt2lab train`` wrote.
    step : int, optional
        The model as it was after so many steps of training, where that was kept (the text models keep
        steps 0, 100 and 1,000); the finished one by default.

    Raises
    ------
    ValueError
        For an unknown name or a step that was not kept, listing the known ones.
    CheckpointError
        If the files are damaged or do not belong together.
    """
    if not isinstance(name, (str, os.PathLike)):
        raise InputError(f"load_toy needs a name or a folder, got {type(name).__name__} {shorten(repr(name))}")
    folder = ZOO / name if name in toy_names() else Path(name)
    if not folder.is_dir():
        raise InputError(f"unknown toy model {str(name)!r}; known models: {', '.join(toy_names()) or 'none yet'}")
    facts = read_provenance(folder / "provenance.json")
    try:
        data = (folder / WEIGHTS).read_bytes()
        weights = load(data)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{folder / WEIGHTS}: not a whole safetensors file ({shorten(str(error))})") from error
    if facts.get("sha256", sealed := digest(data, facts)) != sealed:
        raise CheckpointError(
            f"{folder}: {WEIGHTS} is not the file that provenance.json describes (its checksum differs); "
            "fetch both again, or train the model again"
        )
    if step is not None:
        weights = _earlier_weights(folder, facts, step)
    # Half precision is for the file alone; "text" models are stored in it.
    weights = {name: x.float() if x.dtype == torch.float16 else x for name, x in weights.items()}
    try:
        relative = ARCHITECTURES.get(facts["variant"])
        task, config = _task(folder, facts), (relative.config if relative else GPT2Config)(**facts["config"])
        _check_layers(config, weights)
        model = build_relative(facts["variant"], config) if relative else build(facts["variant"], config)
        _check_weights(model, weights)
        _check_task(config, task)
    except (ValueError, TypeError) as error:
        raise CheckpointError(
            f"{folder / WEIGHTS}: not the weights that provenance.json describes ({shorten(str(error))})"
        ) from error
    model.load_state_dict(weights)
    if isinstance(model, GPT2):
        return ToyModel(facts["name"], model.eval(), task, facts)
    return PairToy(facts["name"], model.eval(), task, facts)


def _task(folder: Path, facts: Mapping[str, Any]) -> Task:  # Any: JSON, checked
    if "text" not in facts:
        return get_task(facts["task"])
    return TextTask.without_text(read_tokenizer(folder, facts["text"]["tokenizer"]), facts["text"]["length"])


def write_tokenizer(folder: Path, encoding: tiktoken.Encoding) -> str:
    """Write a byte-level BPE beside the model; returns the file's SHA-256."""
    data = json.dumps({"merged_tokens": merged_tokens(encoding)}, indent=0) + "\n"
    with atomic_write(Path(folder) / TOKENIZER) as part:
        part.write_text(data, encoding="utf-8", newline="\n")
    return hashlib.sha256(data.encode("utf-8")).hexdigest()


def read_tokenizer(folder: Path, sha256: str) -> tiktoken.Encoding:
    """The tokenizer that ``write_tokenizer`` wrote.

    Raises
    ------
    CheckpointError
        If it is missing, or is not the one with that checksum.
    """
    data = read_checked(Path(folder) / TOKENIZER, sha256, "provenance.json")
    return encoding_from(json.loads(data)["merged_tokens"], "text")


def _earlier_weights(folder: Path, facts: Mapping[str, Any], step: int) -> dict[str, Tensor]:  # Any: JSON, checked
    kept: dict[str, str] = facts["text"]["snapshots"] if "text" in facts else {}
    if str(step) not in kept:
        known = ", ".join(kept) or "none"
        raise InputError(f"{facts['name']} was not kept after {shorten(repr(step))} steps; steps that were: {known}")
    path = folder / snapshot_file(step)
    try:
        return load(read_checked(path, kept[str(step)], "provenance.json"))
    except SafetensorError as error:
        raise CheckpointError(f"{path}: not a whole safetensors file ({shorten(str(error))})") from error


def _check_layers(config: GPT2Config, weights: Mapping[str, Tensor]) -> None:
    """Before a model of a billion layers is built: does the file hold that many?"""
    stacks: dict[str, set[str]] = {}  # GPT-2 has one; an encoder–decoder has two of the same height
    for name in weights:
        stack, inside, rest = name.rpartition("blocks.")
        if inside:
            stacks.setdefault(stack, set()).add(rest.split(".")[0])
    layers = next((len(numbers) for numbers in stacks.values() if len(numbers) != config.n_layers), 0)
    if layers or not stacks:
        raise ValueError(f"n_layers is {config.n_layers}, the weights are of {layers} layers")
    shape = (config.vocab_size, config.d_model)
    if (found := weights.get("token_embedding.weight")) is None or tuple(found.shape) != shape:
        raise ValueError(f"token_embedding.weight should have shape {shape}")


def _check_weights(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    expected = model.state_dict()
    for name in sorted(expected.keys() | weights.keys()):
        if name not in weights:
            raise ValueError(f"{name} is missing")
        if name not in expected:
            raise ValueError(f"{name} has no place in it")
        right, found = expected[name], weights[name]
        if (right.dtype, right.shape) != (found.dtype, found.shape):
            raise ValueError(
                f"{name} should be {right.dtype} of shape {tuple(right.shape)}, "
                f"got {found.dtype} of {tuple(found.shape)}"
            )
        if found.is_floating_point() and not bool(found.isfinite().all()):
            raise ValueError(f"{name} holds numbers that are nan or infinite")


def _check_task(config: GPT2Config, task: Task) -> None:
    if config.vocab_size != task.encoding.n_vocab or config.context_length < task.length:
        raise ValueError(
            f"task {task.name!r} has {task.encoding.n_vocab} tokens in sequences of {task.length}, "
            f"the model {config.vocab_size} and {config.context_length}"
        )


def save_toy(folder: Path, model: Model, facts: dict[str, Any], half: bool = False) -> Path:  # Any: JSON
    """Write weights, in half precision if asked to, and provenance; returns the folder."""
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    data = save(halved(model) if half else weights)
    with atomic_write(Path(folder) / WEIGHTS) as part:
        part.write_bytes(data)
    write_provenance(Path(folder) / "provenance.json", {**facts, "sha256": digest(data, facts)})
    return Path(folder)
