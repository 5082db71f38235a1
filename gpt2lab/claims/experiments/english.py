"""The course's English model, and text that it has not read."""

from __future__ import annotations

import functools

import torch
import torch.nn.functional as F
from torch import Tensor

from gpt2lab.interventions import ablate_heads
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


@functools.cache
@torch.no_grad()
def costs_of_heads(seed: int) -> tuple[list[float], float]:
    """What each of the 24 heads costs alone on four unread passages, and all of them together: nats per token."""
    model, text = english(), passages(seed, 4, 48)
    heads = [(layer, head) for layer in range(4) for head in range(6)]

    def loss(off: list[tuple[int, int]]) -> float:
        with ablate_heads(model, off):
            return F.cross_entropy(model(text[:, :-1]).flatten(0, 1), text[:, 1:].flatten()).item()

    whole = loss([])
    return [loss([head]) - whole for head in heads], loss(heads) - whole
