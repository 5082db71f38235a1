"""Train rows of the lab.

On a GPU the seeds of a row are trained stacked; on a CPU, where starting an operation costs little,
one after the other.
"""

from __future__ import annotations

import math
import time
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

import torch

from gpt2lab.ablations import build, scale_init
from gpt2lab.config import GPT2Config
from gpt2lab.errors import DivergenceError, InputError
from gpt2lab.model import GPT2
from gpt2lab.studies.lab.curves import Numbers, Row, StoredRow, load_lab
from gpt2lab.studies.lab.rows import SEEDS
from gpt2lab.studies.lab.trained import median_seed
from gpt2lab.tasks import Task, get_task
from gpt2lab.training import History, TrainConfig, train
from gpt2lab.training.config import TrainSettings
from gpt2lab.training.device import resolve_device
from gpt2lab.training.stacked import StackedHistory, train_stacked
from gpt2lab.zoo import save_toy
from gpt2lab.zoo.make import evaluated_facts, trained_facts
from gpt2lab.zoo.provenance import surroundings

SCORES = ("loss", "token_accuracy", "accuracy")  # of Task.evaluate, kept in the table
POINT = 10  # steps whose mean loss makes one point of a curve


def run_row(row: Row, device: str = "cpu", seeds: int = SEEDS, stacked: bool | None = None) -> StoredRow:
    """Train one row with seeds 0 … seeds - 1.

    Parameters
    ----------
    stacked : bool, optional
        Train the seeds at once; by default on anything but a CPU.

    Returns
    -------
    StoredRow
        As stored in ``curves.json``; ``gpt2lab.studies.lab.load_lab`` gives it back as ``Curves``.
    """
    task = get_task(row.task)
    models = [fresh_model(row, seed) for seed in range(seeds)]
    config = _config(row, device)
    where = resolve_device(device)
    start = time.perf_counter()
    if stacked if stacked is not None else where.type != "cpu":
        history = train_stacked(models, task, config, range(seeds))
    else:
        history = _one_by_one(models, task, config)
    seconds = time.perf_counter() - start
    loss = torch.tensor(history.loss)  # (steps, seeds)
    points = [chunk.mean(dim=0).tolist() for chunk in loss.split(POINT)]
    scores = {key: history.scores[key] for key in SCORES}
    if not models[0].causal:  # its input contains the answers; only generation is a fair evaluation
        generated = [task.evaluate_generated(model.cpu(), config.eval_sequences) for model in models]
        scores["generated_accuracy"] = [[g["accuracy"] for g in generated]]
        scores["generated_token_accuracy"] = [[g["token_accuracy"] for g in generated]]
    made = surroundings(where)
    return {
        "facts": {
            "seeds": seeds, "parameters": models[0].n_parameters(), "seconds": round(seconds, 1),
            "device": made["device"], "torch": made["torch"], "python": made["python"], "made": made["made"],
            "shape": asdict(models[0].config), "training": row.training,
            "command": f"gpt2lab train-lab {row.name} --device {where.type}",
        },
        "steps": [min(i + POINT, config.steps) for i in range(0, config.steps, POINT)],
        "loss": _rounded(points),
        "eval_steps": history.eval_steps,
        "scores": {key: _rounded(rows) for key, rows in scores.items()},
    }  # fmt: skip


def fresh_model(row: Row, seed: int) -> GPT2:
    """The model of a row before its first step."""
    task = get_task(row.task)
    shape = GPT2Config.tiny(vocab_size=task.encoding.n_vocab, context_length=task.length, **row.shape)
    return scale_init(build(row.variant, shape, seed))


def _config(row: Row, device: str, seed: int = 0) -> TrainConfig:
    settings: TrainSettings = {**row.training, "device": device, "seed": seed, "progress": False}
    return TrainConfig(**settings)


def make_trained(row: Row, folder: Path, device: str = "cpu") -> dict[str, object]:
    """Train the median seed of a row as ``run_row`` does, and write the model with its provenance.

    Parameters
    ----------
    folder : Path
        Gets the row's name as folders: ``parts/no-residual``.

    Returns
    -------
    dict
        The provenance.

    Raises
    ------
    ValueError
        If the shipped table has no curves of the row, which say which seed is the median.
    """
    lab = load_lab()
    if row.name not in lab:
        raise InputError(f"row {row.name!r} has no curves yet, so no median seed; first: gpt2lab train-lab {row.name}")
    seed = median_seed(lab[row.name])
    task, model = get_task(row.task), fresh_model(row, seed)
    config = _config(row, device, seed)
    history = train(model, task, config)
    facts: dict[str, object] = {
        "name": row.name, "task": row.task, "preset": row.name, "variant": row.variant,
        **trained_facts(model, task, config, history), **evaluated_facts(model.cpu(), task),
        "command": f"gpt2lab train-lab {row.name} --checkpoint --device {resolve_device(device).type}",
    }  # fmt: skip
    save_toy(Path(folder) / row.name, model, facts)
    return facts


def _one_by_one(models: list[GPT2], task: Task, config: TrainConfig) -> StackedHistory:
    """The same as ``train_stacked``, seed by seed."""
    histories = [_alone(model, task, replace(config, seed=seed)) for seed, model in enumerate(models)]
    out = StackedHistory()
    for step in range(config.steps):
        out.loss.append([h.loss[step] if step < len(h.loss) else math.nan for h in histories])
    out.eval_steps = [step for step in range(1, config.steps + 1) if config.evaluates_after(step)]
    for key in SCORES:
        missing = math.nan if key == "loss" else 0.0  # a diverged seed scores 0
        of_seeds = [{e["step"]: e[key] for e in h.evaluations} for h in histories]
        out.scores[key] = [[scores.get(step, missing) for scores in of_seeds] for step in out.eval_steps]
    return out


def _alone(model: GPT2, task: Task, config: TrainConfig) -> History:
    """What ``train`` returns; if the model diverges, its history until then."""
    history = History()

    def keep(step: int, now: History) -> None:
        nonlocal history
        history = now

    with suppress(DivergenceError):
        train(model, task, config, on_step=keep)
    return history


def _rounded(rows: list[list[float]]) -> Numbers:
    """Four digits after the point; None for nan and infinity, which JSON lacks."""
    return [[round(v, 4) if math.isfinite(v) else None for v in row] for row in rows]
