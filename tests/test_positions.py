"""positions: five ways, each against a formula written in another way."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from peers import properties, random_tokens
from torch.testing import assert_close
from transformers.models.t5.modeling_t5 import T5Attention

from gpt2lab.config import GPT2Config
from gpt2lab.generation import KVCache
from gpt2lab.interventions import without_causal_mask
from gpt2lab.model import GPT2
from gpt2lab.positions import (
    ALiBiAttention,
    LearnedPositions,
    NoPositions,
    RelativeBiasAttention,
    RotaryAttention,
    SinusoidalPositions,
    alibi_bias,
    alibi_slopes,
    apply_rope,
    distances,
    relative_buckets,
    rotation_angles,
    sinusoidal_table,
)


def test_learned_positions_are_a_table():
    table = LearnedPositions(GPT2Config.tiny(context_length=5))
    assert table.weight.shape == (5, 32)
    assert torch.equal(table(torch.tensor([3, 0])), table.weight[[3, 0]])


def test_sinusoidal_table_number_by_number():
    table = sinusoidal_table(7, 6)
    for t in range(7):
        for i in range(3):
            angle = t / 10000 ** (2 * i / 6)
            assert_close(table[t, 2 * i], torch.tensor(math.sin(angle)), atol=1e-6, rtol=0)
            assert_close(table[t, 2 * i + 1], torch.tensor(math.cos(angle)), atol=1e-6, rtol=0)
    assert torch.equal(SinusoidalPositions(GPT2Config.tiny())(torch.arange(9)), sinusoidal_table(9, 32))


@properties
@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 10))
def test_moving_by_k_is_the_same_rotation_everywhere(t, k, half):
    table = sinusoidal_table(101, 2 * half).double()
    start, moved = (torch.complex(row[1::2], row[0::2]) for row in (table[t], table[t + k]))  # cos + i sin
    turn = torch.polar(torch.ones(half, dtype=torch.float64), k * frequencies(half))
    assert_close(moved, start * turn, atol=1e-5, rtol=0)


def frequencies(half: int) -> torch.Tensor:
    """One turning speed for each pair, in radians per position."""
    return torch.tensor([10000 ** (-i / half) for i in range(half)], dtype=torch.float64)


def test_no_positions_adds_zeros():
    assert torch.equal(NoPositions(GPT2Config.tiny())(torch.arange(4)), torch.zeros(4, 32))


@properties
@given(st.integers(1, 4), st.integers(0, 1000), st.integers(0, 10**6))
def test_rope_is_multiplication_by_a_complex_number(half, start, seed):
    torch.manual_seed(seed)
    x = torch.randn(2, 3, 5, 2 * half, dtype=torch.float64)
    positions = torch.arange(start, start + 5)
    angles = torch.outer(positions.double(), frequencies(half))
    turned = torch.view_as_complex(x.unflatten(-1, (half, 2))) * torch.polar(torch.ones_like(angles), angles)
    # float32 knows an angle of 1000 radians to about 6e-5
    assert_close(apply_rope(x, positions), torch.view_as_real(turned).flatten(-2), atol=5e-4, rtol=0)


@properties
@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_rope_scores_depend_on_the_distance_alone(m, n, shift):
    torch.manual_seed(0)
    q, k = torch.randn(2, 1, 8, dtype=torch.float64)

    def score(m: int, n: int) -> torch.Tensor:
        return (apply_rope(q, torch.tensor([m])) * apply_rope(k, torch.tensor([n]))).sum()

    assert_close(score(m, n), score(m + shift, n + shift), atol=1e-4, rtol=0)
    assert_close(apply_rope(q, torch.tensor([m])).norm(), q.norm(), atol=1e-6, rtol=0)
    assert_close(score(m, m), (q * k).sum(), atol=1e-6, rtol=0)


def test_rope_at_position_zero_changes_nothing():
    x = torch.randn(3, 1, 6)
    assert torch.equal(apply_rope(x, torch.tensor([0])), x)


def test_rotations_need_pairs():
    for call in (lambda: sinusoidal_table(4, 3), lambda: rotation_angles(torch.arange(4), 3)):
        with pytest.raises(ValueError, match="pairs of features, so the width must be even, got 3"):
            call()


def test_distances_by_hand():
    assert distances(3, 3).tolist() == [[0, -1, -2], [1, 0, -1], [2, 1, 0]]
    assert distances(1, 4).tolist() == [[3, 2, 1, 0]]


def test_alibi_number_by_number():
    assert alibi_slopes(8).tolist() == [1 / 2**h for h in range(1, 9)]
    assert_close(alibi_slopes(4), torch.tensor([1 / 4, 1 / 16, 1 / 64, 1 / 256]), atol=0, rtol=0)
    bias = alibi_bias(8, 3, 5)
    for h in range(8):
        for i in range(3):
            for j in range(5):
                assert bias[h, i, j] == -(2.0 ** -(h + 1)) * ((i + 2) - j)


@properties
@given(st.integers(1, 20), st.integers(1, 400))
def test_relative_buckets_agree_with_t5(half, reach):
    n_buckets, max_distance = 2 * half, half + reach
    steps = torch.arange(-5, 600)
    theirs = T5Attention._relative_position_bucket(
        -steps, bidirectional=False, num_buckets=n_buckets, max_distance=max_distance
    )
    assert torch.equal(relative_buckets(steps, n_buckets, max_distance), theirs)


def test_relative_buckets_by_hand():
    buckets = relative_buckets(torch.arange(1000))
    assert buckets[:16].tolist() == list(range(16))  # one by one
    assert buckets[16] == 16 and buckets[127] == 31
    assert (buckets[128:] == 31).all()  # everything far away is one bucket
    assert (buckets.diff() >= 0).all()


def test_relative_bias_reads_its_table():
    attn = RelativeBiasAttention(GPT2Config.tiny(), n_buckets=4, max_distance=8)
    table = attn.bucket_bias.weight  # (4, n_heads)
    bias = attn.bias(1, 3)  # distances 2, 1, 0
    assert torch.equal(bias[:, 0], table[[2, 1, 0]].T)


VARIANTS = {
    "rope": (RotaryAttention, NoPositions),
    "alibi": (ALiBiAttention, NoPositions),
    "relative": (RelativeBiasAttention, NoPositions),
    "sinusoidal": (None, SinusoidalPositions),
}


def variant(name: str) -> GPT2:
    """A GPT-2 with other positions."""
    attention_class, positions_class = VARIANTS[name]
    torch.manual_seed(0)
    config = GPT2Config.tiny(vocab_size=60, context_length=40)
    model = GPT2(config)
    model.position_embedding = positions_class(config)
    for block in model.blocks:
        if attention_class:
            block.attn = attention_class(config)
        torch.nn.init.normal_(block.attn.qkv.weight, std=0.3)
    return model.double().eval()


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_forward_trace_and_cache_agree(name):
    model = variant(name)
    tokens = random_tokens(model.config, 2, 14)
    whole = model(tokens)
    assert_close(model.trace(tokens).logits, whole, atol=1e-10, rtol=0)
    cache = KVCache(model.config)
    pieces = [model.unembed(model.hidden(piece, cache)) for piece in tokens.split([6, 1, 1, 6], dim=1)]
    assert_close(torch.cat(pieces, dim=1), whole, atol=1e-10, rtol=0)


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_knows_the_order(name):
    """Unmasked attention alone would not: swapping two tokens would only swap their outputs."""
    model = variant(name)
    tokens = random_tokens(model.config, 1, 8)
    order = torch.tensor([0, 2, 1, 3, 4, 5, 6, 7])
    with torch.no_grad(), without_causal_mask(model):
        straight, swapped = model(tokens), model(tokens[:, order])
    assert (swapped - straight[:, order]).abs().max() > 1e-4


@pytest.mark.parametrize("name", ["rope", "alibi", "relative"])
def test_relative_variants_ignore_where_the_text_starts(name):
    """The last token sees the same distances wherever the window begins."""
    model = variant(name)
    attn = model.blocks[0].attn
    x = torch.randn(1, 5, 32, dtype=torch.float64)
    shifted = torch.cat([torch.zeros(1, 3, 32, dtype=torch.float64), x], dim=1)
    here, there = attn.trace(x).scores, attn.trace(shifted).scores
    assert_close(there[..., 3:, 3:], here, atol=1e-5, rtol=0)
