"""Alignment: what is counted, and against which word."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from gpt2lab.config import GPT2Config
from gpt2lab.family import EncoderDecoderConfig, alignment_scores, right_by_place, weights_on_right_word
from gpt2lab.family.architectures import ARCHITECTURES, build_relative
from gpt2lab.model import GPT2
from gpt2lab.tasks import get_task
from gpt2lab.tasks.pairs import NOTHING


def test_the_scores_by_hand():
    weights = torch.tensor([[[0.9, 0.8, 0.1, 0.0], [0.1, 0.1, 0.85, 0.7]], [[0.79, 0.79, 0.79, 0.79], [0, 0, 0, 1.0]]])
    scores = alignment_scores(weights)
    assert scores == pytest.approx({"one_head": 2 / 4, "some_head": 1.0, "mean": 0.79})


def test_the_weights_are_those_of_the_maps():
    task = get_task("dates")
    config = EncoderDecoderConfig(
        vocab_size=task.encoding.n_vocab, context_length=task.length, n_layers=2, n_heads=2, d_model=16, dropout=0.0
    )
    model = build_relative("encoder-decoder", config, seed=3).eval()
    weights = weights_on_right_word(model, task, n=6, seed=5)
    expected = []
    for case in task.cases(6, torch.Generator().manual_seed(5), "held_out"):
        target = torch.tensor([[task.start, *case.target]])
        blocks = model.trace(torch.tensor([case.source]), target).decoder.blocks
        maps = torch.stack([block.cross_attn.attn_weights[0] for block in blocks])  # (n_layers, n_heads, T, S)
        # Place i holds the token before target token i, and predicts target token i.
        expected += [maps[:, :, i, at] for i, at in enumerate(case.said_by) if at != NOTHING]
    assert_close(weights, torch.stack(expected, dim=-1), atol=1e-6, rtol=0)


def test_a_rule_of_places_is_fooled_where_places_do_not_tell():
    """In “23 march 1815” and “march 3, 1815” the month has different places, and the sources may be equally long."""
    task = get_task("dates")
    right = right_by_place(task, n=64, seed=5)
    cases = task.cases(64, torch.Generator().manual_seed(5), "held_out")
    told = [(i, at, len(case.source)) for case in cases for i, at in enumerate(case.said_by) if at != NOTHING]
    assert right.dtype == torch.bool and len(right) == len(told)
    named: dict[tuple[int, int], set[int]] = {}
    for (place, at, n_words), found in zip(told, right.tolist(), strict=True):
        if found:
            named.setdefault((place, n_words), set()).add(at)
    assert all(len(words) == 1 for words in named.values())  # one word for each place and length
    assert 0.5 < right.double().mean() < 1


def test_a_model_without_cross_attention_is_refused():
    with pytest.raises(ValueError, match="alignment is read from cross-attention, which GPT2 has not"):
        weights_on_right_word(GPT2(GPT2Config.tiny()), get_task("dates"))


def test_architectures_by_name():
    config = EncoderDecoderConfig.tiny(vocab_size=5)
    state = torch.get_rng_state()
    for name in ARCHITECTURES:
        one, two, other = (build_relative(name, config, seed) for seed in (1, 1, 2))
        assert torch.equal(one.token_embedding.weight, two.token_embedding.weight)
        assert not torch.equal(one.token_embedding.weight, other.token_embedding.weight)
    assert torch.equal(torch.get_rng_state(), state)
    with pytest.raises(ValueError, match="unknown architecture 'encoder'; known ones: encoder-decoder, "):
        build_relative("encoder", config)
    with pytest.raises(ValueError, match="encoder-decoder needs a config of type EncoderDecoderConfig, got GPT2Config"):
        build_relative("encoder-decoder", GPT2Config.tiny())
