"""Tokens that join a sentence as ids, and the draw, which is a function of one number."""

import pytest
import torch
from explorers import explorer
from hypothesis import given
from hypothesis import strategies as st

from gpt2lab.explorer.screen import Knobs
from gpt2lab.explorer.views.next import draw
from gpt2lab.generation.sampling import next_token_probabilities


def test_ids_from_the_browser_are_shown_as_they_are_and_taken_back():
    e = explorer("a b")
    own = e.tokens[0].tolist()
    e._tokens = [*own, 1023]  # <|endoftext|>, which no text stands for
    assert e.tokens[0].tolist() == [*own, 1023]
    e.text += "!"
    assert e._tokens == [] and 1023 not in e.tokens[0].tolist()
    e._tokens = [*own, 1023]
    e.text, e._tokens = "a b", []
    assert e.tokens[0].tolist() == own


def test_undo_from_ids_to_a_text_of_the_same_letters_shows_the_texts_own_tokens():
    e = explorer("for")
    e._tokens = [ord(c) for c in "for"]
    assert e.tokens.shape == (1, 3) and e.text == "for"
    e._tokens = []
    assert e.tokens[0].tolist() == e.encoding.encode_ordinary("for")


@pytest.mark.parametrize("ids", [[99_999], [-1], ["x"]])
def test_impossible_ids_are_a_sentence_and_the_picture_stays(ids):
    e = explorer("a b")
    before = e.tokens
    e._tokens = ids
    assert "token id" in e.message
    assert torch.equal(e.tokens, before)


@given(st.integers(0, 999_999), st.sampled_from([0.0, 0.7, 1.5]), st.sampled_from([0, 3]), st.sampled_from([0.5, 1.0]))
def test_a_draw_has_a_place_on_the_line_of_probabilities(number, temperature, top_k, top_p):
    logits = torch.linspace(-2, 2, 9)
    knobs = Knobs(temperature, top_k, top_p)
    p = next_token_probabilities(logits, *knobs.arguments).double()
    token = draw(logits, knobs, number / 1e6)
    assert p[token] > 0
    ends = p.cumsum(0) / p.sum()
    assert ends[token] - p[token] / p.sum() - 1e-9 <= number / 1e6 <= ends[token] + 1e-9


def test_greedy_is_the_most_probable_and_the_question_needs_all_numbers():
    e = explorer(temperature=0.0)
    last = e.tokens.shape[1] - 1
    meta, data = e.answer(f"draw/{last}/0/0/1000/999999")
    assert meta == {"id": int(e.runs[0].logits(last).argmax())} and data == []
    with pytest.raises(ValueError, match="unknown question"):
        e.answer(f"draw/{last}/0/0/1000")


@pytest.mark.parametrize("text", ["ids: 1023 5 7", "  ids:1023, 5,7", "ids: 1023\n5 7 "])
def test_ids_are_typed_into_the_text_field(text):
    e = explorer()
    e.text = text
    assert e.tokens.tolist() == [[1023, 5, 7]] and e.text == text and e.message == ""
    assert "torch.tensor([[1023, 5, 7]])" in e.code()
    assert explorer(state=e.state).tokens.tolist() == [[1023, 5, 7]]
    e.text = "ids"
    assert e.tokens[0].tolist() == e.encoding.encode_ordinary("ids")


@pytest.mark.parametrize("text", ["ids: none", "the ids: 5 7", "ids:", "kids: 5"])
def test_a_text_about_ids_stays_a_text(text):
    e = explorer(text)
    assert e.tokens[0].tolist() == e.encoding.encode_ordinary(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ids: 5 x", "behind ids: expected token ids such as 50256 318, got 'x'"),
        ("ids: 99999", "must lie in [0, 1024)"),
    ],
)
def test_ids_that_cannot_be_are_a_sentence_and_what_was_typed_stays(text, why):
    e = explorer("a b")
    before = e.tokens
    e.text = text
    assert why in e.message and e.text == text
    assert torch.equal(e.tokens, before)
