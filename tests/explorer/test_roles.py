import pytest
import torch

from gpt2lab.explorer.roles import head_scores, roles
from gpt2lab.zoo import load_toy

TOKENS = torch.tensor([5, 7, 9, 3, 5, 7, 9, 3])


def head(rule):
    """A head that puts all of its attention on one key per query."""
    weights = torch.zeros(8, 8)
    for query in range(8):
        weights[query, rule(query)] = 1.0
    return weights


PURE = {
    "previous token": head(lambda q: max(q - 1, 0)),
    "first token": head(lambda q: 0),
    "itself": head(lambda q: q),
    "same token": head(lambda q: q - 4 if q >= 4 else 1 if q else 0),
    "induction": head(lambda q: q - 3 if q >= 4 else 1 if q else 0),
}


@pytest.mark.parametrize("name", PURE)
def test_a_head_that_does_one_thing_is_recognised_with_a_full_score(name):
    (found,) = roles(PURE[name][None], TOKENS)
    assert found["role"] == name
    assert found["score"] == 1.0
    assert 0 < found["chance"] < 0.5


def test_the_first_two_queries_do_not_count_where_they_cannot_tell_roles_apart():
    weights = PURE["previous token"].clone()
    weights[:2] = 0.0  # queries 0 and 1 look nowhere, and nothing is lost
    scores = head_scores(weights[None], TOKENS)
    assert float(scores["previous token"][0][0]) == pytest.approx(1.0)
    weights[2] = 0.0  # query 2 counts: one of six
    assert float(head_scores(weights[None], TOKENS)["previous token"][0][0]) == pytest.approx(5 / 6)


def test_uniform_attention_has_no_role_and_scores_chance():
    uniform = torch.ones(8, 8).tril()
    uniform = uniform / uniform.sum(-1, keepdim=True)
    (found,) = roles(uniform[None], TOKENS)
    assert found["role"] == ""
    for scores, chance in head_scores(uniform[None], TOKENS).values():
        assert float(scores[0]) == pytest.approx(chance, abs=1e-6)


def test_without_a_repeated_token_nothing_is_said_about_induction():
    scores = head_scores(PURE["first token"][None, :5, :5], torch.tensor([1, 2, 3, 4, 5]))
    assert set(scores) == {"previous token", "first token", "itself"}


def test_a_wrong_shape_is_a_sentence():
    with pytest.raises(ValueError, match=r"head_scores needs weights \(n_heads, 8, 8\) for 8 tokens, got \(8, 8\)"):
        head_scores(torch.zeros(8, 8), TOKENS)


def test_weights_of_another_length_are_refused():
    with pytest.raises(ValueError, match=r"for 8 tokens, got \(2, 7, 7\)"):
        head_scores(torch.zeros(2, 7, 7), TOKENS)


def test_two_words_that_come_twice_make_no_head_a_copying_head():
    """The shipped model on a sentence of its task: "the" and "it" repeat, and it looks for the noun it needs."""
    toy = load_toy("reference")
    for adjective in ("heavy", "weak"):
        ids = toy.encoding.encode(f"the robot could not lift the box because it was {adjective}. it means the")
        trace = toy.model.trace(torch.tensor([ids]))
        for block in trace.blocks:
            (found,) = roles(block.attn.attn_weights[0].detach(), torch.tensor(ids))
            assert found["role"] == "", (adjective, found)


def test_three_words_that_come_twice_do():
    tokens = torch.tensor([5, 7, 9, 5, 7, 9])
    weights = torch.zeros(6, 6)
    for query in range(6):
        weights[query, query - 2 if query >= 3 else 1 if query else 0] = 1.0
    assert roles(weights[None], tokens)[0]["role"] == "induction"
    weights = torch.zeros(5, 5)
    for query in range(5):
        weights[query, query - 1 if query >= 3 else 1 if query else 0] = 1.0
    assert roles(weights[None], torch.tensor([5, 7, 5, 7, 5]))[0]["role"] != "induction"
