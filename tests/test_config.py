"""config: the eight numbers, what follows from them, and what is refused."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

from gpt2lab.config import GPT2Config
from gpt2lab.model import GPT2


def test_defaults_are_gpt2_small():
    config = GPT2Config()
    assert (config.vocab_size, config.context_length) == (50257, 1024)
    assert (config.n_layers, config.n_heads, config.d_model) == (12, 12, 768)
    assert (config.d_ff, config.d_head) == (3072, 64)
    assert (config.dropout, config.layer_norm_eps) == (0.1, 1e-5)
    assert GPT2Config.gpt2() == config


@pytest.mark.parametrize(
    ("name", "n_parameters"),
    [
        ("gpt2", 124_439_808),
        ("gpt2_medium", 354_823_168),
        ("gpt2_large", 774_030_080),
        ("gpt2_xl", 1_557_611_200),
    ],
)
def test_the_four_published_sizes_have_the_published_number_of_parameters(name, n_parameters):
    with torch.device("meta"):  # shapes without memory
        model = GPT2(getattr(GPT2Config, name)())
    assert model.n_parameters() == n_parameters


def test_d_ff_follows_d_model():
    assert GPT2Config(d_model=24, n_heads=2).d_ff == 96
    assert GPT2Config(d_model=24, n_heads=2, d_ff=7).d_ff == 7
    assert GPT2Config.tiny().with_(d_model=64).d_ff == 256
    assert GPT2Config.tiny(d_ff=10).with_(d_model=64).d_ff == 10
    assert GPT2Config.tiny().with_(d_model=64, d_ff=5).d_ff == 5
    assert GPT2Config.tiny().with_(n_layers=7).n_layers == 7


def test_it_is_frozen_and_keyword_only():
    with pytest.raises(dataclasses.FrozenInstanceError):
        GPT2Config().n_layers = 3
    with pytest.raises(TypeError):
        GPT2Config(50257)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        (dict(d_model=10, n_heads=3), r"divisible by n_heads.*d_model=10 and n_heads=3 \(remainder 1\)"),
        (dict(n_layers=0), "n_layers must be a whole number of at least 1, got 0"),
        (dict(n_heads=-1), "n_heads must be a whole number of at least 1, got -1"),
        (dict(vocab_size=2.0), r"vocab_size must be a whole number of at least 1, got 2\.0"),
        (dict(context_length="8"), "context_length must be a whole number of at least 1, got '8'"),
        (dict(d_model=None), "d_model must be a whole number of at least 1, got None"),
        (dict(d_model=True, n_heads=1), "d_model must be a whole number of at least 1, got True"),
        (dict(d_ff=0), "d_ff must be a whole number of at least 1, got 0"),
        (dict(dropout=1.0), r"dropout is a probability in \[0, 1\), got 1\.0"),
        (dict(dropout=float("nan")), r"dropout is a probability in \[0, 1\), got nan"),
        (dict(layer_norm_eps=0), "layer_norm_eps must be a small positive number, got 0"),
        (dict(layer_norm_eps=float("inf")), "layer_norm_eps must be a small positive number, got inf"),
    ],
)
def test_refuses_with_one_sentence(sizes, message):
    with pytest.raises(ValueError, match=message):
        GPT2Config(**sizes)


def test_numpys_numbers_are_numbers_and_are_stored_as_pythons():
    sizes = dict(vocab_size=np.int64(40), d_model=np.int32(24), n_heads=np.int64(3), dropout=np.float32(0.5))
    config = GPT2Config.tiny(**sizes, layer_norm_eps=np.float16(1e-3))
    assert config == GPT2Config.tiny(
        vocab_size=40, d_model=24, n_heads=3, dropout=0.5, layer_norm_eps=float(np.float16(1e-3))
    )
    assert json.loads(json.dumps(dataclasses.asdict(config)))["d_ff"] == 96
