"""The lab's models: each is the median seed of its row, and is what its provenance says."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gpt2lab.__main__ import main
from gpt2lab.errors import CheckpointError
from gpt2lab.studies.lab.curves import CURVES, Curves, load_lab
from gpt2lab.studies.lab.rows import ROWS
from gpt2lab.studies.lab.run import fresh_model
from gpt2lab.studies.lab.trained import TRAINED, load_trained, median_seed, trained_names
from gpt2lab.training import TrainConfig
from gpt2lab.zoo.head_scores import copy_scores, head_weights, reading_scores
from gpt2lab.zoo.provenance import OF_TEXTS, SCHEMA, read_provenance
from gpt2lab.zoo.toys import WEIGHTS, ZOO

NAMES = trained_names()


@pytest.fixture(scope="module")
def toys():
    return {name: load_trained(name) for name in NAMES}


def test_every_part_can_be_touched() -> None:
    assert {name for name in ROWS if name.startswith("parts/")} <= set(NAMES)
    stored = {str(file.parent.relative_to(TRAINED)) for file in TRAINED.rglob(WEIGHTS)}
    assert stored == set(NAMES)  # and nothing lies there that is not a row


@pytest.mark.parametrize("name", NAMES)
def test_the_scores_are_what_the_provenance_says(name: str, toys) -> None:
    """One case of 1,024 may fall the other way on another machine, hardly five."""
    toy = toys[name]
    scores = toy.task.evaluate(toy.model, n=1024, seed=2024)
    if "mask" in name and not toy.model.causal:
        fair = toy.task.evaluate_generated(toy.model, n=1024, seed=2024)
        scores |= {f"generated_{key}": value for key, value in fair.items()}
    assert toy.provenance["evaluation"] == {"n": 1024, "seed": 2024, "split": "held_out"}
    assert set(scores) == set(toy.provenance["scores"])
    for key, value in toy.provenance["scores"].items():
        torch.testing.assert_close(scores[key], value, atol=0.005, rtol=0.005)
    assert toy.model.n_parameters() == toy.provenance["parameters"] and not toy.model.training
    assert all(p.dtype == torch.float32 for p in toy.model.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_is_the_median_one(name: str, toys) -> None:
    """Against the table itself, without the function that chose."""
    scores = json.loads(CURVES.read_text())[name]["scores"]
    ends = scores.get("generated_accuracy", scores["accuracy"])[-1]
    median = sorted(ends)[len(ends) // 2]
    assert len(ends) == 5 and toys[name].provenance["seed"] == ends.index(median)
    assert ("generated_accuracy" in scores) == (toys[name].provenance["metric"] == "generated_accuracy")


@pytest.mark.parametrize("name", NAMES)
def test_the_run_is_the_one_behind_the_curve(name: str, toys) -> None:
    """The same training: it has the curve's numbers to all stored digits."""
    facts, curves = toys[name].provenance, load_lab()[name]
    assert facts["device"] == curves.facts["device"] and facts["torch"] == curves.facts["torch"]
    assert [e["step"] for e in facts["curve"]["evaluations"]] == list(curves.eval_steps)
    for key in ("loss", "token_accuracy", "accuracy"):
        seen = [e[key] for e in facts["curve"]["evaluations"]]
        np.testing.assert_allclose(seen, curves.scores[key][:, facts["seed"]], atol=1.1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_provenance_belongs_to_the_row(name: str, toys) -> None:
    facts, row = toys[name].provenance, ROWS[name]
    assert set(facts) == set(SCHEMA) - OF_TEXTS and facts["name"] == facts["preset"] == name
    assert (facts["variant"], facts["task"], facts["steps"]) == (row.variant, row.task, row.training["steps"])
    assert facts["tokens"] == facts["steps"] * row.training["batch_size"] * toys[name].task.length
    assert facts["config"] == asdict(fresh_model(row, 0).config)
    wanted = {**asdict(TrainConfig()), **row.training, "learning_rate": load_lab()[name].rate}
    assert {**asdict(TrainConfig()), **facts["training"]} == wanted
    assert facts["command"] == f"gpt2lab train-lab {name} --device cpu --checkpoint"
    assert facts["device"].startswith("cpu (")


def test_all_weights_together_are_small() -> None:
    lab = sum(file.stat().st_size for file in TRAINED.rglob("*.safetensors"))
    assert lab <= 4e6
    everything = ZOO.parent.rglob("*.safetensors")
    assert (
        sum(file.stat().st_size for file in everything) <= 32e6
    )  # 17.6 MB: the model that writes English, at four steps; 2.2 MB: the students of distillation


def table(final: list[float], generated: list[float] | None = None) -> Curves:
    scores = {"accuracy": np.array([[0.5] * len(final), final])}
    if generated:
        scores["generated_accuracy"] = np.array([generated])
    return Curves(ROWS["parts/gpt2"], {}, None, np.array([1]), np.zeros((1, 1)), np.array([1, 2]), scores)


@pytest.mark.parametrize(
    "final, generated, seed",
    [
        ([0.1, 0.9, 0.5, 0.2, 0.8], None, 2),
        ([0.0, 0.9, 0.0, 0.0, 0.8], None, 0),  # a tie: the lowest number
        ([0.9, 1.0, 1.0, 0.9, 1.0], None, 1),
        ([0.4, math.nan, 0.6, math.nan, 0.5], None, 0),  # what has diverged scores nothing
        ([1.0, 1.0, 1.0, 1.0, 1.0], [0.3, 0.0, 0.2, 0.1, 0.9], 2),  # by generation
        ([0.1, 0.4, 0.3, 0.2], None, 3),
    ],
)
def test_the_rule_of_the_median(final, generated, seed) -> None:
    assert median_seed(table(final, generated)) == seed


def test_unknown_names_list_the_models() -> None:
    with pytest.raises(ValueError, match="^the lab has no trained model 'parts/no-hope'; it has parts/gpt2, .*/16"):
        load_trained("parts/no-hope")
    with pytest.raises(ValueError, match="no trained model '../zoo/reference'"):
        load_trained("../zoo/reference")


def test_damaged_weights_are_refused(tmp_path: Path, monkeypatch) -> None:
    shutil.copytree(TRAINED / "parts" / "gpt2", tmp_path / "parts" / "gpt2")
    monkeypatch.setattr("gpt2lab.studies.lab.trained.TRAINED", tmp_path)
    load_trained("parts/gpt2")
    shutil.copy(TRAINED / "parts" / "untied" / WEIGHTS, tmp_path / "parts" / "gpt2" / WEIGHTS)
    with pytest.raises(CheckpointError, match="is not the file that provenance.json describes"):
        load_trained("parts/gpt2")


def test_the_command_makes_a_model(tmp_path: Path, capsys, monkeypatch) -> None:
    short = replace(ROWS["parts/rope"], training={**ROWS["parts/rope"].training, "steps": 3}, rate=0.01)
    monkeypatch.setitem(ROWS, "parts/rope", short)
    out = ["--out", str(tmp_path / "t.json"), "--seeds", "2"]
    assert main(["train-lab", "parts/rope", "--checkpoint", str(tmp_path), *out]) == 0
    facts = read_provenance(tmp_path / "parts" / "rope" / "provenance.json")
    stored = load_lab(tmp_path / "t.json")["parts/rope"]
    assert facts["steps"] == 3 and facts["seed"] == median_seed(stored)
    assert facts["curve"]["evaluations"][-1]["accuracy"] == stored.final()[facts["seed"]]
    assert capsys.readouterr().out.startswith("parts/rope               rate 0.01, 90 % of the letters after inf steps")


# What the course says about them


def by_hand(toy, offset) -> torch.Tensor:
    """Mean weight of each head, at every place where an answer is due, on the token at offset(place)."""
    inputs, _ = toy.task.batch(64, torch.Generator().manual_seed(7), "held_out")
    maps = head_weights(toy.model, inputs)
    places = [t for t in range(toy.task.n_letters, toy.task.length) if 0 <= offset(t) < toy.task.length]
    return torch.stack([maps[..., t, offset(t)] for t in places]).mean(dim=(0, 1))


def test_scores_of_heads_are_what_they_say(toys) -> None:
    toy = toys["parts/no-mask"]
    mirrored = by_hand(toy, lambda t: 2 * toy.task.n_letters - 1 - t)
    torch.testing.assert_close(copy_scores(toy.model, toy.task, 64), mirrored, atol=1e-6, rtol=0)
    ahead = by_hand(toy, lambda t: t + 1)
    torch.testing.assert_close(reading_scores(toy.model, toy.task, 64), ahead, atol=1e-6, rtol=0)
    assert reading_scores(toys["parts/gpt2"].model, toy.task, 64).max() == 0


def test_copying_sits_in_the_first_layer_or_moves_to_the_last(toys) -> None:
    for name, layer in {"gpt2": 0, "no-ffn": 0, "untied": 0, "no-residual": 0, "sinusoidal": 0, "post-ln": 1}.items():
        scores = copy_scores(toys[f"parts/{name}"].model, toys[f"parts/{name}"].task)
        assert scores[layer].max() > 0.85 > 0.25 > scores[1 - layer].max(), name


@pytest.mark.parametrize("name", ["no-positions", "rope", "alibi"])
def test_who_does_not_learn_has_no_copying_head(name, toys) -> None:
    assert copy_scores(toys[f"parts/{name}"].model, toys[f"parts/{name}"].task).max() < 0.2


def test_without_a_mask_sorting_is_reading(toys) -> None:
    """It reads its answers and can do nothing else; reversing it learns in part."""
    sort, reverse = toys["mask/sort-no-mask"], toys["parts/no-mask"]
    assert sort.provenance["scores"]["accuracy"] > 0.99 > 0.01 > sort.provenance["scores"]["generated_accuracy"]
    assert reading_scores(sort.model, sort.task).max() > 0.7
    assert 0.5 < reverse.provenance["scores"]["generated_accuracy"] < 0.99 < reverse.provenance["scores"]["accuracy"]


def test_alibi_looks_for_the_letter_it_has_just_written(toys) -> None:
    """And not for the one to copy; so a repeated letter leads it astray."""
    toy = toys["parts/alibi"]
    inputs, _ = toy.task.batch(1024, torch.Generator().manual_seed(5), "held_out")
    maps = head_weights(toy.model, inputs)
    just_written = torch.stack([maps[..., q, 16 - q] for q in range(9, 16)]).mean((0, 1))  # (n_layers, n_heads)
    assert just_written[1].max() > 0.7 and copy_scores(toy.model, toy.task).max() < 0.2
    right = toy.model(inputs)[:, 9:].argmax(-1) == inputs[:, :7].flip(1)
    times = (inputs[:, 9:, None] == inputs[:, None, :8]).sum(-1)
    assert right[times == 1].float().mean() > right[times == 3].float().mean() + 0.1
