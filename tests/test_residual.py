"""residual: the stream is the sum of what its parts wrote."""

from __future__ import annotations

import pytest
import torch
from peers import random_model, random_tokens
from torch.testing import assert_close

from gpt2lab.config import GPT2Config
from gpt2lab.residual import contributions, residual_init_scale, stream

config = GPT2Config.tiny(vocab_size=40, n_layers=3)


def traced(layers=None):
    model = random_model(config, dtype=torch.float64)
    return model.trace(random_tokens(config, 2, 6), layers=layers)


def test_the_contributions_add_up_to_the_stream():
    trace = traced()
    parts = contributions(trace)
    names = ["token", "position", "attn 0", "ffn 0", "attn 1", "ffn 1", "attn 2", "ffn 2"]
    assert list(parts) == names
    assert all(part.shape == (2, 6, 32) for part in parts.values())
    assert_close(sum(parts.values()), trace.resid_final, atol=1e-12, rtol=0)
    so_far = sum(parts[name] for name in names[:4])
    assert_close(so_far, trace.blocks[0].resid_post, atol=1e-12, rtol=0)


def test_the_stream_before_and_after_each_block():
    trace = traced()
    line = stream(trace)
    assert line.shape == (4, 2, 6, 32)
    assert torch.equal(line[0], trace.token_embedding + trace.position_embedding)
    assert torch.equal(line[2], trace.blocks[1].resid_post)
    assert torch.equal(line[3], trace.resid_final)


@pytest.mark.parametrize("function", [contributions, stream])
def test_a_sum_with_missing_terms_is_refused(function):
    with pytest.raises(ValueError, match="needs a trace of all blocks, but block 1 is missing"):
        function(traced(layers=[0, 2]))


@pytest.mark.parametrize(("n_layers", "scale"), [(2, 0.5), (8, 0.25), (32, 0.125)])
def test_init_scale_by_hand(n_layers, scale):
    assert residual_init_scale(n_layers) == scale


def test_init_scale_keeps_a_sum_of_independent_terms_at_variance_one():
    torch.manual_seed(0)
    n_layers = 12
    total = (torch.randn(2 * n_layers, 200_000) * residual_init_scale(n_layers)).sum(0)
    assert abs(total.var().item() - 1) < 0.02  # the standard error is 0.003


def test_init_scale_refuses_no_layers():
    with pytest.raises(ValueError, match="n_layers must be at least 1, got 0"):
        residual_init_scale(0)
