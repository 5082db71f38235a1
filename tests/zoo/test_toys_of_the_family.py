"""Toys that are no GPT-2: made, stored, loaded and refused as the others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from gpt2lab.errors import CheckpointError
from gpt2lab.family import EncoderDecoder, MaskedLanguageModel
from gpt2lab.zoo import PairToy, load_toy
from gpt2lab.zoo.make import make_toy

MODELS = {"words-to-digits": EncoderDecoder, "gifts-masked": MaskedLanguageModel}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    for name in MODELS:
        make_toy(name, folder=folder, changes={"steps": 3, "progress": False, "eval_sequences": 8})
    return folder


@pytest.mark.parametrize("name", MODELS)
def test_what_was_made_is_loaded(made: Path, name: str) -> None:
    toy = load_toy(made / name)
    assert type(toy.model) is MODELS[name] and not toy.model.training
    assert isinstance(toy, PairToy) == (MODELS[name] is EncoderDecoder)
    scores = toy.task.evaluate(toy.model, **toy.provenance["evaluation"])
    value = toy.provenance["value"]
    assert scores[toy.provenance["metric"]] == pytest.approx(value, abs=1e-3)
    assert toy.model.n_parameters() == toy.provenance["parameters"]
    curve = toy.provenance["curve"]["loss"]
    assert toy.provenance["steps"] == len(curve) == 3


def test_training_learns_from_both_sequences(made: Path) -> None:
    """Three steps changed encoder and decoder, and the loss is that of the target alone."""
    toy = load_toy(made / "words-to-digits")
    fresh = type(toy.model)(toy.model.config).state_dict()
    assert fresh.keys() == toy.model.state_dict().keys()
    inputs, targets = toy.task.batch(16, torch.Generator().manual_seed(0))
    source, target, mask = toy.task.parts(inputs)
    logits = toy.task.logits(toy.model, inputs)
    assert_close(logits[:, toy.task.source_length :], toy.model(source, target, mask), atol=0, rtol=0)
    toy.model.train()
    toy.task.logits(toy.model, inputs)[targets >= 0].logsumexp(-1).sum().backward()
    for name, weight in toy.model.named_parameters():
        assert weight.grad is not None and bool(weight.grad.abs().sum() > 0) or name.endswith("qkv.bias"), name


@pytest.mark.parametrize("sizes", [dict(n_layers=10**9), dict(d_model=10**12), dict(unknown=1), dict(n_layers=1)])
def test_sizes_that_cannot_be_are_refused_at_once(made: Path, tmp_path: Path, sizes) -> None:
    folder = tmp_path / "words-to-digits"
    folder.mkdir()
    for file in (made / "words-to-digits").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    facts = json.loads((folder / "provenance.json").read_text())
    del facts["sha256"]
    facts["config"] |= sizes
    (folder / "provenance.json").write_text(json.dumps(facts))
    with pytest.raises(CheckpointError, match="not the weights that provenance.json describes"):
        load_toy(folder)
