"""Recipes for models that continue a text: `gpt2lab train --text FILE [--preset english]`."""

from __future__ import annotations

from dataclasses import dataclass

from gpt2lab.training.config import TrainSettings
from gpt2lab.zoo.recipes import Preset


@dataclass(frozen=True, kw_only=True)
class TextPreset:
    """A text's vocabulary, shape and training."""

    preset: Preset  # shape, variant and training
    vocab_size: int = 1024
    length: int = 128  # T, tokens per window, and the model's context
    titles: tuple[str, ...] = ()  # lines at which a new part of the text begins
    join_lines: bool = False  # paragraphs become one line each
    prompt: str = ""  # of the samples; "": the first words of the held-out text
    sentence: str = ""  # on which stored weights are checked; "": the first held-out words
    origin: str = ""  # which text, under which licence, and where to get it again


SHAPE = dict(n_layers=4, n_heads=6, d_model=192, dropout=0.1)
TRAINING = TrainSettings(
    steps=2000, batch_size=16, learning_rate=2e-3, eval_every=250, eval_sequences=128, checkpoint_every=250
)

TEXTS: dict[str, TextPreset] = {
    "default": TextPreset(preset=Preset(shape=SHAPE, training=TRAINING)),
    # One of six settings tried (rates 2e-3 to 4e-3, dropout 0.1 to 0.2, batches of 32 and 64, 6,000 and 9,000
    # steps); the held-out text chose among them. They ended between 1.349 and 1.359 bits per byte.
    "english": TextPreset(
        preset=Preset(
            shape={**SHAPE, "dropout": 0.15},
            training={**TRAINING, "steps": 6000, "batch_size": 64, "precision": "bf16", "checkpoint_every": 3000},
        ),
        vocab_size=2048,
        titles=(
            "SENSE AND SENSIBILITY", "PRIDE AND PREJUDICE", "MANSFIELD PARK", "EMMA", "NORTHANGER ABBEY", "Persuasion",
        ),
        join_lines=True,
        prompt="Elizabeth could not help",
        sentence="She had walked a long way before breakfast, and was glad to sit down with her sister by the fire.",
        origin=(
            "Jane Austen's six novels in one file, in the order of their titles above; public domain. The Debian "
            "package r-cran-janeaustenr holds the same text, and Project Gutenberg has the novels as books 161, "
            "1342, 141, 158, 121 and 105"
        ),
    ),
}  # fmt: skip
