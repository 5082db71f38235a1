"""Length generalisation: small models sort lists longer than in training, with five kinds of positions.

Trained on lists of 3 to 10 letters, evaluated on lists of up to 16. Only the way of marking positions
differs; the learned table has untrained rows for the longer lists. Three seeds each; the models of
the first seed come with the course. ``python -m gpt2lab.studies.length`` repeats everything
(half an hour on one CPU core).

The question is Press et al. 2022's ("Train Short, Test Long"); theirs was language, this is a toy.
"""

from __future__ import annotations

import json
import platform
import time
from functools import cache
from pathlib import Path
from typing import TypedDict

import torch
from torch import Tensor
from tqdm.auto import tqdm

from gpt2lab.ablations import build
from gpt2lab.config import GPT2Config
from gpt2lab.errors import InputError
from gpt2lab.files import atomic_write
from gpt2lab.model import GPT2
from gpt2lab.studies.weights import load_weights, save_weights
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
TABLE, WEIGHTS = "length.json", "length.safetensors"
FOLDER = Path(__file__).parent
SETTINGS = TrainSettings(
    steps=1500, batch_size=64, learning_rate=3e-3, weight_decay=0.01, eval_every=1500, eval_sequences=64, progress=False
)


class LengthTable(TypedDict):
    """The stored measurement, and how it was made."""

    lengths: list[int]
    trained: list[int]  # shortest and longest list in training
    seeds: int
    accuracy: dict[str, list[list[float]]]  # by kind: (seeds, lengths)
    settings: TrainSettings
    command: str
    device: str
    machine: str
    torch: str
    seconds: int
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


def evaluate(model: GPT2, n_letters: int, n: int = 256) -> float:
    """Share of letters put in the right place, on held-out lists of this length."""
    return Sort(n_letters).evaluate(model, n=n)["token_accuracy"]


examine = evaluate  # the name that the chapter on positions imports


@cache
def length_table() -> LengthTable:
    """The stored measurement."""
    return json.loads((FOLDER / TABLE).read_text(encoding="utf-8"))


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
    accuracy: dict[str, list[list[float]]] = {kind: [] for kind in KINDS}
    for kind, seed in tqdm([(kind, seed) for kind in KINDS for seed in range(SEEDS)], desc="length study"):
        model = new_model(kind, seed)
        train(model, MixedSort(), TrainConfig(**{**SETTINGS, "seed": seed}))
        accuracy[kind].append([round(evaluate(model, n), 4) for n in EVALUATED])
        if seed == 0:
            weights |= {f"{KINDS[kind]}.{name}": tensor for name, tensor in model.state_dict().items()}
    sha256 = save_weights(FOLDER / WEIGHTS, weights)
    table: LengthTable = {
        "lengths": list(EVALUATED), "trained": [min(TRAINED), max(TRAINED)], "seeds": SEEDS, "accuracy": accuracy,
        "settings": SETTINGS, "command": "python -m gpt2lab.studies.length", "device": "cpu",
        "machine": platform.machine(), "torch": torch.__version__, "seconds": round(time.monotonic() - begin),
        "sha256": sha256,
    }  # fmt: skip
    with atomic_write(FOLDER / TABLE) as part:
        part.write_text(json.dumps(table) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
