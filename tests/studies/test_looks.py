"""Looks that are uses: the stored shares, and the shipped model measured again."""

import pytest
import torch

from gpt2lab.studies.looks import (
    NAME,
    cross_mask,
    looks,
    looks_after_the_same,
    looks_past_the_rule,
    looks_table,
    weight_at_the_end,
)
from gpt2lab.studies.translations import SEEDS, translations_table
from gpt2lab.zoo import load_toy


@pytest.fixture(scope="module")
def toy():
    return load_toy(NAME)


def test_the_shipped_model_is_one_of_the_table(toy):
    at = SEEDS.index(translations_table()["rows"][NAME]["seed"])
    for hidden, value in looks(toy.model, toy.task).items():
        assert value == pytest.approx(looks_table()["right"][hidden][at], abs=0.01), hidden
    assert weight_at_the_end(toy.model, toy.task) == pytest.approx(looks_table()["at_the_end"][at], abs=0.01)


@pytest.mark.parametrize("name", [NAME, "dates"])
def test_where_a_rule_of_places_is_wrong_the_head_is_right(name):
    toy, seeds = load_toy(name), looks_table()["past_the_rule"][name]
    assert len(seeds) == len(SEEDS) and min(seeds) > 0.9
    at = SEEDS.index(translations_table()["rows"][name]["seed"])
    assert looks_past_the_rule(toy.model, toy.task) == pytest.approx(seeds[at], abs=0.01)


def test_the_same_length_and_digits_and_another_word(toy):
    seeds = looks_table()["after_the_same"]
    assert min(seeds["hundred"]) > 0.98 and min(seeds["thousand"]) > 0.98
    at = SEEDS.index(translations_table()["rows"][NAME]["seed"])
    for word, weight in looks_after_the_same(toy.model, toy.task).items():
        assert weight == pytest.approx(seeds[word][at], abs=0.01)


def test_what_was_found_with_every_seed():
    right = looks_table()["right"]
    assert all(len(shares) == len(SEEDS) for shares in right.values())
    assert max(right["the right word"]) < 0.1 and min(right["nothing"]) > 0.98
    assert min(right["all but the right word"]) > 0.98
    # A look that is no use: nearly all weight on one word, and nothing is missed without it.
    assert min(looks_table()["at_the_end"]) > 0.95
    assert min(right["the word looked at while the end is written"]) > 0.98
    assert all(0.35 < share < 0.7 for share in right["as by a causal mask"])  # the answer that chapter 13 offers
    assert max(right["as by a causal mask, whole numbers"]) < 0.3


def test_a_mask_is_taken_back_after_an_error(toy):
    source, target = toy.task.encode("forty two"), toy.task.encode("=42")
    before = toy.model(source, target)
    first_word = torch.tensor([[[[True, False]]]])
    with pytest.raises(RuntimeError, match="stop"), cross_mask(toy.model, first_word, [0, 1]):
        assert not torch.allclose(toy.model(source, target), before)
        raise RuntimeError("stop")
    assert torch.equal(toy.model(source, target), before)
