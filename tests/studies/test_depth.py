"""What depth does: the profile against formulas, and the claims the chapter makes of it."""

import math

import pytest
import torch
from torch import nn

from gpt2lab.ablations import NoResidualBlock, PostLNBlock
from gpt2lab.attention.cache import LayerCache
from gpt2lab.block import TransformerBlock
from gpt2lab.family.masked import BertBlock, EncoderBlock  # so that they are among the kinds
from gpt2lab.studies.depth import ReLUAfterAddBlock, keep_size, profile_stack, stack, token_similarity


class Times(nn.Module):
    """x -> factor · x: everything about a chain of these is known."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return self.factor * x


def test_profile_of_a_chain_that_can_be_computed_by_hand():
    x = torch.randn(1, 4, 8, dtype=torch.float64)
    profile = profile_stack([Times(0.5)] * 3, x)
    expected = torch.tensor([1, 0.5, 0.25, 0.125], dtype=torch.float64)
    torch.testing.assert_close(profile.spread, x.std() * expected)
    torch.testing.assert_close(profile.gradient, expected.flip(0))
    torch.testing.assert_close(profile.similarity, token_similarity(x).expand(4))


def test_similarity_is_a_cosine_even_of_tiny_vectors():
    x = torch.randn(1, 5, 8, dtype=torch.float64)
    torch.testing.assert_close(token_similarity(1e-100 * x), token_similarity(x))
    same = x[:, :1].expand(1, 5, 8)
    torch.testing.assert_close(token_similarity(same), torch.tensor(1.0, dtype=torch.float64))


@pytest.mark.parametrize("n_blocks", [12, 48])
def test_scaled_initialisation_keeps_the_stream_near_1(n_blocks):
    assert 1.0 < profile_stack(stack(n_blocks, scaled_init=True)).spread[-1] < 1.4
    assert profile_stack(stack(n_blocks)).spread[-1] > 0.8 * math.sqrt(n_blocks)


def sumless(seed: int = 0) -> nn.ModuleList:
    return stack(24, block=NoResidualBlock, layer_norm=False, seed=seed)


def test_a_stack_made_to_keep_its_size_keeps_it_and_its_gradient_does_not_vanish():
    for seed in range(3):
        x = torch.randn(1, 12, 64, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        profile = profile_stack(keep_size(sumless(seed), x), x)
        torch.testing.assert_close(profile.spread[1:], torch.ones(24, dtype=torch.float64), atol=1e-9, rtol=0)
        assert profile.gradient[0] > 1
        assert profile.similarity[8:].min() > 0.99  # and yet all tokens are one


def test_keep_size_says_what_it_needs():
    with pytest.raises(ValueError, match="needs a stack of TransformerBlocks; module 0 is a Linear"):
        keep_size(nn.ModuleList([nn.Linear(2, 2)]), torch.randn(1, 3, 2))


def test_without_sums_and_norms_the_gradient_vanishes():
    assert profile_stack(stack(24, block=NoResidualBlock, layer_norm=False)).gradient[0] < 1e-5
    assert profile_stack(stack(24)).gradient[0] > 1


def test_with_norms_and_without_sums_tokens_collapse_but_the_gradient_lives():
    profile = profile_stack(stack(24, block=NoResidualBlock))
    assert profile.similarity[-1] > 0.999
    assert profile.gradient[0] > 1e-2


def test_relu_after_the_sum_leaves_nothing_negative():
    x = torch.randn(1, 6, 64, dtype=torch.float64)
    assert stack(1, block=ReLUAfterAddBlock)[0](x).min() == 0
    assert stack(1)[0](x).min() < 0


def test_relu_after_the_sum_is_the_block_with_two_relus():
    block, x = stack(1, block=ReLUAfterAddBlock)[0], torch.randn(1, 6, 64, dtype=torch.float64)
    middle = (x + block.attn(block.ln_1(x))).relu()
    torch.testing.assert_close(block(x), (middle + block.ffn(block.ln_2(middle))).relu())


def test_scaled_initialisation_touches_the_two_layers_that_write_to_the_stream():
    plain, scaled = stack(8), stack(8, scaled_init=True)
    for name, weight in plain.state_dict().items():
        factor = 1 / 4 if name.endswith(("attn.out.weight", "ffn.down.weight")) else 1.0  # 1 / sqrt(2 · 8)
        torch.testing.assert_close(scaled.state_dict()[name], factor * weight)
    assert all(not bias.any() for name, bias in plain.state_dict().items() if name.endswith("bias"))


def test_the_default_input_is_twelve_tokens_of_unit_variance():
    profile = profile_stack([nn.Linear(64, 64).double()])
    torch.testing.assert_close(profile.spread[0], torch.tensor(1.0).double(), atol=0.1, rtol=0)
    assert profile_stack(stack(1), torch.randn(1, 2, 64).double()).similarity.shape == (2,)


def test_stack_is_repeatable_and_leaves_the_generator_alone():
    before = torch.random.get_rng_state()
    first, again = stack(2, seed=3), stack(2, seed=3)
    torch.testing.assert_close(first[1].attn.out.weight, again[1].attn.out.weight, rtol=0, atol=0)
    assert torch.equal(before, torch.random.get_rng_state())


def test_the_gradient_of_huge_signals_is_a_number():
    """Sums alone grow the stream to 10¹¹; the gradient of torch's fused attention is NaN there."""
    profile = profile_stack(stack(48, layer_norm=False, d_model=32))
    assert profile.spread[-1] > 1e10 and torch.isfinite(profile.gradient).all()


def test_refusals():
    with pytest.raises(ValueError, match="n_blocks must be a whole number of at least 1, got 0"):
        stack(0)
    with pytest.raises(ValueError, match=r"at least 2 tokens, got \(1, 1, 64\)"):
        profile_stack(stack(1), torch.randn(1, 1, 64).double())


def kinds(block=TransformerBlock):
    """Every class of block that the course has."""
    return [block, *(kind for child in block.__subclasses__() for kind in kinds(child))]


KINDS = [kind for kind in kinds() if kind.__module__.startswith("gpt2lab.")]


def test_the_kinds_are_all_there():
    assert {TransformerBlock, NoResidualBlock, PostLNBlock, ReLUAfterAddBlock, EncoderBlock, BertBlock} <= set(KINDS)


@pytest.mark.parametrize("layer_norm", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_block_has_one_result_at_once_in_pieces_and_traced(kind, layer_norm):
    x = torch.randn(2, 9, 64, dtype=torch.float64)
    whole = traced = pieces = x
    for block in stack(3, block=kind, layer_norm=layer_norm):
        cache = LayerCache(9)
        whole, trace = block(whole), block.trace(traced)
        pieces = torch.cat([block(piece, cache) for piece in pieces.split([4, 1, 3, 1], dim=1)], dim=1)
        torch.testing.assert_close(trace.resid_pre, traced)
        traced = trace.resid_post
        torch.testing.assert_close(traced, whole, atol=1e-10, rtol=1e-10)
        if block.attn.causal:  # an encoder's result hangs on what comes later: it cannot be had in pieces
            torch.testing.assert_close(pieces, whole, atol=1e-10, rtol=1e-10)
