"""The course's English model, and text that it has not read."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from gpt2lab.model import GPT2
from gpt2lab.zoo.held_out import AUSTEN
from gpt2lab.zoo.toys import load_toy


@functools.cache
def english(step: int | None = None) -> GPT2:
    """The model, or an earlier state of it; whoever changes it puts it back."""
    return load_toy("english", step=step).model


def text_of(seed: int, n: int) -> list[str]:
    """n of the twelve passages, others for each seed."""
    return [AUSTEN[(n * seed + i) % len(AUSTEN)] for i in range(n)]


def passages(seed: int, n: int, T: int) -> Tensor:
    """The first T tokens of n passages: (n, T)."""
    encoding = load_toy("english").encoding
    return torch.tensor([encoding.encode_ordinary(text)[:T] for text in text_of(seed, n)])
