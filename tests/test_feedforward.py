"""feedforward: GELU in its tanh form, and two linear maps around it, token by token."""

from __future__ import annotations

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from peers import copy_linear, properties, random_config, random_model, their_config
from torch import nn
from torch.testing import assert_close
from transformers.models.gpt2.modeling_gpt2 import GPT2MLP

from gpt2lab.config import GPT2Config
from gpt2lab.feedforward import FeedForward, gelu


def test_gelu_by_hand():
    # gelu(1) = 1/2 · (1 + tanh(sqrt(2/π) · 1.044715)), and gelu(-x) = gelu(x) - x
    one = 0.5 * (1 + math.tanh(math.sqrt(2 / math.pi) * 1.044715))
    x = torch.tensor([0.0, 1.0, -1.0, 20.0, -20.0], dtype=torch.float64)
    expected = torch.tensor([0.0, one, one - 1, 20.0, 0.0], dtype=torch.float64)
    assert_close(gelu(x), expected, atol=1e-15, rtol=0)


@properties
@given(st.floats(-50, 50))
def test_gelu_agrees_with_torch_and_lies_near_the_exact_form(x):
    x = torch.tensor([x], dtype=torch.float64)
    assert_close(gelu(x), F.gelu(x, approximate="tanh"), atol=1e-13, rtol=1e-13)
    assert (gelu(x) - F.gelu(x)).abs() < 5e-4  # near, so a mix-up shows only in a strict comparison


def test_gelu_is_the_tanh_form():
    x = torch.linspace(-4, 4, 401, dtype=torch.float64)
    assert (gelu(x) - F.gelu(x)).abs().max() > 1e-4


def lively(config: GPT2Config) -> FeedForward:
    torch.manual_seed(2)
    ffn = FeedForward(config).double()
    for parameter in ffn.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return ffn.eval()


def test_forward_trace_and_equation_agree():
    ffn = lively(GPT2Config.tiny(d_ff=20))
    x = torch.randn(2, 3, 32, dtype=torch.float64)
    trace = ffn.trace(x)
    assert_close(trace.pre, x @ ffn.up.weight.T + ffn.up.bias, atol=1e-12, rtol=0)
    assert_close(trace.post, gelu(trace.pre), atol=1e-12, rtol=0)
    assert_close(trace.out, trace.post @ ffn.down.weight.T + ffn.down.bias, atol=1e-12, rtol=0)
    assert_close(ffn(x), trace.out, atol=1e-12, rtol=0)
    assert (trace.out < 0).any()  # nothing clips the result


def test_every_token_alone():
    ffn = lively(GPT2Config.tiny())
    x = torch.randn(2, 5, 32, dtype=torch.float64)
    assert_close(ffn(x)[:, 2:3], ffn(x[:, 2:3]), atol=1e-12, rtol=0)


@pytest.mark.parametrize("seed", range(6))
def test_agrees_with_transformers_mlp(seed):
    config = random_config(seed)
    ffn = random_model(config, seed, torch.float64).blocks[0].ffn
    theirs = GPT2MLP(config.d_ff, their_config(config)).double().eval()
    with torch.no_grad():
        copy_linear(theirs.c_fc, ffn.up)
        copy_linear(theirs.c_proj, ffn.down)
    x = 3 * torch.randn(2, 9, config.d_model, dtype=torch.float64)
    assert_close(ffn(x), theirs(x), atol=1e-10, rtol=0)


def test_the_activation_is_a_socket_for_forward_and_trace():
    class ReLU(FeedForward):
        def activation(self, x):
            return F.relu(x)

    ffn = ReLU(GPT2Config.tiny())
    x = torch.randn(1, 4, 32)
    assert_close(ffn(x), ffn.down(F.relu(ffn.up(x))))
    assert_close(ffn.trace(x).out, ffn(x))


def test_dropout_only_while_training():
    ffn = FeedForward(GPT2Config.tiny(dropout=0.5))
    x = torch.randn(1, 4, 32)
    assert not torch.equal(ffn(x), ffn(x))
    traced = ffn.trace(x).out
    assert_close(ffn.eval()(x), traced)


@pytest.mark.parametrize("activation", [F.relu, nn.ReLU(), nn.PReLU()], ids=["function", "module", "with weights"])
def test_the_activation_can_be_a_function_or_a_module(activation):
    ffn = copy.deepcopy(swapped(activation))
    x = torch.randn(2, 3, 64)
    right = ffn.down(activation(ffn.up(x)))
    assert torch.equal(ffn(x), right) and torch.equal(ffn.trace(x).out, right)
    assert not torch.equal(right, ffn.down(gelu(ffn.up(x))))


def test_an_activation_s_own_parameters_are_the_network_s_until_it_is_replaced():
    ffn = swapped(nn.PReLU())
    count = len(list(ffn.parameters()))
    ffn.activation = F.relu
    assert count == 5 and len(list(ffn.parameters())) == 4


def swapped(activation):
    torch.manual_seed(0)
    ffn = FeedForward(GPT2Config.tiny(d_model=64, dropout=0.0))
    ffn.activation = activation
    return ffn
