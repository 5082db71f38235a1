"""Training on 32 examples: memorised, or the rule learned? The effect of weight decay and dropout.

A small GPT-2 learns to write eight letters backwards (``tasks.reverse``) from the same 32 sequences only. It
is evaluated on sequences that it never saw; a case counts if all eight letters are right. Three ways: nothing
against memorising, a weight decay of 1 (ten times that of GPT-2's usual recipes), dropout of 0.2. Each
way at five learning rates and with five seeds, so that none looks good or bad by its rate alone: the best
rate of each way has a lower and a higher one beside it that do worse, or as well.

``python -m gpt2lab.studies.memorising`` repeats everything (three minutes on one CPU core).
"""

from __future__ import annotations

import time
from functools import cache
from typing import NamedTuple

import torch
from tqdm.auto import tqdm

from gpt2lab.config import GPT2Config
from gpt2lab.model import GPT2
from gpt2lab.studies.stored import FOLDER, Made, load_table, made_by, save_table
from gpt2lab.tasks.base import scored_loss
from gpt2lab.tasks.reverse import Reverse
from gpt2lab.training.optimizer import make_optimizer

SEEDS, EXAMPLES, STEPS, BATCH, CASES = 5, 32, 400, 32, 256
RATES = (0.001, 0.003, 0.01, 0.02, 0.03)
TABLE = "memorising.json"


class Way(NamedTuple):
    """What is done against memorising."""

    dropout: float  # of the model
    weight_decay: float  # of the optimiser


WAYS = {"nothing": Way(0.0, 0.0), "weight decay 1": Way(0.0, 1.0), "dropout 0.2": Way(0.2, 0.0)}


class Result(NamedTuple):
    """After training. Losses in nats per letter, in evaluation mode."""

    seen: float  # loss on the 32 sequences
    new: float  # loss on held-out ones
    right: float  # share of held-out cases with all letters right


class MemorisingTable(Made):
    """The stored measurement, and how it was made."""

    seeds: int
    results: dict[str, dict[str, list[list[float]]]]  # way -> learning rate -> (seeds, 3): the fields of ``Result``


def trained(way: Way, rate: float, seed: int, steps: int = STEPS) -> Result:
    """Train one model on its 32 sequences and evaluate it; a constant learning rate, no clipping."""
    task, draw = Reverse(), torch.Generator().manual_seed(seed)
    sizes = {"vocab_size": task.encoding.n_vocab, "context_length": task.length}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = GPT2(GPT2Config.tiny(**sizes, n_layers=2, n_heads=4, d_model=32, dropout=way.dropout)).train()
        inputs, targets = task.batch(EXAMPLES, draw)
        optimizer = make_optimizer(model, rate, way.weight_decay)
        for _ in range(steps):
            some = torch.randint(EXAMPLES, (BATCH,), generator=draw)
            optimizer.zero_grad()
            scored_loss(model(inputs[some]), targets[some]).backward()
            optimizer.step()
    with torch.no_grad():
        seen = scored_loss(model.eval()(inputs), targets).item()
    new = task.evaluate(model, CASES)
    return Result(round(seen, 4), round(new["loss"], 4), round(new["accuracy"], 4))


@cache
def memorising_table() -> MemorisingTable:
    """The stored measurement."""
    return load_table(FOLDER / TABLE)


def at_best_rate(way: str) -> tuple[float, list[Result]]:
    """The learning rate with the lowest mean loss on new sequences, and the results of its seeds."""
    by_rate = {
        float(rate): [Result(*result) for result in results]
        for rate, results in memorising_table()["results"][way].items()
    }
    best = min(by_rate, key=lambda rate: sum(result.new for result in by_rate[rate]))
    return best, by_rate[best]


def main() -> None:
    """Train and evaluate everything, and write the table."""
    begin = time.monotonic()
    results: dict[str, dict[str, list[list[float]]]] = {}
    with tqdm(total=len(WAYS) * len(RATES) * SEEDS, desc="memorising study") as bar:
        for name, way in WAYS.items():
            results[name] = {str(rate): [] for rate in RATES}
            for rate in RATES:
                for seed in range(SEEDS):
                    results[name][str(rate)].append(list(trained(way, rate, seed)))
                    bar.update()
    table: MemorisingTable = {"seeds": SEEDS, "results": results, **made_by("memorising", begin)}
    save_table(FOLDER / TABLE, table)


if __name__ == "__main__":
    main()
