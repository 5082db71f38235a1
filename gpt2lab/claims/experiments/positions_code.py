"""Experiments on code that is meant to give positions."""

from __future__ import annotations

import torch
from torch import Tensor

from gpt2lab.claims.base import Figures, experiment
from gpt2lab.claims.experiments.measures import farthest, numbers, stops
from gpt2lab.positions import sinusoidal_table


def sinusoids_wrong(length: int, d_model: int) -> Tensor:
    """The table of sines and cosines of 2017: (length, d_model)."""
    channels = torch.arange(0, len(d_model), 2)  # type: ignore[arg-type]
    angles = torch.arange(length)[:, None] / 10000 ** (channels / d_model)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


def sinusoids_right(length: int, d_model: int) -> Tensor:
    """The table of sines and cosines of 2017: (length, d_model)."""
    channels = torch.arange(0, d_model, 2)
    angles = torch.arange(length)[:, None] / 10000 ** (channels / d_model)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


@experiment(
    "P3",
    shows=lambda found: found["code: stops with a TypeError"] == 1 and found["right: from the course's table"] < 1e-4
    and found["repaired, cosines over the sines: channels that vary"] < found["right: channels that vary"] == 64,
    wrong=sinusoids_wrong,
    right=sinusoids_right,
)  # fmt: skip
def length_of_a_number(seed: int) -> Figures:
    """Whether the code stops; of 64 channels, how many differ over 100 positions, if cosines overwrite sines."""
    right = sinusoids_right(100, 64)
    overwritten = torch.zeros(100, 64)
    overwritten[:, 0::2] = right[:, 0::2]
    overwritten[:, 0::2] = right[:, 1::2]
    return {
        "code: stops with a TypeError": stops(TypeError, sinusoids_wrong, 100, 64),
        "right: from the course's table": farthest(right, sinusoidal_table(100, 64)),
        "repaired, cosines over the sines: channels that vary": int((overwritten.std(0) > 0).sum()),
        "right: channels that vary": int((right.std(0) > 0).sum()),
    }


def embed_wrong(tokens: Tensor, token_table: Tensor, position_table: Tensor) -> Tensor:
    """What the first block reads: token and position."""
    token, position = token_table[tokens], position_table[: len(tokens)]  # noqa: F841
    return token


def embed_right(tokens: Tensor, token_table: Tensor, position_table: Tensor) -> Tensor:
    """What the first block reads: token and position."""
    token, position = token_table[tokens], position_table[: len(tokens)]
    return token + position


@experiment(
    "P5",
    shows=lambda found: found["code: from each other"] == 0 < found["right: from each other"],
    wrong=embed_wrong,
    right=embed_right,
)
def positions_that_nobody_adds(seed: int) -> Figures:
    """How far the vectors of one token at two places are from each other (largest difference)."""
    tokens, tables = torch.tensor([3, 1, 3]), (numbers(seed, 5, 8), numbers(seed + 1, 5, 8))
    code, right = (embed(tokens, *tables) for embed in (embed_wrong, embed_right))
    return {
        "code: from each other": farthest(code[0], code[2]),
        "right: from each other": farthest(right[0], right[2]),
    }


def position_table_wrong(length: int, angles: Tensor) -> Tensor:
    """A table of sines and cosines from angles (length, d_model / 2)."""
    table = torch.zeros(length)
    table[:, 0::2] = angles.sin()
    table[:, 1::2] = angles.cos()
    return table


def position_table_right(length: int, angles: Tensor) -> Tensor:
    """A table of sines and cosines from angles (length, d_model / 2)."""
    table = torch.zeros(length, 2 * angles.shape[1])
    table[:, 0::2] = angles.sin()
    table[:, 1::2] = angles.cos()
    return table


@experiment(
    "P7",
    shows=lambda found: found["code: stops with an IndexError"] == 1 and found["right: from the course's table"] < 1e-4
    and found["divided once more: cosine of 0 and 1023"] > 0.99 > 0.5 > found["right: cosine of 0 and 1023"],
    wrong=position_table_wrong,
    right=position_table_right,
)  # fmt: skip
def one_axis_too_few(seed: int) -> Figures:
    """Whether the code stops; how alike the first and the last of 1,024 positions are, divided by 10,000 more."""
    angles = torch.arange(1024)[:, None] / 10000 ** (torch.arange(0, 64, 2) / 64)
    right, divided = position_table_right(1024, angles), position_table_right(1024, angles / 10000)
    return {
        "code: stops with an IndexError": stops(IndexError, position_table_wrong, 1024, angles),
        "right: from the course's table": farthest(right, sinusoidal_table(1024, 64)),
        "divided once more: cosine of 0 and 1023": torch.cosine_similarity(divided[0], divided[-1], dim=0).item(),
        "right: cosine of 0 and 1023": torch.cosine_similarity(right[0], right[-1], dim=0).item(),
    }


def look_up_wrong(table: Tensor, positions: Tensor) -> Tensor:
    """The vectors of some positions from a table (1, length, d_model)."""
    length, d_model = table.shape[1:]
    return table[positions]


def look_up_right(table: Tensor, positions: Tensor) -> Tensor:
    """The vectors of some positions from a table (1, length, d_model)."""
    length, d_model = table.shape[1:]
    return table[0, positions]


@experiment(
    "P10",
    shows=lambda found: found["code: stops with an IndexError"] == 1 and found["right: vectors"] == 5,
    wrong=look_up_wrong,
    right=look_up_right,
)
def wrong_axis(seed: int) -> Figures:
    """A table (1, 16, 8), asked for five positions: whether the code stops; vectors that the right line gives."""
    table, positions = numbers(seed, 1, 16, 8), torch.arange(5)
    return {
        "code: stops with an IndexError": stops(IndexError, look_up_wrong, table, positions),
        "right: vectors": len(look_up_right(table, positions)),
    }
