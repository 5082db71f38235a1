"""The settings of a training run, and what they must fit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import SupportsFloat, TypedDict

import torch
from torch import nn

from gpt2lab.errors import InputError, is_number, shown, validates, whole_number
from gpt2lab.tasks.base import Task
from gpt2lab.training.optimizer import learning_rate_at

PRECISIONS = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, kw_only=True)
@validates
class TrainConfig:
    """How to train. Numbers are for toy models; GPT-2's own batch was 512 sequences of 1,024 tokens.

    Raises
    ------
    InputError
        For a setting without meaning.
    """

    steps: int = 1000  # updates of the weights
    batch_size: int = 64  # sequences per step, over all parts and processes
    accumulation: int = 1  # parts a batch is cut into, to save memory
    learning_rate: float = 1e-3  # the highest, reached after the warm-up
    warmup_steps: int = 100
    floor: float = 0.1  # fraction of the learning rate that is left at the end
    weight_decay: float = 0.1  # on matrices only
    betas: tuple[float, float] = (0.9, 0.95)  # decay rates of AdamW's two averages
    clip_norm: float | None = 1.0  # longest gradient; None for no clipping
    precision: str = "fp32"  # fp32, bf16 or fp16 in the forward pass; weights stay fp32
    device: str = "cpu"  # auto, cpu, cuda, cuda:N, mps
    compile: bool = False  # torch.compile: slower start, faster steps
    seed: int = 0  # of the data and of dropout
    eval_every: int = 100  # steps between evaluations on held-out cases
    eval_sequences: int = 256
    diverged_at: float | None = 3.0  # stop above this multiple of the chance loss; None: only if not finite
    folder: str | Path | None = None  # where checkpoints go; None for no checkpoints
    checkpoint_every: int = 500  # steps
    resume: bool = False  # go on from the checkpoint in the folder
    progress: bool = True  # show a bar

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "accumulation", "eval_every", "eval_sequences", "checkpoint_every"):
            self._set(name, whole_number(name, getattr(self, name), 1))
        for name in ("warmup_steps", "seed"):
            self._set(name, whole_number(name, getattr(self, name), 0))
        if not (is_number(self.learning_rate) and 0 < self.learning_rate < math.inf):
            raise InputError(f"learning_rate must be a positive number, got {shown(self.learning_rate)}")
        if not (is_number(self.weight_decay) and 0 <= self.weight_decay < math.inf):
            raise InputError(f"weight_decay must be a number of at least 0, got {shown(self.weight_decay)}")
        if not (is_number(self.floor) and 0 <= self.floor <= 1):
            raise InputError(f"floor is a fraction in [0, 1], got {shown(self.floor)}")
        given: object = self.betas
        betas = tuple(given) if isinstance(given, (tuple, list)) else ()
        if len(betas) != 2 or not all(is_number(beta) and 0 <= beta < 1 for beta in betas):
            raise InputError(f"betas must be two numbers in [0, 1), got {shown(self.betas)}")
        if self.clip_norm is not None and not (is_number(self.clip_norm) and self.clip_norm > 0):
            raise InputError(
                f"clip_norm must be a positive number, or None for no clipping, got {shown(self.clip_norm)}"
            )
        if self.diverged_at is not None and not (is_number(self.diverged_at) and self.diverged_at > 0):
            raise InputError(
                "diverged_at must be a positive number, or None to stop only at infinity, got "
                f"{shown(self.diverged_at)}"
            )
        if self.precision not in tuple(PRECISIONS):
            raise InputError(f"precision must be one of {', '.join(PRECISIONS)}, got {shown(self.precision)}")
        if not isinstance(self.device, str):
            raise InputError(f"device must be auto, cpu, cuda, cuda:N or mps, got {shown(self.device)}")
        for name in ("compile", "resume", "progress"):
            if not isinstance(getattr(self, name), bool):
                raise InputError(f"{name} must be True or False, got {shown(getattr(self, name))}")
        if self.folder is not None and not isinstance(self.folder, (str, Path)):
            raise InputError(f"folder must be a path, or None for no checkpoints, got {shown(self.folder)}")
        if self.batch_size % self.accumulation:
            raise InputError(
                f"batch_size must be divisible by accumulation, got {self.batch_size} and {self.accumulation}"
            )
        if self.resume and self.folder is None:
            raise InputError("resume needs the folder of the checkpoint, got folder=None")
        for name in ("learning_rate", "weight_decay", "floor", "clip_norm", "diverged_at"):
            self._set(name, _plain(getattr(self, name)))
        self._set("betas", tuple(map(_plain, betas)))

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def learning_rate_at(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        return learning_rate_at(step, self.steps, self.learning_rate, self.warmup_steps, self.floor)

    def evaluates_after(self, step: int) -> bool:
        """Whether the model is evaluated after this many steps: every ``eval_every``, and at the end."""
        return step % self.eval_every == 0 or step == self.steps


class TrainSettings(TypedDict, total=False):
    """Some of ``TrainConfig``'s fields, as recipes store them: ``TrainConfig(**settings)``."""

    steps: int
    batch_size: int
    accumulation: int
    learning_rate: float
    warmup_steps: int
    floor: float
    weight_decay: float
    betas: tuple[float, float]
    clip_norm: float | None
    precision: str
    device: str
    compile: bool
    seed: int
    eval_every: int
    eval_sequences: int
    diverged_at: float | None
    folder: str | Path | None
    checkpoint_every: int
    resume: bool
    progress: bool


def check_fit(model: nn.Module, task: Task, config: TrainConfig) -> None:
    """Raise InputError if the model's vocabulary or context is too small, or the batch exceeds the data."""
    shape = getattr(model, "config", None)
    if shape is not None and shape.vocab_size < task.encoding.n_vocab:
        raise InputError(
            f"task {task.name!r} has {task.encoding.n_vocab} tokens, but the model's vocab_size is {shape.vocab_size}"
        )
    if shape is not None and shape.context_length < task.length:
        raise InputError(
            f"task {task.name!r} has sequences of {task.length} tokens, but the model's context_length is "
            f"{shape.context_length}"
        )
    if task.n_train is not None and config.batch_size > task.n_train:
        raise InputError(
            f"batch_size {config.batch_size} is larger than the data: task {task.name!r} has {task.n_train} cases"
        )


def _plain(number: SupportsFloat | None) -> float | None:
    """NumPy's numbers become Python's, because JSON knows no others."""
    return number if number is None or isinstance(number, (int, float)) else float(number)
