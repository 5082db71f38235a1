"""attention: by hand, by torch, by transformers, by property."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from peers import copy_linear, properties, random_config, random_model, their_config
from torch import nn
from torch.testing import assert_close
from transformers.models.gpt2.modeling_gpt2 import GPT2Attention

from gpt2lab.attention import MultiHeadAttention, attention, attention_scores, merge_heads, split_heads
from gpt2lab.config import GPT2Config
from gpt2lab.generation import LayerCache
from gpt2lab.masking import causal_mask


def test_by_hand():
    # d_head = 4, so q·k is halved. Scores: ln 3 and 0; weights: 3/4 and 1/4; output: 3/4·1 + 1/4·5.
    q = torch.tensor([[2.0, 0, 0, 0]])
    k = torch.tensor([[math.log(3.0), 0, 0, 0], [0, 9.0, 0, 0]])
    v = torch.tensor([[1.0], [5.0]])
    assert_close(attention_scores(q, k), torch.tensor([[math.log(3.0), 0.0]]))
    out, weights = attention(q, k, v)
    assert_close(weights, torch.tensor([[0.75, 0.25]]))
    assert_close(out, torch.tensor([[2.0]]))
    # Without the division the scores are twice as large: weights 9/10 and 1/10.
    assert_close(attention(q, k, v, scale=1.0)[1], torch.tensor([[0.9, 0.1]]))
    # A bias is added after the scaling: + ln 3 on the second key evens the two out.
    assert_close(attention(q, k, v, bias=torch.tensor([[0.0, math.log(3.0)]]))[0], torch.tensor([[3.0]]))
    # What the mask hides has weight 0, exactly.
    assert attention(q, k, v, mask=torch.tensor([[False, True]]))[1].tolist() == [[0.0, 1.0]]


def test_equal_scores_give_the_average_of_what_is_visible():
    v = torch.tensor([[1.0], [2.0], [6.0]])
    out, _ = attention(torch.zeros(3, 2), torch.randn(3, 2), v, causal_mask(3))
    assert_close(out, torch.tensor([[1.0], [1.5], [3.0]]))


def test_values_take_no_part_in_the_comparison():
    q, k = torch.randn(2, 5, 4)
    assert_close(attention(q, k, torch.randn(5, 4))[1], attention(q, k, torch.randn(5, 9))[1], atol=0, rtol=0)


@st.composite
def shapes(draw):
    """(leading axes, T_query, T_key, d_head, seed) with T_key >= T_query."""
    lead = draw(st.lists(st.integers(1, 3), max_size=2))
    T_query, more = draw(st.integers(1, 7)), draw(st.integers(0, 4))
    return lead, T_query, T_query + more, draw(st.integers(1, 8)), draw(st.integers(0, 10**6))


@properties
@given(shapes(), st.sampled_from([0.1, 1.0, 30.0]), st.booleans())
def test_rows_sum_to_one_and_hidden_keys_get_nothing(shape, size, masked):
    lead, T_query, T_key, d_head, seed = shape
    torch.manual_seed(seed)
    q, k, v = (size * torch.randn(*lead, T, d_head) for T in (T_query, T_key, T_key))
    mask = causal_mask(T_query, T_key) if masked else None
    out, weights = attention(q, k, v, mask)
    assert out.shape == (*lead, T_query, d_head) and weights.shape == (*lead, T_query, T_key)
    assert (weights >= 0).all()
    assert_close(weights.sum(-1), torch.ones(*lead, T_query), atol=1e-6, rtol=0)
    if mask is not None:
        assert (weights.masked_select(~mask) == 0).all()


def test_a_query_that_may_look_nowhere_is_nan_and_the_others_are_not():
    """As the docstring says: such a row has no softmax."""
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 4, 5)
    mask = causal_mask(4)
    mask[2] = False
    out, weights = attention(q, k, v, mask)
    assert out[2].isnan().all() and weights[2].isnan().all()
    others = [0, 1, 3]
    assert_close(out[others], attention(q, k, v, causal_mask(4))[0][others], atol=1e-6, rtol=0)


@properties
@given(shapes(), st.sampled_from(["none", "causal", "bias", "scale"]))
def test_equation_agrees_with_torchs_kernel(shape, extra):
    lead, T_query, T_key, d_head, seed = shape
    torch.manual_seed(seed)
    q, k, v = (torch.randn(1, *lead, T, d_head, dtype=torch.float64) for T in (T_query, T_key, T_key))
    mask = causal_mask(T_query, T_key) if extra == "causal" else None
    bias = torch.randn(T_query, T_key, dtype=torch.float64) if extra == "bias" else None
    scale = 0.3 if extra == "scale" else None
    expected = F.scaled_dot_product_attention(q, k, v, attn_mask=mask if bias is None else bias, scale=scale)
    assert_close(attention(q, k, v, mask, bias, scale)[0], expected, atol=1e-12, rtol=0)


def test_splitting_cuts_features_and_keeps_positions():
    x = torch.arange(2 * 3 * 8).reshape(2, 3, 8)
    heads = split_heads(x, 4)
    assert heads.shape == (2, 4, 3, 2)
    for h in range(4):
        assert torch.equal(heads[:, h], x[:, :, 2 * h : 2 * h + 2])


@properties
@given(st.integers(1, 3), st.integers(1, 5), st.integers(1, 4), st.integers(1, 5))
def test_merging_undoes_splitting(B, T, n_heads, d_head):
    x = torch.randn(B, T, n_heads * d_head)
    assert torch.equal(merge_heads(split_heads(x, n_heads)), x)


@pytest.mark.parametrize("n_heads", [0, -2, 3, 16])
def test_split_heads_refuses_what_does_not_divide(n_heads):
    with pytest.raises(ValueError, match=rf"divisible by n_heads={n_heads}, got shape \(2, 5, 8\)"):
        split_heads(torch.randn(2, 5, 8), n_heads)


def test_split_heads_wants_positions_and_features():
    with pytest.raises(ValueError, match=r"\(\.\.\., T, d_model\), got shape \(8,\)"):
        split_heads(torch.randn(8), 2)


@pytest.mark.parametrize(("q", "k", "v"), [((4, 3), (4, 2), (4, 3)), ((4, 3), (5, 3), (4, 3)), ((3,), (4, 3), (4, 3))])
def test_attention_names_the_shapes_that_do_not_fit(q, k, v):
    with pytest.raises(ValueError, match=r"same width .* same length.* got q \(.*k \(.*v \("):
        attention(torch.randn(q), torch.randn(k), torch.randn(v))


def test_attention_refuses_masks_and_biases_that_do_not_fit():
    q, k, v = torch.randn(3, 4, 2)
    with pytest.raises(ValueError, match=r"broadcast to the scores .*\(4, 4\), got mask \(4, 3\)"):
        attention(q, k, v, torch.ones(4, 3, dtype=torch.bool))
    with pytest.raises(ValueError, match="must be boolean"):
        attention(q, k, v, torch.zeros(4, 4))
    with pytest.raises(ValueError, match=r"bias must broadcast .*\(4, 4\), got \(3, 4, 3\)"):
        attention(q, k, v, bias=torch.zeros(3, 4, 3))


def layer(n_heads: int = 3, d_head: int = 4, dropout: float = 0.0, dtype: torch.dtype = torch.float64):
    """A MultiHeadAttention with lively weights, in evaluation mode."""
    torch.manual_seed(1)
    config = GPT2Config.tiny(n_heads=n_heads, d_model=n_heads * d_head, dropout=dropout)
    attn = MultiHeadAttention(config).to(dtype)
    for parameter in attn.parameters():
        nn.init.normal_(parameter, std=0.3)
    return attn.eval()


@pytest.mark.parametrize("causal", [True, False])
def test_forward_and_trace_agree(causal):
    attn = layer()
    attn.causal = causal
    x = torch.randn(2, 6, 12, dtype=torch.float64)
    assert_close(attn(x), attn.trace(x).out, atol=1e-12, rtol=0)


def test_trace_holds_every_step_of_the_equation():
    attn = layer()
    x = torch.randn(2, 6, 12, dtype=torch.float64)
    trace = attn.trace(x)
    q, k, v = (part.unflatten(-1, (3, 4)).transpose(1, 2) for part in attn.qkv(x).split(12, dim=-1))
    for name, expected in {"q": q, "k": k, "v": v, "raw_scores": q @ k.mT, "scores": q @ k.mT / 2}.items():
        assert_close(getattr(trace, name), expected, atol=1e-12, rtol=0, msg=lambda m, n=name: f"{n}: {m}")
    assert torch.equal(trace.mask, causal_mask(6))
    assert (trace.masked_scores.masked_select(~trace.mask) == -torch.inf).all()
    assert_close(trace.attn_weights, trace.masked_scores.softmax(-1), atol=1e-12, rtol=0)
    assert_close(trace.head_out, trace.attn_weights @ v, atol=1e-12, rtol=0)
    assert_close(trace.out, attn.out(trace.head_out.transpose(1, 2).flatten(2)), atol=1e-12, rtol=0)


@pytest.mark.parametrize("seed", range(6))
def test_agrees_with_transformers_attention(seed):
    config = random_config(seed)
    attn = random_model(config, seed, torch.float64).blocks[0].attn
    theirs = GPT2Attention(their_config(config), layer_idx=0).to(torch.float64).eval()
    with torch.no_grad():
        copy_linear(theirs.c_attn, attn.qkv)
        copy_linear(theirs.c_proj, attn.out)
    x = torch.randn(2, 9, config.d_model, dtype=torch.float64)
    hidden = torch.full((9, 9), torch.finfo(torch.float64).min, dtype=torch.float64).triu(1)
    out, weights = theirs(x, attention_mask=hidden.expand(2, 1, 9, 9))
    assert_close(attn(x), out, atol=1e-10, rtol=0)
    assert_close(attn.trace(x).attn_weights, weights, atol=1e-10, rtol=0)


def test_agrees_with_torchs_multihead_attention():
    attn = layer()
    theirs = nn.MultiheadAttention(12, 3, batch_first=True, dtype=torch.float64).eval()
    theirs.in_proj_weight, theirs.in_proj_bias = attn.qkv.weight, attn.qkv.bias
    theirs.out_proj.load_state_dict(attn.out.state_dict())
    x = torch.randn(2, 6, 12, dtype=torch.float64)
    # torch's module has the opposite sign: there True means "may not".
    expected, weights = theirs(x, x, x, attn_mask=~causal_mask(6), average_attn_weights=False)
    assert_close(attn(x), expected, atol=1e-12, rtol=0)
    assert_close(attn.trace(x).attn_weights, weights, atol=1e-12, rtol=0)


@properties
@given(st.lists(st.integers(1, 4), min_size=1, max_size=5), st.booleans())
def test_piece_by_piece_with_a_cache_equals_the_whole(pieces, causal):
    attn = layer()
    T = sum(pieces)
    x = torch.randn(2, T, 12, dtype=torch.float64)
    cache = LayerCache(capacity=T)
    outs = [attn(piece, cache) for piece in x.split(pieces, dim=1)]
    assert cache.length == T
    assert_close(torch.cat(outs, dim=1), attn(x), atol=1e-12, rtol=0)


class Everything(MultiHeadAttention):
    """All three sockets in use."""

    def rotate(self, q, k, positions):
        steps = positions[:, None].to(q)
        return q * (1 + steps / 10), k - steps / 20

    def bias(self, T_query, T_key):
        later = torch.arange(T_key - T_query, T_key)[:, None] + 2 * torch.arange(T_key)
        return torch.stack([later, -2 * later, 0 * later]).double() / 7

    @property
    def scale(self):
        return 0.77


@pytest.mark.parametrize("causal", [True, False])
def test_forward_trace_and_cache_all_use_the_sockets(causal):
    plain = layer()
    attn = Everything(GPT2Config.tiny(n_heads=3, d_model=12)).double().eval()
    attn.load_state_dict(plain.state_dict())
    attn.causal = plain.causal = causal
    x = torch.randn(2, 6, 12, dtype=torch.float64)
    trace = attn.trace(x)
    assert_close(attn(x), trace.out, atol=1e-12, rtol=0)
    positions = torch.arange(6, dtype=torch.float64)
    q, k, _ = plain.project(x)
    q, k = q * (1 + positions[:, None] / 10), k - positions[:, None] / 20
    assert_close(trace.scores, 0.77 * q @ k.mT + attn.bias(6, 6), atol=1e-12, rtol=0)
    assert not torch.allclose(attn(x), plain(x))
    if causal:
        cache = LayerCache(6)
        outs = torch.cat([attn(piece, cache) for piece in x.split([3, 1, 2], dim=1)], dim=1)
        assert_close(outs, trace.out, atol=1e-12, rtol=0)


def test_dropout_only_while_training():
    attn = layer(dropout=0.5, dtype=torch.float32)
    x = torch.randn(2, 6, 12)
    assert torch.equal(attn(x), attn(x))  # the fused kernel would drop out regardless of .eval()
    attn.train()
    assert not torch.equal(attn(x), attn(x))
    attn.out_dropout.p = 0.0  # what is left is the dropout on the attention weights
    assert not torch.equal(attn(x), attn(x))
    assert_close(attn.trace(x).out, attn.eval()(x), atol=1e-5, rtol=0)
