"""Which model learns which task, and how: the recipes of the toy models, as data.

    gpt2lab train induction --preset two-layers

A recipe that is repeated gives the same model on the same machine. Times are for one CPU core.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Unpack

from gpt2lab.ablations import build, scale_init
from gpt2lab.config import GPT2Config
from gpt2lab.errors import InputError
from gpt2lab.family.architectures import ARCHITECTURES, Model, build_relative
from gpt2lab.model import GPT2
from gpt2lab.tasks import TASKS, Task
from gpt2lab.training.config import TrainConfig, TrainSettings


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Shape, architecture variant and training settings; what is not named keeps its default."""

    shape: Mapping[str, int | float] = field(default_factory=dict)  # of GPT2Config
    variant: str = "gpt2"  # of gpt2lab.ablations
    training: TrainSettings = field(default_factory=TrainSettings)  # of TrainConfig
    scaled: bool = True  # first weights as scale_init makes them; False keeps 0.02 at any width

    def config(self, task: Task) -> GPT2Config:
        """The shape, with the task's vocabulary and length."""
        return GPT2Config.tiny(**{"vocab_size": task.encoding.n_vocab, "context_length": task.length, **self.shape})

    def model(self, task: Task, seed: int = 0) -> GPT2:
        """A fresh model; the seed draws its weights and leaves torch's generator alone."""
        model = build(self.variant, self.config(task), seed)
        return scale_init(model) if self.scaled else model

    def train_config(self, **changes: Unpack[TrainSettings]) -> TrainConfig:
        """The training settings with some changed."""
        settings: TrainSettings = {**self.training, **changes}
        return TrainConfig(**settings)


@dataclass(frozen=True, kw_only=True)
class RelativePreset(Preset):
    """A recipe for one of GPT-2's relatives; ``variant`` is its name in ``gpt2lab.family.architectures``."""

    def config(self, task: Task) -> GPT2Config:
        kind = ARCHITECTURES[self.variant].config
        sizes = {"vocab_size": task.encoding.n_vocab, "context_length": task.length, "dropout": 0.0, **self.shape}
        return kind(**sizes)  # type: ignore[arg-type]  # the config checks each of them

    def model(self, task: Task, seed: int = 0) -> Model:  # type: ignore[override]  # not each relative is a GPT2
        model = build_relative(self.variant, self.config(task), seed)
        return scale_init(model) if self.scaled and isinstance(model, GPT2) else model


SMALL = TrainSettings(weight_decay=0.01, batch_size=64, learning_rate=3e-3)

PRESETS: dict[str, dict[str, Preset]] = {  # of each task; the first is the standard one
    "induction": {
        "two-layers": Preset(
            shape=dict(n_layers=2, n_heads=2, d_model=48), training={**SMALL, "steps": 600, "betas": (0.9, 0.98)}
        ),
        "one-layer": Preset(
            shape=dict(n_layers=1, n_heads=2, d_model=48), training={**SMALL, "steps": 600, "betas": (0.9, 0.98)}
        ),
    },
    "reference": {
        "default": Preset(
            shape=dict(n_layers=2, n_heads=1, d_model=32), training={**SMALL, "steps": 1000, "eval_every": 20}
        ),
    },
    "reverse": {
        "default": Preset(shape=dict(n_layers=2, n_heads=4, d_model=32), training={**SMALL, "steps": 1000}),
        "no-positions": Preset(
            shape=dict(n_layers=2, n_heads=4, d_model=32), variant="no-positions", training={**SMALL, "steps": 1000}
        ),
    },
    "sort": {
        "default": Preset(shape=dict(n_layers=2, n_heads=4, d_model=32), training={**SMALL, "steps": 1000}),
        "no-positions": Preset(
            shape=dict(n_layers=2, n_heads=4, d_model=32), variant="no-positions", training={**SMALL, "steps": 1000}
        ),
    },
    "brackets": {
        "default": Preset(shape=dict(n_layers=2, n_heads=4, d_model=32), training={**SMALL, "steps": 2500}),
    },
    "modular": {
        "default": Preset(
            shape=dict(n_layers=1, n_heads=4, d_model=64),
            training=TrainSettings(steps=3000, batch_size=512, learning_rate=2e-3, weight_decay=1.0, eval_every=250),
        ),
        "no-ffn": Preset(
            shape=dict(n_layers=1, n_heads=4, d_model=64), variant="no-ffn",
            training=TrainSettings(steps=3000, batch_size=512, learning_rate=2e-3, weight_decay=1.0, eval_every=250),
        ),
    },
    "numbers": {
        "default": Preset(shape=dict(n_layers=2, n_heads=4, d_model=48), training={**SMALL, "steps": 2000}),
    },
    "words-to-digits": {
        "default": RelativePreset(
            variant="encoder-decoder", shape=dict(n_layers=2, n_heads=2, d_model=32),
            training={**SMALL, "steps": 1000, "eval_every": 200},
        ),
    },
    "words-to-digits-gpt": {
        "default": Preset(
            shape=dict(n_layers=4, n_heads=2, d_model=32),
            training={**SMALL, "steps": 1000, "eval_every": 200, "learning_rate": 1e-2},
        ),
    },
    "words-to-digits-bert": {
        "default": RelativePreset(
            variant="encoder-only", shape=dict(n_layers=4, n_heads=2, d_model=32),
            training={**SMALL, "steps": 1000, "eval_every": 200},
        ),
    },
    "dates": {
        "default": RelativePreset(
            variant="encoder-decoder", shape=dict(n_layers=2, n_heads=2, d_model=32),
            training={**SMALL, "steps": 1000, "eval_every": 200, "learning_rate": 1e-2},
        ),
    },
    "gifts": {
        "default": Preset(
            shape=dict(n_layers=2, n_heads=4, d_model=32), training={**SMALL, "steps": 1000, "eval_every": 200}
        ),
    },
    "gifts-gpt": {
        "default": Preset(
            shape=dict(n_layers=2, n_heads=4, d_model=32),
            training={**SMALL, "steps": 1500, "eval_every": 300, "learning_rate": 1e-2},
        ),
    },
    "gifts-masked": {
        "default": RelativePreset(
            variant="encoder-only", shape=dict(n_layers=2, n_heads=4, d_model=32),
            training={**SMALL, "steps": 1500, "eval_every": 300, "learning_rate": 1e-2},
        ),
    },
    "sentiment": {
        "default": Preset(shape=dict(n_layers=2, n_heads=4, d_model=32), training={**SMALL, "steps": 2000}),
    },
    "stdlib": {
        "default": Preset(
            shape=dict(n_layers=4, n_heads=4, d_model=128),
            training=TrainSettings(steps=4000, batch_size=16, learning_rate=3e-3, eval_every=500, eval_sequences=64),
            scaled=False,
        ),
        "gpu": Preset(  # not shipped; takes minutes on one large GPU
            shape=dict(n_layers=6, n_heads=6, d_model=192),
            training=TrainSettings(
                steps=6000, batch_size=256, learning_rate=2e-3, weight_decay=0.1, precision="bf16", compile=True,
                eval_every=500, eval_sequences=256,
            ),
        ),
    },
}  # fmt: skip


def get_preset(task: str, name: str) -> Preset:
    """One recipe.

    Raises ValueError listing the known ones.
    """
    if task not in TASKS:
        raise InputError(f"unknown task {task!r}; known tasks: {', '.join(TASKS)}")
    known = PRESETS[task]
    if name not in known:
        raise InputError(f"task {task!r} has no preset {name!r}; its presets: {', '.join(known)}")
    return known[name]
