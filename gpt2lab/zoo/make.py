"""Make a toy model: `gpt2lab train TASK`."""

from __future__ import annotations

import argparse
import os
import shlex
from pathlib import Path
from typing import TypedDict, cast

from gpt2lab.family.architectures import Model
from gpt2lab.tasks import TASKS, Task, get_task
from gpt2lab.training import train
from gpt2lab.training.checkpoint import FILE
from gpt2lab.training.config import TrainSettings
from gpt2lab.zoo import load_toy, save_toy
from gpt2lab.zoo.facts import trained_facts
from gpt2lab.zoo.recipes import PRESETS, get_preset
from gpt2lab.zoo.text_command import text_command, training_options


class Evaluation(TypedDict):
    """The arguments of ``Task.evaluate`` by which a model of the zoo is judged."""

    n: int
    seed: int
    split: str


EVALUATION: Evaluation = {"n": 1024, "seed": 2024, "split": "held_out"}
LONG_EVALUATION: Evaluation = {**EVALUATION, "n": 200}  # for tasks with a hundred answers per sequence


def toy_name(task: str, preset: str) -> str:
    """The name in the zoo: ``reference``, ``induction-one-layer``."""
    return task if preset == "default" else f"{task}-{preset}"


def make_toy(
    task_name: str,
    preset_name: str = "default",
    *,
    folder: Path,
    seed: int = 0,
    command: str = "",
    changes: TrainSettings | None = None,
) -> dict[str, object]:
    """Train one recipe and write the model with its provenance.

    Parameters
    ----------
    folder : Path
        Gets a folder of the model's name, with checkpoints while it trains.
    changes : dict, optional
        Settings of ``TrainConfig`` that replace the recipe's.

    Returns
    -------
    dict
        The provenance.
    """
    task, preset = get_task(task_name), get_preset(task_name, preset_name)
    target = Path(folder) / toy_name(task_name, preset_name)
    model = preset.model(task, seed)
    settings: TrainSettings = {**(changes or TrainSettings()), "seed": seed, "folder": target}
    config = preset.train_config(**settings)
    history = train(model, task, config)
    first = int(os.environ.get("RANK", "0")) == 0  # under torchrun one process writes
    model.cpu()
    facts: dict[str, object] = {
        "name": target.name, "task": task_name, "preset": preset_name, "variant": preset.variant,
        **trained_facts(model, task, config, history), **evaluated_facts(model, task),
        "command": command or f"gpt2lab train {task_name} --preset {preset_name} --seed {seed}",
    }  # fmt: skip
    if first:
        save_toy(target, model, facts)
        (target / FILE).unlink(missing_ok=True)  # three times as large as the model, and no longer needed
    return facts


def evaluated_facts(model: Model, task: Task) -> dict[str, object]:
    """The provenance entries about the final evaluation, of a model on the CPU.

    A model without a causal mask can read the answers in its input, so it is evaluated by generation as
    well, and that is the number that counts.
    """
    evaluation = EVALUATION if task.length < 100 else LONG_EVALUATION
    scores, metric = task.evaluate(model, **evaluation), task.metric
    if task.in_order and not model.causal:
        generated = task.evaluate_generated(model, evaluation["n"], evaluation["seed"])
        scores |= {f"generated_{key}": value for key, value in generated.items()}
        metric = f"generated_{metric}"
    scores = {key: round(value, 6) for key, value in scores.items()}
    return {"metric": metric, "value": scores[metric], "scores": scores, "evaluation": evaluation}


def train_command(arguments: list[str]) -> int:
    """`gpt2lab train reference --device cpu`, `gpt2lab train --text FILE`"""
    if any(argument.split("=")[0] == "--text" for argument in arguments):
        return text_command(arguments)
    known = "; ".join(f"{task}: {', '.join(presets)}" for task, presets in PRESETS.items())
    parser = argparse.ArgumentParser(
        "gpt2lab train",
        description="Train a toy model and write it with its provenance. With --text FILE instead of a task: a model "
        "that continues your own text; gpt2lab train --text FILE --help says more.",
        epilog=f"Presets: {known}",
    )
    parser.add_argument("task", metavar="TASK", help=", ".join(TASKS))
    parser.add_argument("--preset", default=None, help="the recipe (default: the task's first)")
    training_options(parser)
    options = vars(parser.parse_args(arguments))
    task, preset, seed, out, quiet = (options.pop(key) for key in ("task", "preset", "seed", "out", "quiet"))
    get_task(task)  # an unknown task is refused before its presets are looked up
    preset = preset or next(iter(PRESETS[task]))
    changes: TrainSettings = {"progress": not quiet}
    changes |= cast(TrainSettings, {key: value for key, value in options.items() if value is not None})
    command = shlex.join(["gpt2lab", "train", *(a for a in arguments if a not in ("--quiet", "--resume"))])
    facts = make_toy(task, preset, folder=out, seed=seed, command=command, changes=changes)
    if int(os.environ.get("RANK", "0")) > 0:
        return 0
    target = out / toy_name(task, preset)
    toy = load_toy(target)
    print(f"{toy.name}: {facts['metric']} {facts['value']:.4g} on held-out cases, {facts['parameters']:,} parameters")
    print(f"{facts['steps']:,} steps, {facts['tokens']:,} tokens in {facts['seconds']:.0f} s on {facts['device']}")
    print(f"written to {target}")
    return 0
