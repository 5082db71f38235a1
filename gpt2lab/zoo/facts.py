"""What a finished training says about itself: entries of the provenance."""

from __future__ import annotations

from dataclasses import asdict

from gpt2lab.family.architectures import Model
from gpt2lab.tasks.base import Task
from gpt2lab.training import History
from gpt2lab.training.config import TrainConfig
from gpt2lab.training.device import resolve_device
from gpt2lab.zoo.provenance import surroundings

POINTS = 200  # of the loss curve that is kept


def trained_facts(model: Model, task: Task, config: TrainConfig, history: History) -> dict[str, object]:
    """The provenance entries about a finished training."""
    return {
        "config": asdict(model.config), "training": changed_settings(config), "seed": config.seed,
        "steps": history.steps, "tokens": history.tokens, "parameters": model.n_parameters(),
        **surroundings(resolve_device(config.device)), "seconds": round(history.seconds, 3),
        "curve": thin_curve(history),
    }  # fmt: skip


def changed_settings(config: TrainConfig) -> dict[str, object]:
    """The settings that differ from the defaults, without those that only concern the machine."""
    standard, machine = asdict(TrainConfig()), {"folder", "resume", "progress", "device", "seed"}
    return {k: v for k, v in asdict(config).items() if k not in machine and v != standard[k]}


def thin_curve(history: History) -> dict[str, object]:
    """At most ``POINTS`` means of neighbouring steps, and the evaluations, rounded."""
    width = -(-history.steps // POINTS)
    pieces = [history.loss[i : i + width] for i in range(0, history.steps, width)]
    return {
        "step": [min(i * width + width, history.steps) for i in range(len(pieces))],
        "loss": [round(sum(piece) / len(piece), 4) for piece in pieces],
        "evaluations": [{k: round(v, 4) for k, v in e.items()} for e in history.evaluations],
    }
