"""The filing cabinet: its weights are a softmax, its result is a blend."""

import pytest
import torch

from gpt2lab.widgets.filing_cabinet_panel import KEYS, QUERIES, VALUES, WORDS, FilingCabinetPanel


@pytest.fixture(scope="module")
def cabinet():
    return FilingCabinetPanel()


def test_weights_by_hand(cabinet):
    cabinet.set(looks_for="a thing", sharpness=2.0, lookup="soft")
    raised = [2.718281828 ** (2.0 * key) for key in KEYS[:, 0].tolist()]
    by_hand = torch.tensor(raised) / sum(raised)
    torch.testing.assert_close(cabinet.weights(), by_hand, atol=1e-6, rtol=0)
    rounded = [round(w, 2) for w in by_hand.tolist()]
    assert cabinet.result["weights"] == dict(zip(WORDS, rounded, strict=True))


WINNERS = [("a thing", "robot"), ("a person", "human"), ("a deed", "helped")]


@pytest.mark.parametrize(("query", "winner"), WINNERS)
def test_each_note_opens_its_folder_widest(cabinet, query, winner):
    cabinet.set(looks_for=query, sharpness=4.0, lookup="soft")
    weights = cabinet.result["weights"]
    assert max(weights, key=weights.get) == winner


def test_nothing_asked_is_the_average(cabinet):
    for settings in ({"looks_for": "nothing", "sharpness": 4.0}, {"looks_for": "a thing", "sharpness": 0.0}):
        cabinet.set(lookup="soft", **settings)
        torch.testing.assert_close(cabinet.weights() @ VALUES, VALUES.mean(0), atol=1e-6, rtol=0)


def test_hard_lookup_takes_one_folder(cabinet):
    cabinet.set(looks_for="a person", sharpness=4.0, lookup="hard")
    torch.testing.assert_close(cabinet.weights() @ VALUES, VALUES[WORDS.index("human")], atol=0, rtol=0)


def test_a_bad_query_is_one_sentence(cabinet):
    with pytest.raises(ValueError, match="looks_for must be one of"):
        cabinet.looks_for = "a cat"
    assert set(QUERIES) == {"a thing", "a person", "a deed", "nothing"}
