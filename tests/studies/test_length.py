"""The study of lists longer than in training: the table belongs to the shipped models."""

import pytest
import torch

from gpt2lab.studies import length as length_study
from gpt2lab.studies.length import EVALUATED, KINDS, MixedSort, evaluate, length_table, load_model, new_model
from gpt2lab.tasks.sort import Sort


@pytest.mark.parametrize("kind", KINDS)
def test_shipped_models_reach_what_the_table_says(kind):
    stored = length_table()["accuracy"][kind][0]
    for n_letters in (10, 16):
        measured = evaluate(load_model(kind), n_letters)
        torch.testing.assert_close(measured, stored[n_letters - min(EVALUATED)], atol=0.02, rtol=0)


def test_what_the_chapter_says_holds_for_every_seed():
    table, at_16 = length_table(), max(EVALUATED) - min(EVALUATED)
    assert set(table["accuracy"]) == set(KINDS) and table["device"] == "cpu"
    for runs in table["accuracy"].values():
        assert len(runs) == table["seeds"] and all(len(run) == len(EVALUATED) for run in runs)
        assert all(run[7] > 0.9 for run in runs)  # 10 letters: all have learned the task
    learned = [run[at_16] for run in table["accuracy"]["learned (GPT-2)"]]
    others = [run[at_16] for kind in list(KINDS)[1:] for run in table["accuracy"][kind]]
    assert max(learned) < min(others)


def test_each_kind_has_the_rate_that_was_best_with_seeds_that_are_not_reported():
    table = length_table()
    assert not set(length_study.TUNING_SEEDS) & set(range(table["seeds"]))
    for kind, by_rate in table["tuning"].items():
        assert list(map(float, by_rate)) == list(length_study.RATES)
        best = float(max(by_rate, key=lambda rate: by_rate[rate]))
        assert table["learning_rate"][kind] == best
        assert min(length_study.RATES) < best < max(length_study.RATES), f"{kind}: not at the edge of those tried"


def test_rates_are_judged_on_training_lists(monkeypatch):
    seen = []
    monkeypatch.setattr(length_study, "trained", lambda kind, seed, rate: seen.append(seed))
    monkeypatch.setattr(Sort, "evaluate", lambda task, model, **given: {"token_accuracy": given["split"] == "train"})
    assert length_study.tried("RoPE", 0.01) == 1.0 and tuple(seen) == length_study.TUNING_SEEDS


def test_batches_differ_in_length_and_stay_in_the_trained_range():
    generator = torch.Generator().manual_seed(0)
    lengths = {MixedSort().batch(2, generator)[0].shape[1] // 2 for _ in range(60)}
    assert lengths == set(length_study.TRAINED)


def test_unknown_kind_lists_the_known_ones():
    with pytest.raises(ValueError, match="kind must be one of learned"):
        new_model("xpos")
