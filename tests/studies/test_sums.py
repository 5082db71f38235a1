"""The study of learning without sums: its table belongs to its code, and says what the chapter says."""

import pytest
import torch

from gpt2lab.studies import sums
from gpt2lab.studies.sums import DEPTHS, INITS, KINDS, RATES, SEEDS, Successor, losses, sums_table


def test_the_answer_to_each_letter_is_the_next_one():
    inputs, targets = Successor(8).batch(5, torch.Generator().manual_seed(0))
    assert inputs.shape == targets.shape == (5, 8)
    assert set((targets - inputs).flatten().tolist()) == {1, -15}  # after p comes a again


def test_table_is_complete():
    table = sums_table()
    assert table["depths"] == list(DEPTHS) and set(table["loss"]) == set(KINDS) and table["seeds"] == SEEDS
    for kind in KINDS:
        assert [len(runs) for runs in table["loss"][kind]] == [SEEDS] * len(DEPTHS)
        assert [len(means) for means in table["tried"][kind]] == [len(RATES) * len(INITS)] * len(DEPTHS)
        for runs, means in zip(table["loss"][kind], table["tried"][kind], strict=True):
            torch.testing.assert_close(sum(runs) / SEEDS, min(means), atol=1e-3, rtol=0)  # the best was taken


def test_what_the_chapter_says_holds_for_every_seed():
    deepest = {kind: runs[-1] for kind, runs in sums_table()["loss"].items()}
    assert max(deepest["with sums"]) < 0.3 and max(deepest["without sums, one letter"]) < 0.3
    assert min(deepest["without sums"]) > 2.5  # a guess costs 2.77
    assert max(sums_table()["loss"]["without sums"][DEPTHS.index(4)]) < 0.1
    inside = [rate for rate, _ in sums_table()["chosen"]["without sums"]][-1]
    assert min(RATES) < inside < max(RATES)  # a still better rate does not lie outside


def test_two_runs_repeat_and_training_lowers_the_loss():
    first, again = (losses("with sums", 1, 1e-2, True, range(2), steps=30) for _ in range(2))
    torch.testing.assert_close(first, again, atol=1e-5, rtol=0)
    assert max(first) < sums_table()["chance"] / 2


@pytest.mark.parametrize("kind", KINDS)
def test_models_differ_in_their_sums_only(kind, monkeypatch):
    built = []
    monkeypatch.setattr(sums, "train_stacked", lambda models, *rest: built.extend(models) or Stopped())
    losses(kind, 2, 1e-3, False, range(1))
    assert (type(built[0].blocks[0]).__name__ == "NoResidualBlock") == kind.startswith("without")


class Stopped:
    scores = {"loss": [[0.0]]}
