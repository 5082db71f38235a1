"""Toy models that were really trained, each with a paper of origin.

    toy = load_toy("reference")
    toy.model, toy.task, toy.encoding          # a GPT2 (or variant), its task, its tokens
    toy.provenance["value"]                    # what it reaches on held-out cases

A folder per model: ``model.safetensors`` and ``provenance.json``. ``gpt2lab train`` makes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tiktoken
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from gpt2lab.ablations import build
from gpt2lab.config import GPT2Config
from gpt2lab.errors import CheckpointError, InputError
from gpt2lab.files import atomic_write
from gpt2lab.model import GPT2
from gpt2lab.tasks import Task, get_task
from gpt2lab.zoo.provenance import read_provenance, write_provenance

ZOO = Path(__file__).parent
WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class ToyModel:
    """A trained model and what it was trained for."""

    name: str
    model: GPT2  # in evaluation mode, on the CPU
    task: Task
    provenance: dict[str, Any]  # see gpt2lab.zoo.provenance

    @property
    def encoding(self) -> tiktoken.Encoding:
        """The tokens of its task."""
        return self.task.encoding


def toy_names() -> list[str]:
    """The models that come with the course, in alphabetical order."""
    return sorted(path.parent.name for path in ZOO.glob("*/provenance.json"))


def load_toy(name: Any) -> ToyModel:
    """Load a toy model.

    Parameters
    ----------
    name : str or Path
        One of ``toy_names()``, or a folder that ``gpt2lab train`` wrote.

    Raises
    ------
    ValueError
        For an unknown name, listing the known ones.
    CheckpointError
        If the files are damaged or do not belong together.
    """
    folder = ZOO / name if name in toy_names() else Path(name)
    if not folder.is_dir():
        raise InputError(f"unknown toy model {str(name)!r}; known models: {', '.join(toy_names()) or 'none yet'}")
    facts = read_provenance(folder / "provenance.json")
    model = build(facts["variant"], GPT2Config(**facts["config"]))
    try:
        model.load_state_dict(load_file(folder / WEIGHTS))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise CheckpointError(
            f"{folder / WEIGHTS}: not the weights that provenance.json describes ({error})"
        ) from error
    return ToyModel(facts["name"], model.eval(), get_task(facts["task"]), facts)


def save_toy(folder: Path, model: GPT2, facts: dict[str, Any]) -> Path:
    """Write weights and provenance; returns the folder."""
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    with atomic_write(Path(folder) / WEIGHTS) as part:
        save_file(weights, part)
    write_provenance(Path(folder) / "provenance.json", facts)
    return Path(folder)
