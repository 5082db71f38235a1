"""The study of routes: the table belongs to the code, and says what the chapter says."""

import pytest
import torch
from torch.testing import assert_close

from gpt2lab.studies.inside import (
    BACK,
    KEPT,
    NOUN_SEEDS,
    OFFSETS,
    ONE_LAYER_SEEDS,
    SEEDS,
    copy_route,
    inside_table,
    load_copier,
    looks_back,
    looks_behind,
    nouns_said,
)
from gpt2lab.tasks.reference import Reference
from gpt2lab.zoo import load_toy


def test_the_kept_model_is_the_one_in_the_table():
    stored, measured = inside_table()["two_layers"][KEPT], copy_route(load_copier(KEPT), KEPT)
    for name in ("accuracy", "looks", "layer_0_cut", "layer_1_cut"):
        assert_close(torch.tensor(measured[name]), torch.tensor(stored[name]), atol=0.01, rtol=0)


def test_other_seeds_are_refused():
    with pytest.raises(ValueError, match="seed 2 comes with the course, got 3"):
        load_copier(3)


def test_what_the_chapter_says_holds():
    table = inside_table()
    assert len(table["two_layers"]) == SEEDS and len(table["one_layer"]) == ONE_LAYER_SEEDS
    assert all(0.15 < share < 0.25 for share in table["one_layer"])
    behind, one_back = OFFSETS.index(1), BACK.index(1)
    usual = [run for run in table["two_layers"] if run["looks"][behind] > 0.9]
    late = [run for run in table["two_layers"] if run["looks"][behind] < 0.05]
    assert (len(usual), len(late)) == (8, 2)
    for run in usual:
        assert run["accuracy"] > 0.99 and run["layer_0_cut"][one_back] < 0.05 and run["layer_1_cut"][behind] < 0.05
        assert min(run["layer_0_cut"][1:]) > 0.95  # looks two and three back can go
    for run in late:
        assert run["accuracy"] > 0.97 and run["layer_1_cut"][behind] > 0.97
        assert max(run["looks"][behind + 1 :]) > 0.5 and min(run["layer_1_cut"][behind + 1 :]) < 0.55
        assert max(run["layer_0_cut"]) < 0.9  # no single distance that layer 0 could do without


def test_halfway_the_other_noun_is_said():
    for run in inside_table()["nouns"]:
        half = next(i for i, share in enumerate(run["right"]) if share >= 0.44)
        assert run["other"][half] > 0.35 and run["neither"][half] < 0.15
        assert run["right"][-1] > 0.99
    assert len(inside_table()["nouns"]) == NOUN_SEEDS


def test_looks_by_hand():
    tokens = torch.tensor([[5, 6, 7, 8, 6, 9]])  # the second 6 stands at 4, its earlier copy at 1
    assert looks_behind(tokens, 0).nonzero().tolist() == [[0, 4, 1]]
    assert looks_behind(tokens, 2).nonzero().tolist() == [[0, 4, 3]]
    assert not looks_behind(tokens, 3).any()  # that is the token itself, which must keep one look
    assert looks_back(4, 2).nonzero().tolist() == [[2, 0], [3, 1]]


def test_a_trained_model_says_the_right_noun():
    tokens, _ = Reference().batch(64, torch.Generator().manual_seed(0), "held_out")
    model = load_toy("reference").model.train()
    assert nouns_said(model, tokens) == (1.0, 0.0, 0.0)
    assert model.training
