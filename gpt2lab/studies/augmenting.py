"""Training on 32 examples, and on more that are made from them. One way keeps the rule, one breaks it.

The set-up is that of ``memorising``: eight letters are written backwards, and one model knows 32 sequences.
Here every batch is changed before it is learned:

- *letters renamed*: each sequence gets another alphabet, drawn anew, in its question and in its answer;
- *two letters swapped*: two neighbours of the question change places, and the answer stays as it was.

The rates, the seeds, the 32 sequences of each seed, the first weights and the held-out cases are the same, so
the results stand beside those of ``memorising``, whose way "nothing" is the control.

``python -m gpt2lab.studies.augmenting`` repeats everything (two minutes on one CPU core).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor
from tqdm.auto import tqdm

from gpt2lab.config import GPT2Config
from gpt2lab.model import GPT2
from gpt2lab.studies.memorising import BATCH, CASES, EXAMPLES, RATES, SEEDS, STEPS, Result
from gpt2lab.studies.stored import FOLDER, Made, load_table, made_by, save_table
from gpt2lab.tasks.base import IGNORE, scored_loss
from gpt2lab.tasks.reverse import Reverse
from gpt2lab.training.optimizer import make_optimizer

TABLE = "augmenting.json"

Change = Callable[[Tensor, Tensor, torch.Generator], tuple[Tensor, Tensor]]


def rename(inputs: Tensor, targets: Tensor, draw: torch.Generator) -> tuple[Tensor, Tensor]:
    """Each sequence in an alphabet of its own, question and answer alike: (n, T) twice -> the same."""
    task = Reverse()
    n, letters, rest = len(inputs), task.alphabet, torch.arange(task.alphabet, task.encoding.n_vocab)
    drawn = torch.rand(n, letters, generator=draw).argsort(dim=1)
    names = torch.cat([drawn, rest.expand(n, -1)], dim=1)  # (n, vocab_size), the sign keeps its name
    renamed = names.gather(1, targets.clamp_min(0))
    return names.gather(1, inputs), renamed.masked_fill(targets == IGNORE, IGNORE)


def swap(inputs: Tensor, targets: Tensor, draw: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two neighbours of each question change places; the answer stays: (n, T) twice -> the same."""
    place = torch.randint(Reverse().n_letters - 1, (len(inputs), 1), generator=draw)
    pair = torch.cat([place, place + 1], dim=1)  # (n, 2)
    return inputs.scatter(1, pair, inputs.gather(1, pair.flip(1))), targets


WAYS: dict[str, Change] = {"letters renamed": rename, "two letters swapped": swap}


class AugmentingTable(Made):
    """The stored measurement, and how it was made."""

    seeds: int
    results: dict[str, dict[str, list[list[float]]]]  # way -> learning rate -> (seeds, 3): the fields of ``Result``


def trained(change: Change, rate: float, seed: int, steps: int = STEPS) -> Result:
    """Train one model on its 32 sequences, changed, and evaluate it; a constant learning rate, no clipping."""
    task, draw = Reverse(), torch.Generator().manual_seed(seed)
    sizes = {"vocab_size": task.encoding.n_vocab, "context_length": task.length}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = GPT2(GPT2Config.tiny(**sizes, n_layers=2, n_heads=4, d_model=32)).train()
        inputs, targets = task.batch(EXAMPLES, draw)
        optimizer = make_optimizer(model, rate, 0.0)
        for _ in range(steps):
            some = torch.randint(EXAMPLES, (BATCH,), generator=draw)
            asked, answer = change(inputs[some], targets[some], draw)
            optimizer.zero_grad()
            scored_loss(model(asked), answer).backward()
            optimizer.step()
    with torch.no_grad():
        seen = scored_loss(model.eval()(inputs), targets).item()
    new = task.evaluate(model, CASES)
    return Result(round(seen, 4), round(new["loss"], 4), round(new["accuracy"], 4))


@cache
def augmenting_table() -> AugmentingTable:
    """The stored measurement."""
    return load_table(FOLDER / TABLE)


def main() -> None:
    """Train and evaluate everything, and write the table."""
    begin = time.monotonic()
    results: dict[str, dict[str, list[list[float]]]] = {}
    with tqdm(total=len(WAYS) * len(RATES) * SEEDS, desc="augmenting study") as bar:
        for name, change in WAYS.items():
            results[name] = {str(rate): [] for rate in RATES}
            for rate in RATES:
                for seed in range(SEEDS):
                    results[name][str(rate)].append(list(trained(change, rate, seed)))
                    bar.update()
    table: AugmentingTable = {"seeds": SEEDS, "results": results, **made_by("augmenting", begin)}
    save_table(FOLDER / TABLE, table)


if __name__ == "__main__":
    main()
