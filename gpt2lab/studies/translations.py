"""Two sequences or one, and hidden words: how well GPT-2's relatives do, and whether they look at the right word.

Number words into digits by an encoder–decoder and by a decoder alone; dates, whose order is turned round, by an
encoder–decoder; hidden words of a story by an encoder. The learning rate of each is the best of four, judged by the
loss on training cases with a seed that is not reported; so are those of two toys that chapter 13 compares with them.
Three other seeds give the results, on held-out cases; the one in the middle is the model that comes with the course.

``python -m gpt2lab.studies.translations FOLDER`` repeats everything (half an hour on one CPU core). Each run is
kept in FOLDER, so what was interrupted goes on from there.
"""

from __future__ import annotations

import shutil
import sys
import time
from functools import cache
from pathlib import Path
from typing import TypedDict

import torch
from torch import Tensor
from tqdm.auto import tqdm

from gpt2lab.family.alignment import alignment_scores, weights_on_right_word
from gpt2lab.studies.stored import FOLDER, Made, load_table, made_by, save_table
from gpt2lab.tasks.gifts import MaskedGifts
from gpt2lab.tasks.numbers import WordsToDigits, WordsToDigitsGPT
from gpt2lab.tasks.pairs import NOTHING, PairTask
from gpt2lab.zoo.make import EVALUATION, make_toy
from gpt2lab.zoo.provenance import read_provenance
from gpt2lab.zoo.toys import ZOO, PairToy, ToyModel, load_toy

NAMES = ("words-to-digits", "dates", "words-to-digits-gpt", "gifts-masked")
TUNED = (*NAMES, "words-to-digits-bert", "gifts-gpt")
RATES = (1e-3, 3e-3, 1e-2, 3e-2)
TUNING_SEED, SEEDS = 100, (0, 1, 2)
TABLE = "translations.json"


class Row(TypedDict):
    """One model on one task."""

    rate: float  # the best of RATES
    metric: str
    value: list[float]  # of each seed, on held-out cases
    alignment: list[dict[str, float]]  # of each seed, see ``alignment_scores``
    seed: int  # the one whose metric is the median: the model in the zoo


class TranslationsTable(Made):
    """The stored measurement, and how it was made."""

    rows: dict[str, Row]
    tuning: dict[str, dict[str, float]]  # of each of TUNED: by rate, the loss in nats, see ``tried``


@cache
def translations_table() -> TranslationsTable:
    """The stored measurement."""
    return load_table(FOLDER / TABLE)


def alignment_of(toy: ToyModel) -> dict[str, float]:
    """How often a head looks at the right word, on the held-out cases of the toy's evaluation."""
    if isinstance(toy, PairToy) and isinstance(toy.task, PairTask):
        weights = weights_on_right_word(toy.model, toy.task, EVALUATION["n"], EVALUATION["seed"])
    elif isinstance(toy.task, MaskedGifts):
        weights = weights_on_other_mention(toy, EVALUATION["n"], EVALUATION["seed"])
    else:
        weights = weights_in_one_sequence(toy, EVALUATION["n"], EVALUATION["seed"])
    return {key: round(value, 4) for key, value in alignment_scores(weights).items()}


@torch.no_grad()
def weights_on_other_mention(toy: ToyModel, n: int, seed: int) -> Tensor:
    """Attention of each head from a hidden word that can be known to its other mention: (n_layers, n_heads, N)."""
    assert isinstance(toy.task, MaskedGifts)
    inputs, _, known_from = toy.task.hidden_words(n, torch.Generator().manual_seed(seed))
    row, place = (known_from >= 0).nonzero(as_tuple=True)  # 2 × (N,)
    blocks = toy.model.trace_blocks(inputs, inputs != toy.task.end)
    maps = torch.stack([block.attn.attn_weights[row, :, place, known_from[row, place]] for block in blocks])
    return maps.transpose(1, 2)  # (n_layers, n_heads, N)


@torch.no_grad()
def weights_in_one_sequence(toy: ToyModel, n: int, seed: int) -> Tensor:
    """``weights_on_right_word`` of a decoder that reads words and digits in one sequence: (n_layers, n_heads, N)."""
    assert isinstance(toy.task, WordsToDigitsGPT)
    cases = WordsToDigits().cases(n, torch.Generator().manual_seed(seed), "held_out")
    inputs, _ = toy.task.batch(n, torch.Generator().manual_seed(seed), "held_out")  # the same numbers
    # The sign = follows the source and predicts the first digit.
    found = [
        (row, len(case.source) + i, at)
        for row, case in enumerate(cases)
        for i, at in enumerate(case.said_by)
        if at != NOTHING
    ]
    row, place, at = torch.tensor(found).T  # 3 × (N,)
    maps = torch.stack([block.attn.attn_weights[row, :, place, at] for block in toy.model.trace_blocks(inputs)])
    return maps.transpose(1, 2)  # (n_layers, n_heads, N)


def trained(name: str, rate: float, seed: int, folder: Path) -> Path:
    """The folder of one run, trained now if it is not there yet."""
    target = folder / f"{name}-{rate:g}-{seed}" / name
    if not (target / "provenance.json").is_file():
        shutil.rmtree(target, ignore_errors=True)
        make_toy(
            name, folder=target.parent, seed=seed, changes={"learning_rate": rate, "progress": False},
            command=f"gpt2lab train {name} --seed {seed} --out gpt2lab/zoo",
        )  # fmt: skip
    return target


def tried(name: str, rate: float, folder: Path) -> float:
    """Loss in nats after training at this rate with TUNING_SEED, on 1,024 training cases: none that is reported."""
    toy = load_toy(trained(name, rate, TUNING_SEED, folder))
    return round(toy.task.evaluate(toy.model, n=1024, seed=TUNING_SEED, split="train")["loss"], 7)


def tuned(folder: Path) -> dict[str, dict[str, float]]:
    """The loss of every model at every rate."""
    with tqdm(total=len(TUNED) * len(RATES), desc="learning rates") as bar:
        losses: dict[str, dict[str, float]] = {name: {} for name in TUNED}
        for name in TUNED:
            for rate in RATES:
                losses[name][f"{rate:g}"] = tried(name, rate, folder)
                bar.update()
    return losses


def best_rate(losses: dict[str, float]) -> float:
    """The rate with the lowest loss."""
    return float(min(losses, key=lambda rate: losses[rate]))


def measured(name: str, rate: float, folder: Path) -> Row:
    """Train and evaluate one model, and put the one in the middle into the zoo."""
    toys = [load_toy(trained(name, rate, seed, folder)) for seed in SEEDS]
    value = [float(toy.provenance["value"]) for toy in toys]
    middle = value.index(sorted(value)[len(value) // 2])
    shutil.copytree(trained(name, rate, SEEDS[middle], folder), ZOO / name, dirs_exist_ok=True)
    return {
        "rate": rate, "metric": toys[0].provenance["metric"], "value": value,
        "alignment": [alignment_of(toy) for toy in toys], "seed": SEEDS[middle],
    }  # fmt: skip


def main(folder: Path) -> None:
    """Measure everything, and write the table."""
    tuning = tuned(folder)
    rows = {name: measured(name, best_rate(tuning[name]), folder) for name in tqdm(NAMES, desc="translations study")}
    runs = [read_provenance(path) for path in folder.glob("*/*/provenance.json")]
    table: TranslationsTable = {"rows": rows, "tuning": tuning, **made_by("translations", time.monotonic())}
    table["seconds"] = round(sum(run["seconds"] for run in runs))  # some runs may be of an earlier call
    save_table(FOLDER / TABLE, table)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
