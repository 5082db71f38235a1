"""Length generalisation: small models sort lists longer than in training, with five kinds of positions.

Trained on lists of 3 to 10 letters, evaluated on lists of up to 16. Only the way of marking positions
differs; the learned table has untrained rows for the longer lists. Each kind's learning rate is the best of five,
judged on training lists of 10, the longest of training, with two seeds that are not reported; held-out and longer
lists do not take part in the choice. Three other seeds give the results, and the models of the first come with the
course. ``python -m gpt2lab.studies.length`` repeats everything (a quarter of an hour on one CPU core).

The question is Press et al. 2022's ("Train Short, Test Long"); theirs was language, this is a toy.
"""

from __future__ import annotations

import time
from functools import cache

import torch
from torch import Tensor
from tqdm.auto import tqdm

from gpt2lab.ablations import build
from gpt2lab.config import GPT2Config
from gpt2lab.errors import InputError
from gpt2lab.model import GPT2
from gpt2lab.studies.stored import FOLDER, Made, load_table, load_weights, made_by, save_table, save_weights
from gpt2lab.tasks.sort import Sort
from gpt2lab.training import TrainConfig, train
from gpt2lab.training.config import TrainSettings

KINDS = {
    "learned (GPT-2)": "gpt2",
    "sinusoidal": "sinusoidal",
    "RoPE": "rope",
    "ALiBi": "alibi",
    "none, only the mask": "no-positions",
}
TRAINED, EVALUATED, SEEDS = range(3, 11), range(3, 17), 3
RATES, TUNING_SEEDS = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1), (100, 101)
TABLE, WEIGHTS = "length.json", "length.safetensors"
SETTINGS = TrainSettings(
    steps=1500, batch_size=64, learning_rate=3e-3, weight_decay=0.01, eval_every=1500, eval_sequences=64, progress=False
)


class LengthTable(Made):
    """The stored measurement, and how it was made."""

    lengths: list[int]
    trained: list[int]  # shortest and longest list in training
    seeds: int
    accuracy: dict[str, list[list[float]]]  # by kind: (seeds, lengths), at the rate of learning_rate
    learning_rate: dict[str, float]  # by kind: the best of RATES
    tuning: dict[str, dict[str, float]]  # by kind and rate: mean over TUNING_SEEDS, see ``tried``
    settings: TrainSettings  # but for the learning rate
    sha256: str  # of the weights beside the table


class MixedSort(Sort):
    """Sort with another length in every batch, drawn from ``TRAINED``."""

    def __init__(self) -> None:
        super().__init__(max(TRAINED))

    def sequences(self, n: int, generator: torch.Generator, split: str) -> tuple[Tensor, Tensor]:
        low, high = min(TRAINED), max(TRAINED)
        letters = int(torch.randint(low, high + 1, (1,), generator=generator))
        return Sort(letters).sequences(n, generator, split)


def new_model(kind: str, seed: int = 0) -> GPT2:
    """A fresh model with this kind of positions; its context holds the longest list of the evaluation."""
    if kind not in KINDS:
        raise InputError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    config = GPT2Config.tiny(
        vocab_size=Sort().encoding.n_vocab, context_length=2 * max(EVALUATED), n_layers=2, n_heads=4, d_model=32
    )
    return build(KINDS[kind], config, seed)


def trained(kind: str, seed: int, learning_rate: float) -> GPT2:
    """Train one model."""
    model = new_model(kind, seed)
    settings: TrainSettings = {**SETTINGS, "seed": seed, "learning_rate": learning_rate}
    train(model, MixedSort(), TrainConfig(**settings))
    return model


def evaluate(model: GPT2, n_letters: int, n: int = 256) -> float:
    """Share of letters put in the right place, on held-out lists of this length."""
    return Sort(n_letters).evaluate(model, n=n)["token_accuracy"]


def tried(kind: str, learning_rate: float) -> float:
    """Share of letters right on training lists of 10, mean over TUNING_SEEDS."""
    task = Sort(max(TRAINED))
    models = [trained(kind, seed, learning_rate) for seed in TUNING_SEEDS]
    right = [task.evaluate(m, n=512, seed=TUNING_SEEDS[0], split="train")["token_accuracy"] for m in models]
    return round(sum(right) / len(right), 4)


examine = evaluate  # its name in the first edition: goes together with gpt2lab.course.moved


@cache
def length_table() -> LengthTable:
    """The stored measurement."""
    return load_table(FOLDER / TABLE)


def load_model(kind: str) -> GPT2:
    """The trained model of the first seed, in evaluation mode; CheckpointError if its file is damaged."""
    model, prefix = new_model(kind), f"{KINDS[kind]}."
    weights = load_weights(FOLDER / WEIGHTS, length_table()["sha256"])
    model.load_state_dict({k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)})
    return model.eval()


def main() -> None:
    """Train and evaluate everything, and write table and weights."""
    begin = time.monotonic()
    weights: dict[str, Tensor] = {}
    accuracy: dict[str, list[list[float]]] = {}
    best: dict[str, float] = {}
    tuning: dict[str, dict[str, float]] = {}
    for kind in tqdm(KINDS, desc="length study"):
        tuning[kind] = {f"{rate:g}": tried(kind, rate) for rate in RATES}
        best[kind] = float(max(tuning[kind], key=lambda rate: tuning[kind][rate]))
        models = [trained(kind, seed, best[kind]) for seed in range(SEEDS)]
        accuracy[kind] = [[round(evaluate(model, n), 4) for n in EVALUATED] for model in models]
        weights |= {f"{KINDS[kind]}.{name}": tensor for name, tensor in models[0].state_dict().items()}
    sha256 = save_weights(FOLDER / WEIGHTS, weights)
    table: LengthTable = {
        "lengths": list(EVALUATED), "trained": [min(TRAINED), max(TRAINED)], "seeds": SEEDS, "accuracy": accuracy,
        "learning_rate": best, "tuning": tuning,
        "settings": SETTINGS,
        **made_by("length", begin),
        "sha256": sha256,
    }  # fmt: skip
    save_table(FOLDER / TABLE, table)


if __name__ == "__main__":
    main()
