"""How many steps do three architectures need until they translate number words? They all end near 100 %.

The toys ``words-to-digits`` (encoder–decoder), ``words-to-digits-gpt`` (a decoder alone) and
``words-to-digits-bert`` (an encoder alone, blanks in the place of the answer) with their own recipes: about the
same number of parameters, the same cases, at most 1,000 steps. Counted are the steps until 90 % of 512 numbers are
right from first digit to end, looked at every 20 steps.

The learning rate of each is the one that gets there first with a seed that is not reported, judged on training
cases; if it is the highest or lowest that was tried, a further one is tried. Then five other seeds are judged on
held-out cases.

``python -m gpt2lab.studies.race`` repeats everything (some twenty minutes on one CPU core).
"""

from __future__ import annotations

import time
from functools import cache
from typing import TypedDict

from tqdm.auto import tqdm

from gpt2lab.errors import DivergenceError
from gpt2lab.studies.stored import FOLDER, Made, load_table, made_by, save_table
from gpt2lab.tasks import get_task
from gpt2lab.tasks.base import EVALUATION_SEED
from gpt2lab.training import History, train
from gpt2lab.zoo.recipes import get_preset

TABLE = "race.json"
NAMES = {
    "words-to-digits": "encoder–decoder", "words-to-digits-gpt": "decoder alone",
    "words-to-digits-bert": "encoder alone",
}  # fmt: skip
RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)  # the search begins with the middle three
TUNING_SEED, SEEDS = 100, (0, 1, 2, 3, 4)
SOLVED, CASES, EVERY = 0.9, 512, 20  # share of the numbers; how many are looked at; steps between two looks
MOST = 1000  # steps


class Row(TypedDict):
    """One architecture."""

    parameters: int
    tried: dict[str, int]  # rate -> steps with TUNING_SEED; more than MOST: not within them, or diverged
    rate: float
    steps: list[int]  # of each seed; more than MOST: not within them


class RaceTable(Made):
    """The stored measurement, and how it was made."""

    rows: dict[str, Row]  # by the names of the architectures


def steps_to_solve(name: str, rate: float, seed: int, split: str, cases_seed: int) -> int:
    """Train until SOLVED of the cases of this split are right; the steps it took, MOST + 1 if it never came."""
    task, preset = get_task(name), get_preset(name, "default")
    model = preset.model(task, seed)
    solved = MOST + 1

    def there(step: int, history: History) -> bool:
        nonlocal solved
        if step % EVERY == 0 and task.evaluate(model, CASES, cases_seed, split)["accuracy"] >= SOLVED:
            solved = step
        return solved <= MOST

    config = preset.train_config(learning_rate=rate, seed=seed, steps=MOST, eval_every=MOST, progress=False)
    try:
        train(model, task, config, there)
    except DivergenceError:
        return MOST + 1
    return solved


def tuned_rate(name: str) -> tuple[float, dict[str, int]]:
    """The rate that gets there first, and the steps at every rate that was tried; never one at their edge."""
    steps: dict[float, int] = {}
    best, waiting = 3, list(RATES[2:5])
    while waiting:
        for rate in waiting:
            steps[rate] = steps_to_solve(name, rate, TUNING_SEED, "train", TUNING_SEED)
        best = RATES.index(min(steps, key=lambda rate: steps[rate]))
        waiting = [RATES[i] for i in (best - 1, best + 1) if 0 <= i < len(RATES) and RATES[i] not in steps]
    return RATES[best], {f"{rate:g}": steps[rate] for rate in sorted(steps)}


@cache
def race_table() -> RaceTable:
    """The stored measurement."""
    return load_table(FOLDER / TABLE)


def main() -> None:
    """Measure every architecture, and write the table."""
    begin, rows = time.monotonic(), dict[str, Row]()
    for name, architecture in tqdm(NAMES.items(), desc="race study"):
        rate, tried = tuned_rate(name)
        steps = [steps_to_solve(name, rate, seed, "held_out", EVALUATION_SEED) for seed in SEEDS]
        parameters = get_preset(name, "default").model(get_task(name), 0).n_parameters()
        rows[architecture] = {"parameters": parameters, "tried": tried, "rate": rate, "steps": steps}
    table: RaceTable = {"rows": rows, **made_by("race", begin)}
    save_table(FOLDER / TABLE, table)


if __name__ == "__main__":
    main()
