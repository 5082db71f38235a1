"""trace: every value is there, by its name, frozen, and nothing stays on the model."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from peers import random_model, random_tokens
from torch.testing import assert_close

from gpt2lab.config import GPT2Config

config = GPT2Config.tiny(vocab_size=40, n_layers=3, d_model=12, n_heads=2, d_ff=20)
B, T = 2, 5


@pytest.fixture(scope="module")
def model():
    return random_model(config, dtype=torch.float64)


@pytest.fixture(scope="module")
def trace(model):
    return model.trace(random_tokens(config, B, T))


def test_every_field_has_its_shape(trace):
    stream, heads, scores = (B, T, 12), (B, 2, T, 6), (B, 2, T, T)
    norm = {"mean": (B, T, 1), "std": (B, T, 1), "normalized": stream, "out": stream}
    attn = {"q": heads, "k": heads, "v": heads, "scores": scores, "mask": (T, T), "attn_weights": scores}
    attn |= {"head_out": heads, "out": stream, "raw_scores": scores, "masked_scores": scores}
    ffn = {"pre": (B, T, 20), "post": (B, T, 20), "out": stream}
    top = {"tokens": (B, T), "token_embedding": stream, "position_embedding": (T, 12)}
    top |= {"resid_final": stream, "logits": (B, T, 40)}
    assert len(trace.blocks) == 3
    for block in trace.blocks:
        parts = [(block.ln_1, norm), (block.attn, attn), (block.ln_2, norm), (block.ffn, ffn)]
        parts += [(block, dict.fromkeys(("resid_pre", "resid_mid", "resid_post"), stream))]
        for part, shapes in [*parts, (trace.ln_f, norm), (trace, top)]:
            for name, shape in shapes.items():
                assert tuple(getattr(part, name).shape) == shape, name


def test_the_stream_runs_through(trace):
    assert torch.equal(trace.blocks[0].resid_pre, trace.token_embedding + trace.position_embedding)
    for before, after in zip(trace.blocks, trace.blocks[1:], strict=False):
        assert torch.equal(before.resid_post, after.resid_pre)
    assert torch.equal(trace.resid_final, trace.blocks[-1].resid_post)


@pytest.mark.parametrize("layers", [[], [1], [0, 2], {2}, (0, 0)])
def test_layers_selects_what_is_recorded_and_changes_no_result(model, trace, layers):
    part = model.trace(trace.tokens, layers=layers)
    assert [block is not None for block in part.blocks] == [i in layers for i in range(3)]
    assert_close(part.logits, trace.logits, atol=1e-12, rtol=0)
    for i in layers:
        assert_close(part.blocks[i].attn.out, trace.blocks[i].attn.out, atol=1e-12, rtol=0)


def test_traces_are_frozen(trace):
    for part in (trace, trace.ln_f, trace.blocks[0], trace.blocks[0].attn, trace.blocks[0].ffn):
        with pytest.raises(dataclasses.FrozenInstanceError):
            part.out = None


def test_nothing_is_kept_on_the_model(model):
    before = [(name, set(vars(module))) for name, module in model.named_modules()]
    model.trace(random_tokens(config, B, T, seed=1))
    model(random_tokens(config, B, T, seed=2))
    assert [(name, set(vars(module))) for name, module in model.named_modules()] == before


def test_gradients_flow_through_a_trace(model):
    trace = model.trace(random_tokens(config, B, T))
    (grad,) = torch.autograd.grad(trace.logits.sum(), trace.blocks[1].attn.attn_weights)
    assert grad.abs().max() > 0


def test_without_a_mask_there_is_none(model):
    model.blocks[0].attn.causal = False
    try:
        attn = model.trace(random_tokens(config, B, T)).blocks[0].attn
    finally:
        model.blocks[0].attn.causal = True
    assert attn.mask is None
    assert torch.equal(attn.masked_scores, attn.scores)
