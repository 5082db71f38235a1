"""layernorm: by hand, by torch, by property."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from peers import properties
from torch.testing import assert_close

from gpt2lab.layernorm import LayerNorm, layer_norm


def test_by_hand():
    # mean 2.5; squared distances 2.25 + 0.25 + 0.25 + 2.25 = 5; biased variance 5 / 4 = 1.25
    x = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64)
    std = math.sqrt(1.25 + 0.01)
    expected = torch.tensor([-1.5 / std, -0.5 / std, 0.5 / std, 1.5 / std], dtype=torch.float64)
    one, zero = torch.ones(4, dtype=torch.float64), torch.zeros(4, dtype=torch.float64)
    assert_close(layer_norm(x, one, zero, eps=0.01), expected, atol=1e-14, rtol=0)
    assert_close(layer_norm(x, 2 * one, one, eps=0.01), 2 * expected + 1, atol=1e-14, rtol=0)


def test_equal_features_give_the_bias_and_no_nan():
    bias = torch.tensor([1.0, -2.0, 0.5])
    assert_close(layer_norm(torch.full((2, 3), 7.0), torch.ones(3), bias), bias.expand(2, 3), atol=0, rtol=0)


def features(width: int = 6):
    return st.lists(st.floats(-1e4, 1e4), min_size=width, max_size=width)


@properties
@given(st.lists(features(), min_size=1, max_size=5))
def test_every_token_gets_mean_zero_and_variance_one(rows):
    x = torch.tensor(rows, dtype=torch.float64)
    out = layer_norm(x, torch.ones(6, dtype=torch.float64), torch.zeros(6, dtype=torch.float64))
    variance = x.var(dim=-1, unbiased=False)
    assert_close(out.mean(dim=-1), torch.zeros(len(rows), dtype=torch.float64), atol=1e-7, rtol=0)
    # eps takes a little away from the 1, and everything from a token without any spread
    assert_close(out.var(dim=-1, unbiased=False), variance / (variance + 1e-5), atol=1e-6, rtol=0)


@properties
@given(features(), features(), st.floats(0.5, 100), st.floats(-100, 100))
def test_tokens_do_not_see_each_other_and_shift_and_scale_vanish(first, second, scale, shift):
    one, zero = torch.ones(6, dtype=torch.float64), torch.zeros(6, dtype=torch.float64)
    x = torch.tensor([first, second], dtype=torch.float64)
    both = layer_norm(x, one, zero)
    assert_close(layer_norm(x[:1], one, zero), both[:1], atol=1e-12, rtol=0)
    if x[0].std() > 1:
        moved = layer_norm(scale * x[:1] + shift, one, zero)
        assert_close(moved, both[:1], atol=1e-4, rtol=0)


@pytest.mark.parametrize("shape", [(5,), (2, 3, 5), (1, 1, 1), (4, 64), (2, 3, 4, 8)])
@pytest.mark.parametrize("eps", [1e-5, 1e-2])
def test_equation_agrees_with_torch(shape, eps):
    torch.manual_seed(0)
    x = 3 * torch.randn(shape, dtype=torch.float64) + 1
    weight, bias = torch.randn(2, shape[-1], dtype=torch.float64)
    assert_close(
        layer_norm(x, weight, bias, eps),
        F.layer_norm(x, shape[-1:], weight, bias, eps),
        atol=1e-12, rtol=0,
    )  # fmt: skip


def test_module_forward_trace_and_equation_agree():
    torch.manual_seed(0)
    norm = LayerNorm(7, eps=1e-3)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    x = torch.randn(2, 4, 7)
    expected = layer_norm(x, norm.weight, norm.bias, 1e-3)
    trace = norm.trace(x)
    assert_close(norm(x), expected, atol=1e-6, rtol=0)
    assert_close(trace.out, expected, atol=1e-6, rtol=0)
    assert_close(trace.mean, x.mean(-1, keepdim=True))
    assert_close(trace.std, (x.var(-1, keepdim=True, correction=0) + 1e-3).sqrt())
    assert_close(trace.normalized * norm.weight + norm.bias, trace.out)


def test_module_agrees_with_torchs_module_and_starts_as_the_identity_gain():
    ours, theirs = LayerNorm(9), torch.nn.LayerNorm(9, eps=1e-5)
    assert_close(ours.weight, torch.ones(9), atol=0, rtol=0)
    assert_close(ours.bias, torch.zeros(9), atol=0, rtol=0)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(3, 5, 9)
    assert_close(ours(x), theirs(x), atol=0, rtol=0)
    assert repr(ours) == "LayerNorm(9, eps=1e-05)"


def test_gradient_of_the_equation():
    x, weight, bias = (torch.randn(s, dtype=torch.float64, requires_grad=True) for s in ((2, 5), (5,), (5,)))
    assert torch.autograd.gradcheck(layer_norm, (x, weight, bias))


@pytest.mark.parametrize(("weight", "bias"), [((3,), (4,)), ((4,), (1,)), ((2, 4), (4,)), ((), (4,))])
def test_refuses_gains_that_do_not_fit(weight, bias):
    with pytest.raises(ValueError, match=r"one weight and one bias per feature: x has 4 features.*\(2, 4\)"):
        layer_norm(torch.randn(2, 4), torch.ones(weight), torch.zeros(bias))
    with pytest.raises(ValueError, match="x has 0 features"):
        layer_norm(torch.tensor(1.0), torch.ones(1), torch.zeros(1))
