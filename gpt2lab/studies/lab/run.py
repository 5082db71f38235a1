"""Train rows of the lab.

A row's learning rate is found first: every rate of ``RATES`` is tried with the seeds that are only for
that, and the one with most letters right on the way counts. Then other seeds are trained with it, and
those are reported. On a GPU all of them are trained stacked; on a CPU, where starting an operation costs
little, one after the other.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from gpt2lab.ablations import build, scale_init
from gpt2lab.config import GPT2Config
from gpt2lab.errors import DivergenceError
from gpt2lab.model import GPT2
from gpt2lab.studies.lab.curves import Numbers, Row, StoredRow, Tuning, curves_of
from gpt2lab.studies.lab.rows import RATES, SEEDS, TUNING_SEEDS
from gpt2lab.studies.lab.trained import median_seed
from gpt2lab.tasks import Task, get_task
from gpt2lab.training import History, TrainConfig, train
from gpt2lab.training.config import TrainSettings
from gpt2lab.training.device import resolve_device
from gpt2lab.training.stacked import train_stacked
from gpt2lab.zoo import save_toy
from gpt2lab.zoo.facts import trained_facts
from gpt2lab.zoo.make import evaluated_facts
from gpt2lab.zoo.provenance import surroundings

SCORES = ("loss", "token_accuracy", "accuracy")  # of Task.evaluate, kept in the table
TUNED_BY = "token_accuracy"  # mean over the evaluations on the way, so that learning sooner counts
POINT = 10  # steps whose mean loss makes one point of a curve

Run = tuple[float, int]  # learning rate and seed of one training


@dataclass(frozen=True)
class Trained:
    """One training that has ended."""

    model: GPT2
    history: History


@dataclass(frozen=True)
class Outcome:
    """A row that was run."""

    row: Row
    stored: StoredRow
    trained: tuple[Trained, ...]  # by seed


def run_row(row: Row, device: str = "cpu", seeds: int = SEEDS, stacked: bool | None = None) -> Outcome:
    """Train one row; see ``run_rows``."""
    return run_rows([row], device, seeds, stacked)[0]


def run_rows(
    rows: Sequence[Row], device: str = "cpu", seeds: int = SEEDS, stacked: bool | None = None
) -> list[Outcome]:
    """Train rows of one setting, each with seeds 0 … seeds - 1.

    Parameters
    ----------
    rows : sequence of Row
        They differ in name and rate only, so a training serves all that need it.
    stacked : bool, optional
        Train the seeds, and all rates, at once; by default on anything but a CPU.

    Returns
    -------
    list of Outcome
        ``stored`` is what ``curves.json`` holds; ``gpt2lab.studies.lab.load_lab`` gives it back as ``Curves``.
    """
    where = resolve_device(device)
    at_once = where.type != "cpu" if stacked is None else stacked
    start = time.perf_counter()
    tuned = any(row.rate is None for row in rows)
    reported = list(range(seeds))
    first = [(rate, seed) for rate in RATES for seed in TUNING_SEEDS] if tuned else []
    done: dict[Run, Trained] = {}
    if at_once and tuned:
        done = _run(rows[0], [*first, *((rate, seed) for rate in RATES for seed in reported)], device, True)
    elif tuned:
        done = _run(rows[0], first, device, False)
    tuning = _tuning(done) if tuned else None
    rates = {row.name: row.rate if row.rate is not None else best_rate(tuning) for row in rows}
    missing = [run for rate in dict.fromkeys(rates.values()) for seed in reported if (run := (rate, seed)) not in done]
    done |= _run(rows[0], missing, device, at_once)
    seconds = time.perf_counter() - start
    return [
        _outcome(row, rates[row.name], [done[rates[row.name], seed] for seed in reported], tuning, seconds, device)
        for row in rows
    ]


def best_rate(tuning: Tuning | None) -> float:
    """The rate with the highest mean score over the tuning seeds; the lowest one if several have it."""
    if tuning is None:
        raise ValueError("a row without a rate needs its tuning")
    means = [sum(scores) / len(scores) for scores in tuning["scores"]]
    return tuning["rates"][means.index(max(means))]


def fresh_model(row: Row, seed: int) -> GPT2:
    """The model of a row before its first step."""
    task = get_task(row.task)
    shape = GPT2Config.tiny(vocab_size=task.encoding.n_vocab, context_length=task.length, **row.shape)
    return scale_init(build(row.variant, shape, seed))


def save_median(outcome: Outcome, folder: Path) -> dict[str, object]:
    """Write the model of the row's median seed with its provenance.

    Parameters
    ----------
    folder : Path
        Gets the row's name as folders: ``parts/no-residual``.

    Returns
    -------
    dict
        The provenance.
    """
    row, curves = outcome.row, curves_of(outcome.row, outcome.stored)
    seed = median_seed(curves)
    task, one = get_task(row.task), outcome.trained[seed]
    made = outcome.stored["facts"]
    config = config_of(row, curves.rate, seed)
    facts: dict[str, object] = {
        "name": row.name, "task": row.task, "preset": row.name, "variant": row.variant,
        **trained_facts(one.model, task, config, one.history), **evaluated_facts(one.model.cpu(), task),
        **{key: made[key] for key in ("device", "torch", "python", "made")},
        "command": f"{made['command']} --checkpoint",
    }  # fmt: skip
    save_toy(Path(folder) / row.name, one.model, facts)
    return facts


def config_of(row: Row, rate: float, seed: int, device: str = "cpu") -> TrainConfig:
    """The settings of one training of a row."""
    settings: TrainSettings = {
        **row.training, "learning_rate": rate, "device": device, "seed": seed, "progress": False,
    }  # fmt: skip
    return TrainConfig(**settings)


def _tuning(done: dict[Run, Trained]) -> Tuning:
    """What each rate reached with the seeds for tuning."""
    scores = []
    for rate in RATES:
        of_rate = [[e[TUNED_BY] for e in done[rate, seed].history.evaluations] for seed in TUNING_SEEDS]
        scores.append([round(sum(values) / len(values), 4) if values else 0.0 for values in of_rate])
    return {"rates": list(RATES), "seeds": list(TUNING_SEEDS), "scores": scores}


def _outcome(
    row: Row, rate: float, trained: Sequence[Trained], tuning: Tuning | None, seconds: float, device: str
) -> Outcome:
    config, model = config_of(row, rate, 0, device), trained[0].model
    histories = [one.history for one in trained]
    loss = [[_at(h.loss, step) for h in histories] for step in range(config.steps)]
    points = [_means(loss[i : i + POINT]) for i in range(0, config.steps, POINT)]
    eval_steps = [step for step in range(1, config.steps + 1) if config.evaluates_after(step)]
    found = [{int(e["step"]): e for e in h.evaluations} for h in histories]
    scores: dict[str, Numbers] = {}
    for key in SCORES:
        missing = math.nan if key == "loss" else 0.0  # a diverged seed scores 0
        scores[key] = _rounded([[s[step][key] if step in s else missing for s in found] for step in eval_steps])
    if not model.causal:  # its input contains the answers; only generation is a fair evaluation
        task = get_task(row.task)
        generated = [task.evaluate_generated(one.model.cpu(), config.eval_sequences) for one in trained]
        scores["generated_accuracy"] = [[g["accuracy"] for g in generated]]
        scores["generated_token_accuracy"] = [[g["token_accuracy"] for g in generated]]
    where = resolve_device(device)
    made = surroundings(where)
    stored: StoredRow = {
        "facts": {
            "seeds": len(trained), "parameters": model.n_parameters(), "seconds": round(seconds, 1),
            "device": made["device"], "torch": made["torch"], "python": made["python"], "made": made["made"],
            "shape": asdict(model.config), "training": {**row.training, "learning_rate": rate},
            "command": f"gpt2lab train-lab {row.name} --device {where.type}",
        },
        "tuning": tuning if row.rate is None else None,
        "steps": [min(i + POINT, config.steps) for i in range(0, config.steps, POINT)],
        "loss": _rounded(points),
        "eval_steps": eval_steps,
        "scores": scores,
    }  # fmt: skip
    return Outcome(row, stored, tuple(trained))


def _run(row: Row, runs: Sequence[Run], device: str, stacked: bool) -> dict[Run, Trained]:
    """Train a row's model once for each rate and seed."""
    if not runs:
        return {}
    task = get_task(row.task)
    models = [fresh_model(row, seed) for _, seed in runs]
    if not stacked:
        return {
            run: Trained(model, _alone(model, task, config_of(row, *run, device)))
            for run, model in zip(runs, models, strict=True)
        }
    config = config_of(row, 1.0, 0, device)
    seen = train_stacked(models, task, config, [seed for _, seed in runs], rates=[rate for rate, _ in runs])
    out = {}
    for i, (run, model) in enumerate(zip(runs, models, strict=True)):
        evaluations = [
            {"step": step, **{key: values[at][i] for key, values in seen.scores.items()}}
            for at, step in enumerate(seen.eval_steps)
        ]
        loss = [values[i] for values in seen.loss]
        rates = [config.learning_rate_at(step) * run[0] for step in range(config.steps)]
        tokens = config.steps * config.batch_size * task.length
        out[run] = Trained(model, History(loss, rates, [], evaluations, tokens, seen.seconds / len(runs)))
    return out


def _alone(model: GPT2, task: Task, config: TrainConfig) -> History:
    """What ``train`` returns; if the model diverges, its history until then."""
    history = History()

    def keep(step: int, now: History) -> None:
        nonlocal history
        history = now

    with suppress(DivergenceError):
        train(model, task, config, on_step=keep)
    return replace(history)


def _at(values: Sequence[float], step: int) -> float:
    return values[step] if step < len(values) else math.nan


def _means(rows: Sequence[Iterable[float]]) -> list[float]:
    """Of each column."""
    return [sum(column) / len(column) for column in map(list, zip(*rows, strict=True))]


def _rounded(rows: list[list[float]]) -> Numbers:
    """Four digits after the point; None for nan and infinity, which JSON lacks."""
    return [[round(v, 4) if math.isfinite(v) else None for v in row] for row in rows]
