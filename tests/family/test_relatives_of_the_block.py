"""GPT-1's post-LN block and T5's relative bias, against transformers."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close
from transformers import OpenAIGPTConfig, OpenAIGPTModel, T5Config
from transformers.models.t5.modeling_t5 import T5Attention as TheirT5Attention

from gpt2lab.ablations import build
from gpt2lab.config import GPT2Config
from gpt2lab.family import T5Attention, t5_buckets

CONFIG = GPT2Config(vocab_size=17, context_length=9, n_layers=2, n_heads=4, d_model=16, dropout=0.0)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
@torch.no_grad()
def test_post_ln_gpt2_is_gpt1(dtype, tolerance):
    """``build("post-ln", …)`` with the weights of transformers' GPT-1; its Conv1D keeps (in, out)."""
    torch.manual_seed(0)
    shape = dict(vocab_size=17, n_positions=9, n_embd=16, n_layer=2, n_head=4)
    theirs = OpenAIGPTModel(OpenAIGPTConfig(**shape, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0)).to(dtype).eval()
    for weight in theirs.parameters():
        weight.add_(0.1 * torch.randn_like(weight))
    ours = build("post-ln", CONFIG).to(dtype).eval()
    ours.token_embedding.weight.copy_(theirs.tokens_embed.weight)
    ours.position_embedding.weight.copy_(theirs.positions_embed.weight)
    for block, h in zip(ours.blocks, theirs.h, strict=True):
        pairs = [(block.attn.qkv, h.attn.c_attn), (block.attn.out, h.attn.c_proj)]
        for linear, conv in [*pairs, (block.ffn.up, h.mlp.c_fc), (block.ffn.down, h.mlp.c_proj)]:
            linear.weight.copy_(conv.weight.T)
            linear.bias.copy_(conv.bias)
        block.ln_1.load_state_dict(h.ln_1.state_dict())
        block.ln_2.load_state_dict(h.ln_2.state_dict())
    tokens = torch.randint(17, (3, 9))
    expected = theirs(tokens).last_hidden_state
    assert_close(ours.hidden(tokens), expected, atol=tolerance, rtol=0)
    assert_close(ours.trace(tokens).ln_f.out, expected, atol=tolerance, rtol=0)


@settings(max_examples=60, deadline=None)
@given(quarter=st.integers(1, 12), reach=st.integers(1, 300), both=st.booleans())
def test_buckets_agree_with_t5(quarter, reach, both):
    n_buckets, max_distance = 4 * quarter, 2 * quarter + reach
    steps = torch.arange(-400, 400)
    theirs = TheirT5Attention._relative_position_bucket(-steps, both, n_buckets, max_distance)
    ours = t5_buckets(steps, both, n_buckets, max_distance)
    assert torch.equal(ours, theirs)
    assert int(ours.min()) >= 0 and int(ours.max()) < n_buckets


@pytest.mark.parametrize("causal", [False, True])
@torch.no_grad()
def test_the_bias_is_t5s(causal):
    theirs = TheirT5Attention(
        T5Config(d_model=16, num_heads=4, d_kv=4, relative_attention_num_buckets=8, is_decoder=causal),
        has_relative_attention_bias=True, layer_idx=0,
    )  # fmt: skip
    ours = T5Attention(CONFIG, n_buckets=8)
    ours.causal = causal
    ours.bucket_bias.weight.copy_(theirs.relative_attention_bias.weight)
    assert_close(ours.bias(20, 20), theirs.compute_bias(20, 20)[0], atol=0, rtol=0)
    x = torch.randn(2, 9, 16)
    trace = ours.trace(x)
    assert_close(trace.out, ours(x), atol=1e-5, rtol=0)
    assert_close(trace.scores, trace.q @ trace.k.transpose(-2, -1) + ours.bias(9, 9), atol=1e-5, rtol=0)


def test_an_encoder_tells_before_from_after():
    buckets = t5_buckets(torch.tensor([-300, -2, -1, 0, 1, 2, 300]), both_directions=True)
    assert buckets.tolist() == [31, 18, 17, 0, 1, 2, 15]
    assert t5_buckets(torch.tensor([-2, -1, 0, 1]), both_directions=False).tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(n_buckets=2, both_directions=True), "n_buckets must be an even number of at least 4, got 2"),
        (dict(n_buckets=7, both_directions=False), "n_buckets must be an even number of at least 2, got 7"),
        (dict(max_distance=16, both_directions=False), "max_distance must be larger than 16, got 16"),
        (dict(max_distance=8, both_directions=True), "max_distance must be larger than 8, got 8"),
    ],
)
def test_buckets_without_meaning_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        t5_buckets(torch.arange(3), **arguments)
