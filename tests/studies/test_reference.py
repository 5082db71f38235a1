"""The study of ten seeds: the table belongs to the models, and says what the chapter says."""

import pytest
import torch

from gpt2lab.studies.reference import (
    ELSEWHERE,
    KEPT,
    KINDS,
    PLACES,
    RECIPES,
    SEEDS,
    SENTENCES,
    SHIPPED,
    evaluate,
    exchange_nouns,
    follows,
    kinds_and_places,
    load_run,
    rest_near_half,
    study_table,
)
from gpt2lab.tasks.reference import Reference

TOLERANCE = 0.02  # of shares and mean weights: about ten of 512 sentences, for another machine's rounding
SENTENCES_BY_KIND = [
    "because it was weak the robot could not lift the box. it means the",
    "today because it was heavy the robot could not lift the box. it means the",
    "once more the robot could not lift the box because it was weak. it means the",
    "the robot could not lift the box because it was heavy. it means the",
]


@pytest.fixture(scope="module")
def task():
    return Reference()


@pytest.mark.parametrize("seed", [SHIPPED, KEPT])
def test_the_models_at_hand_give_their_rows_of_the_table(seed):
    stored, measured = study_table()["runs"]["as shipped"][seed], evaluate(load_run(seed))
    assert stored["seed"] == seed and set(measured) < set(stored)
    for name in ("head", "sentences"):
        assert measured[name] == stored[name]
    for name in ("accuracy", "looks_right", "on_right", "silenced", "silenced_mean", "looks_by_kind"):
        torch.testing.assert_close(torch.tensor(measured[name]), torch.tensor(stored[name]), atol=TOLERANCE, rtol=0)
    for name in ("weights", "carries"):
        for place, values in measured[name].items():
            torch.testing.assert_close(values, stored[name][place], atol=TOLERANCE, rtol=0)


def test_the_table_is_complete_and_can_be_true():
    table = study_table()
    assert table["device"].startswith("cpu") and table["torch"] and table["seconds"] > 0
    assert table["command"] == "python -m gpt2lab.studies.reference"
    assert table["recipes"] == RECIPES and list(table["runs"]) == list(RECIPES)
    assert table["kinds"] == list(KINDS) and table["places"] == list(PLACES)
    for runs in table["runs"].values():
        assert [run["seed"] for run in runs] == list(SEEDS)
        for run in runs:
            layer, head = run["head"]
            assert run["looks_right"][layer][head] == max(max(heads) for heads in run["looks_right"])
            assert 0.9 < run["accuracy"] <= 1 and sum(run["sentences"]) == SENTENCES
            attention = torch.tensor([run["weights"][place] for place in PLACES])  # (places, kinds)
            torch.testing.assert_close(attention.sum(dim=0), torch.ones(len(KINDS)), atol=0.004, rtol=0)
            assert set(run["carries"]) == {*PLACES, ELSEWHERE}


def test_what_the_chapters_say_holds():
    runs = study_table()["runs"]
    clear = {name: [max(map(max, run["looks_right"])) >= 0.9 for run in r] for name, r in runs.items()}
    shipped = runs["as shipped"]
    assert [run["seed"] for run, yes in zip(shipped, clear["as shipped"], strict=True) if yes] == [SHIPPED, 8]
    assert all(run["rest"] for run in shipped) and all(run["accuracy"] > 0.99 for run in shipped)
    for run in shipped:  # every model breaks without the head that looks at the right noun most often
        layer, head = run["head"]
        assert max(run[how][layer][head] for how in ("silenced", "silenced_mean")) < 0.6
    fetched = [[share >= 0.9 for share in run["carries"]["right noun"]] for run in shipped]
    assert [sum(kinds) for kinds in fetched] == [3, 3, 4, 3, 0, 0, 3, 3, 4, 2]
    assert max(max(shipped[seed]["carries"]["right noun"]) for seed in (4, 5)) == 0
    patient = "2,000 steps, a third of the learning rate"
    assert sum(clear[patient]) >= 7 and sum(clear["2,000 steps"]) <= 3 and not any(clear["dropout 0.1"])


def test_each_word_belongs_to_one_place(task):
    for k, text in enumerate(SENTENCES_BY_KIND):
        tokens = task.encode(text)  # (1, T)
        kind, places = kinds_and_places(task, tokens)
        assert kind.item() == k
        assert (places.sum(dim=1) == 1).all()
        right, other = ("robot", "box") if k % 2 == 0 else ("box", "robot")
        adjective = "weak" if k % 2 == 0 else "heavy"
        expected = [right, other, "could not lift the", f"because it was {adjective}", ". it means the"]
        for name, words in zip(PLACES, expected, strict=False):
            chosen = tokens[0, places[0, PLACES.index(name)]]
            assert task.encoding.decode(chosen.tolist()).strip() == words


def test_padding_belongs_to_no_place(task):
    tokens, _ = task.batch(64, torch.Generator().manual_seed(0), "held_out")
    query, _, _ = task.noun_positions(tokens)
    _, places = kinds_and_places(task, tokens)
    covered = torch.arange(tokens.shape[1]) <= query[:, None]
    assert torch.equal(places.any(dim=1), covered) and torch.equal(places.sum(dim=1), covered.long())


def test_exchanged_nouns_exchange_the_answer(task):
    for text in SENTENCES_BY_KIND:
        exchanged = exchange_nouns(task, task.encode(text))[0].tolist()
        marked = text.replace("robot", "#").replace("box", "robot").replace("#", "box")
        assert task.encoding.decode(exchanged) == marked


def test_the_answer_follows_all_words_and_no_words_not_at_all(task):
    tokens, _ = task.batch(128, torch.Generator().manual_seed(3), "held_out")
    model, everything = load_run(SHIPPED), torch.ones_like(tokens, dtype=torch.bool)
    assert follows(model, task, tokens, everything).all()
    assert not follows(model, task, tokens, ~everything).any()


def test_a_rest_is_three_evaluations_in_a_row_near_one_half():
    def marks(*accuracies):
        return [{"step": 20 * (i + 1), "accuracy": a} for i, a in enumerate(accuracies)]

    assert rest_near_half(marks(0.1, 0.5, 0.5, 0.9, 0.5, 0.4, 0.6, 0.5, 1.0)) == [100, 160]
    assert rest_near_half(marks(0.1, 0.5, 0.5, 0.9, 1.0)) is None


def test_seeds_that_are_not_at_hand_say_how_to_make_them():
    with pytest.raises(ValueError, match="seeds 2 and 4 come with the course, got 7.*--seed 7"):
        load_run(7)
