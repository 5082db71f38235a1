"""The relatives by name, as recipes and stored models call them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from gpt2lab.config import GPT2Config
from gpt2lab.errors import InputError
from gpt2lab.family.encoder_decoder import EncoderDecoder, EncoderDecoderConfig, PreLNEncoderDecoder
from gpt2lab.family.masked import MaskedLanguageModel
from gpt2lab.model import GPT2

Model = GPT2 | EncoderDecoder


@dataclass(frozen=True)
class Architecture:
    """What a name stands for."""

    config: type[GPT2Config]
    model: Callable[..., Model]


ARCHITECTURES: dict[str, Architecture] = {
    "encoder-decoder": Architecture(EncoderDecoderConfig, EncoderDecoder),
    "encoder-decoder-pre-ln": Architecture(EncoderDecoderConfig, PreLNEncoderDecoder),
    "encoder-only": Architecture(GPT2Config, MaskedLanguageModel),
}


def build_relative(name: str, config: GPT2Config, seed: int = 0) -> Model:
    """A fresh model; the seed draws its weights and leaves torch's generator alone.

    Raises
    ------
    ValueError
        For an unknown name, listing the known ones, or the config of another architecture.
    """
    if name not in ARCHITECTURES:
        raise InputError(f"unknown architecture {name!r}; known ones: {', '.join(ARCHITECTURES)}")
    kind = ARCHITECTURES[name]
    if not isinstance(config, kind.config):
        raise InputError(f"{name} needs a config of type {kind.config.__name__}, got {type(config).__name__}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return kind.model(config)
