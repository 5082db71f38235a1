"""Greedy translation: the source once, the target step by step."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from gpt2lab.config import GPT2Config
from gpt2lab.family import EncoderDecoder, EncoderDecoderConfig, translate, translate_steps
from gpt2lab.model import GPT2

CONFIG = EncoderDecoderConfig(
    vocab_size=11, source_vocab_size=13, context_length=12, n_layers=1, n_heads=2, d_model=16, dropout=0.1
)


def made(seed: int = 0) -> EncoderDecoder:
    torch.manual_seed(seed)
    return EncoderDecoder(CONFIG)  # in training mode: translation must not depend on it


SOURCES = [[1, 2, 3, 4], [5], [6, 7]]


def by_hand(model: EncoderDecoder, source: list[int], start: int, end: int, most: int) -> list[int]:
    model.eval()
    target = [start]
    for _ in range(most):
        target.append(int(model(torch.tensor([source]), torch.tensor([target]))[0, -1].argmax()))
        if target[-1] == end:
            return target[1:-1]
    return target[1:]


def test_each_row_is_translated_as_if_alone():
    lengths = set()
    for seed in range(4):
        for end in range(1, 11):
            model = made(seed)
            together = translate(model, SOURCES, start=0, end=end, max_new_tokens=8)
            assert model.training  # as it was
            assert together == [by_hand(model, source, 0, end, 8) for source in SOURCES]
            lengths |= {len(row) for row in together}
    assert len(lengths) > 2  # some end by themselves, some at the limit


def test_the_steps_are_the_distributions_of_the_model():
    model = made().eval()
    source, target = torch.tensor([SOURCES[0]]), torch.tensor([[0]])
    for token, probabilities in translate_steps(model, source, start=0, end=10, max_new_tokens=6):
        with torch.no_grad():
            assert_close(probabilities, model(source, target)[:, -1].softmax(-1), atol=1e-6, rtol=0)
        assert token.shape == (1, 1) and int(token) == int(probabilities.argmax())
        target = torch.cat([target, token], dim=1)
    assert target.shape[1] > 1


def test_a_row_that_has_ended_repeats_its_end():
    seen = 0
    for end in range(1, 11):
        steps = translate_steps(made(), SOURCES, start=0, end=end, max_new_tokens=8)
        tokens = torch.cat([token for token, _ in steps], dim=1)  # (B, T)
        after = (tokens == end).cumsum(dim=1) > 0
        assert (tokens[after] == end).all()
        seen += int(after.sum() > after.any(dim=1).sum())
    assert seen  # some rows went on after another had ended


def test_a_translation_ends_at_the_context():
    assert len(translate(made(), [[1]], start=0, end=10)[0]) <= CONFIG.context_length


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(source=[[]]), r"tokens are empty \(row 0 has none\)"),
        (dict(source=[]), "there is no row"),
        (dict(source=["three"]), "got 'three' as row 0"),
        (dict(source=[[1] * 13]), "the source has 13 tokens, but context_length is 12"),
        (dict(source=[[13]]), r"token ids of the source must lie in \[0, 13\), got 13"),
        (dict(source=torch.tensor([1])), r"source must have shape \(B, T\)"),
        (dict(source_mask=torch.ones(1, 2).bool()), "lists of token ids need no source_mask"),
        (dict(source=torch.tensor([[1]]), source_mask=torch.ones(1, 2).bool()), "the shape of the source"),
        (dict(start=11), r"start: token ids must lie in \[0, 11\), got 11"),
        (dict(end=-1), "end: a token id must be a whole number of at least 0, got -1"),
        (dict(end="end"), "end: a token id must be a whole number"),
        (dict(max_new_tokens=0), "max_new_tokens must be a whole number of at least 1, got 0"),
        (dict(max_new_tokens=13), "max_new_tokens must be at most context_length = 12, got 13"),
        (dict(model=GPT2(GPT2Config.tiny(vocab_size=11))), "translate needs an EncoderDecoder, got GPT2"),
    ],
)
def test_bad_input_is_one_sentence_before_the_first_step(arguments, message):
    with pytest.raises(ValueError, match=message):
        translate_steps(**{"model": made(), "source": [[1]], "start": 0, "end": 10, **arguments})
