"""masking: True means "may attend", and masking happens before the softmax."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from peers import properties
from torch.testing import assert_close

from gpt2lab.attention import attention
from gpt2lab.masking import apply_mask, causal_mask, corrupt_tokens, padding_mask


def test_causal_mask_by_hand():
    assert causal_mask(3).tolist() == [[True, False, False], [True, True, False], [True, True, True]]
    assert causal_mask(3).dtype == torch.bool


def test_with_a_cache_the_queries_are_the_last_positions():
    assert causal_mask(2, 4).tolist() == [[True, True, True, False], [True, True, True, True]]
    assert causal_mask(1, 3).all()


@properties
@given(st.integers(1, 9), st.integers(0, 9))
def test_causal_mask_is_the_rule_key_not_after_query(T_query, earlier):
    mask = causal_mask(T_query, T_query + earlier)
    for i in range(T_query):
        for j in range(T_query + earlier):
            assert bool(mask[i, j]) == (j <= earlier + i)


@pytest.mark.parametrize(("T_query", "T_key"), [(0, None), (-1, None), (3, 2)])
def test_causal_mask_refuses(T_query, T_key):
    with pytest.raises(ValueError, match=rf"1 <= T_query <= T_key, got T_query={T_query}"):
        causal_mask(T_query, T_key)


def test_padding_mask_hides_keys_of_its_own_sample():
    mask = padding_mask([1, 3])
    assert mask.shape == (2, 1, 1, 3)
    assert mask[:, 0, 0].tolist() == [[True, False, False], [True, True, True]]
    assert padding_mask(torch.tensor([2]), T_key=4)[0, 0, 0].tolist() == [True, True, False, False]


def test_padding_does_not_change_the_real_tokens():
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, 4, 5, 8, dtype=torch.float64)  # each (B, n_heads, T, d_head)
    lengths = [3, 5]
    out, weights = attention(q, k, v, causal_mask(5) & padding_mask(lengths))
    assert (weights[0, :, :, 3:] == 0).all()
    for sample, length in enumerate(lengths):
        alone, _ = attention(q[sample, :, :length], k[sample, :, :length], v[sample, :, :length], causal_mask(length))
        assert_close(out[sample, :, :length], alone, atol=1e-12, rtol=0)


@pytest.mark.parametrize(("lengths", "T_key"), [([0, 2], None), ([], None), ([4], 3), ([[1, 2]], None)])
def test_padding_mask_refuses(lengths, T_key):
    with pytest.raises(ValueError, match="lengths must be a list of numbers between 1 and T_key"):
        padding_mask(lengths, T_key)


def test_apply_mask_writes_minus_infinity_and_leaves_the_rest():
    scores = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    masked = apply_mask(scores, causal_mask(2))
    assert masked.tolist() == [[1.0, -torch.inf], [3.0, 4.0]]
    assert scores.tolist() == [[1.0, 2.0], [3.0, 4.0]]  # the input stays as it was
    assert masked.softmax(-1)[0].tolist() == [1.0, 0.0]  # exactly


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_neither_leaks_nor_overflows(dtype):
    scores = torch.tensor([[60000.0, 100.0]], dtype=dtype)
    weights = apply_mask(scores, torch.tensor([[False, True]])).softmax(-1)
    assert weights.tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize("shape", [(2, 4), (4, 2), (3, 1, 4, 4), (4,), (1, 2, 3, 4, 4)])
def test_a_mask_of_the_wrong_shape_names_both_shapes(shape):
    with pytest.raises(ValueError, match=r"= \(2, 3, 4, 4\), got mask \(.*\(B, 1, 1, T\)"):
        apply_mask(torch.randn(2, 3, 4, 4), torch.ones(shape, dtype=torch.bool))


def test_a_mask_of_numbers_is_refused():
    with pytest.raises(ValueError, match=r"must be boolean \(True = may attend\), got torch.float32"):
        apply_mask(torch.randn(2, 2), torch.ones(2, 2))


def test_corruption_follows_the_15_80_10_10_rule():
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(5, 1000, (200, 1000), generator=generator)
    corrupted, chosen = corrupt_tokens(tokens, mask_id=3, vocab_size=1000, generator=generator)
    assert torch.equal(corrupted[~chosen], tokens[~chosen])
    n = int(chosen.sum())
    masked, kept = (corrupted[chosen] == 3).sum(), (corrupted[chosen] == tokens[chosen]).sum()
    # 200,000 draws: three standard errors are 0.0024 of all and 0.007 of the chosen ones
    assert abs(n / tokens.numel() - 0.15) < 0.003
    assert abs(int(masked) / n - 0.80) < 0.008
    assert abs(int(kept) / n - 0.10) < 0.006
    assert corrupted.min() >= 0 and corrupted.max() < 1000


def test_corruption_is_repeatable_and_refuses_a_rate_that_is_none():
    tokens = torch.arange(50).reshape(5, 10)
    first, second = (corrupt_tokens(tokens, 0, 50, generator=torch.Generator().manual_seed(7)) for _ in range(2))
    assert torch.equal(first[0], second[0]) and torch.equal(first[1], second[1])
    for rate in (0.0, 1.0, -0.1):
        with pytest.raises(ValueError, match=f"rate must lie between 0 and 1, got {rate}"):
            corrupt_tokens(tokens, 0, 50, rate=rate)
