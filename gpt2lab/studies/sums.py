"""Can a deep model learn without the sums? A task without any look-up, with controls.

Every letter of a random row has to be answered with the next letter of the alphabet. Nothing has to be
looked up in another token, so attention is not needed at all. Three kinds of models, at several depths:

``with sums``
    GPT-2's block.
``without sums``
    The same, without the two ``x +``; the layer norms stay.
``without sums, one letter``
    The same model again. Its rows have one letter, so attention has nothing to average. If the missing
    sums spoiled the gradient, this model would fail too; if averaging is the cause, it learns.

Each kind gets the best of four learning rates and two sizes of initial weights. Five seeds.
``python -m gpt2lab.studies.sums`` repeats everything (about twenty minutes on one CPU core).
"""

from __future__ import annotations

import time
from functools import cache
from itertools import product

import torch
from torch import Tensor
from tqdm.auto import tqdm

from gpt2lab.ablations import build, scale_init
from gpt2lab.config import GPT2Config
from gpt2lab.studies.stored import FOLDER, Made, load_table, made_by, save_table
from gpt2lab.tasks.base import Task, word_encoding
from gpt2lab.training import TrainConfig
from gpt2lab.training.config import TrainSettings
from gpt2lab.training.stacked import train_stacked

ALPHABET = "abcdefghijklmnop"
KINDS = {  # name: (variant of gpt2lab.ablations, letters in a row)
    "with sums": ("gpt2", 8),
    "without sums": ("no-residual", 8),
    "without sums, one letter": ("no-residual", 1),
}
DEPTHS, SEEDS = (1, 2, 4, 8), 5
RATES = (1e-4, 3e-4, 1e-3, 3e-3)
INITS = {"0.02": False, "GPT-2's, at this width": True}  # True: gpt2lab.ablations.scale_init
LETTERS_PER_STEP = 128
TABLE = "sums.json"
SETTINGS = TrainSettings(
    steps=600, warmup_steps=20, weight_decay=0.0, eval_every=600, eval_sequences=512, progress=False
)


class SumsTable(Made):
    """The stored measurement, and how it was made."""

    depths: list[int]
    loss: dict[str, list[list[float]]]  # by kind: (depths, seeds), nats per letter after training, best setting
    chosen: dict[str, list[tuple[float, str]]]  # by kind and depth: learning rate and initial weights
    tried: dict[str, list[list[float]]]  # by kind and depth: mean loss of every setting, product(RATES, INITS)
    chance: float  # nats, a blind guess
    seeds: int
    settings: TrainSettings


class Successor(Task):
    """Rows of random letters; the answer to each is the letter after it (after the last one, the first)."""

    name = "successor"
    summary = "name the letter that follows in the alphabet"
    metric = "token_accuracy"

    def __init__(self, length: int) -> None:
        self.length = length
        self.encoding = word_encoding(self.name, list(ALPHABET))

    def sequences(self, n: int, generator: torch.Generator, split: str) -> tuple[Tensor, Tensor]:
        letters = torch.randint(len(ALPHABET), (n, self.length + 1), generator=generator)  # (n, T + 1)
        return letters, torch.ones_like(letters, dtype=torch.bool)

    def batch(self, n: int, generator: torch.Generator, split: str = "train") -> tuple[Tensor, Tensor]:
        """The targets follow from the inputs letter by letter, not from the next position."""
        inputs, _ = super().batch(n, generator, split)  # (n, T)
        return inputs, (inputs + 1) % len(ALPHABET)


def losses(kind: str, depth: int, rate: float, scaled: bool, seeds: range, steps: int | None = None) -> list[float]:
    """Train one model per seed and return the loss of each on fresh rows, in nats per letter."""
    variant, length = KINDS[kind]
    task = Successor(length)
    shape = GPT2Config.tiny(vocab_size=task.encoding.n_vocab, context_length=8, n_layers=depth)
    models = [build(variant, shape, seed) for seed in seeds]
    settings = TrainSettings(**{**SETTINGS, "batch_size": LETTERS_PER_STEP // length, "learning_rate": rate})
    if steps is not None:
        settings = TrainSettings(**{**settings, "steps": steps, "eval_every": steps})
    if scaled:
        models = [scale_init(model) for model in models]
    return train_stacked(models, task, TrainConfig(**settings), list(seeds)).scores["loss"][-1]


@cache
def sums_table() -> SumsTable:
    """The stored measurement."""
    return load_table(FOLDER / TABLE)


def main() -> None:
    """Train and evaluate everything, and write the table."""
    begin = time.monotonic()
    loss: dict[str, list[list[float]]] = {kind: [] for kind in KINDS}
    chosen: dict[str, list[tuple[float, str]]] = {kind: [] for kind in KINDS}
    tried: dict[str, list[list[float]]] = {kind: [] for kind in KINDS}
    for kind, depth in tqdm(list(product(KINDS, DEPTHS)), desc="sums study"):
        runs = {
            (rate, init): losses(kind, depth, rate, scaled, range(SEEDS))
            for rate, (init, scaled) in product(RATES, INITS.items())
        }
        best = min(runs, key=lambda setting: sum(runs[setting]))
        loss[kind].append([round(value, 4) for value in runs[best]])
        chosen[kind].append(best)
        tried[kind].append([round(sum(values) / SEEDS, 4) for values in runs.values()])
    table: SumsTable = {
        "depths": list(DEPTHS), "loss": loss, "chosen": chosen, "tried": tried,
        "chance": round(float(torch.tensor(len(ALPHABET)).log()), 4), "seeds": SEEDS, "settings": SETTINGS,
        **made_by("sums", begin),
    }  # fmt: skip
    save_table(FOLDER / TABLE, table)


if __name__ == "__main__":
    main()
