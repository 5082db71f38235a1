"""block: two sums, each with a norm on its branch and nothing after it."""

from __future__ import annotations

import pytest
import torch
from peers import copy_block, random_config, random_model, random_tokens, their_config, twin
from torch.testing import assert_close
from transformers.models.gpt2.modeling_gpt2 import GPT2Block

from gpt2lab.ablations import PostLNBlock
from gpt2lab.attention.cache import LayerCache
from gpt2lab.block import TransformerBlock
from gpt2lab.config import GPT2Config


def block_and_input(seed: int = 0, T: int = 9):
    config = random_config(seed)
    block = random_model(config, seed, torch.float64).blocks[-1]
    return config, block, torch.randn(2, T, config.d_model, dtype=torch.float64)


@pytest.mark.parametrize("seed", range(6))
def test_agrees_with_transformers_block(seed):
    config, block, x = block_and_input(seed)
    theirs = GPT2Block(their_config(config), layer_idx=0).double().eval()
    copy_block(theirs, block)
    hidden = torch.full((9, 9), torch.finfo(torch.float64).min, dtype=torch.float64).triu(1)
    expected = theirs(x, attention_mask=hidden.expand(2, 1, 9, 9))
    expected = expected[0] if isinstance(expected, tuple) else expected
    assert_close(block(x), expected, atol=1e-10, rtol=0)


def test_the_two_lines():
    _, block, x = block_and_input()
    mid = x + block.attn(block.ln_1(x))
    assert_close(block(x), mid + block.ffn(block.ln_2(mid)), atol=0, rtol=0)


def test_trace_agrees_with_forward_and_its_sums_are_exact():
    _, block, x = block_and_input()
    trace = block.trace(x)
    assert_close(block(x), trace.resid_post, atol=1e-12, rtol=0)
    assert torch.equal(trace.resid_pre, x)
    assert torch.equal(trace.resid_mid, trace.resid_pre + trace.attn.out)
    assert torch.equal(trace.resid_post, trace.resid_mid + trace.ffn.out)
    assert_close(trace.ln_1.out, block.ln_1(x), atol=1e-12, rtol=0)
    assert_close(trace.ln_2.out, block.ln_2(trace.resid_mid), atol=1e-12, rtol=0)


def test_with_silent_branches_a_block_is_the_identity():
    """Post-LN would fail here: it normalises the stream itself."""
    _, block, x = block_and_input()
    for writer in block.writers():
        torch.nn.init.zeros_(writer.weight)
        torch.nn.init.zeros_(writer.bias)
    assert torch.equal(block(x), x)


def test_piece_by_piece_with_a_cache_equals_the_whole():
    _, block, x = block_and_input(seed=3)
    cache = LayerCache(9)
    pieces = [block(piece, cache) for piece in x.split([4, 1, 1, 3], dim=1)]
    assert_close(torch.cat(pieces, dim=1), block(x), atol=1e-12, rtol=0)


def test_streams_of_all_blocks_agree_with_transformers_hidden_states():
    config = GPT2Config.tiny(n_layers=4, vocab_size=100)
    model = random_model(config, 5, torch.float64)
    tokens = random_tokens(config, 2, 12)
    theirs = twin(model)(tokens, output_hidden_states=True, output_attentions=True)
    trace = model.trace(tokens)
    for block, hidden, weights in zip(trace.blocks, theirs.hidden_states, theirs.attentions, strict=False):
        assert_close(block.resid_pre, hidden, atol=1e-10, rtol=0)
        assert_close(block.attn.attn_weights, weights, atol=1e-10, rtol=0)
    assert_close(trace.ln_f.out, theirs.hidden_states[-1], atol=1e-10, rtol=0)


@pytest.mark.parametrize("base", [TransformerBlock, PostLNBlock])
def test_a_variant_without_a_trace_of_its_own_has_none(base):
    """The inherited trace would show the numbers of another block."""

    class Doubled(base):
        def forward(self, x, cache=None, padding=None):
            return 2 * super().forward(x, cache, padding)

    class Named(Doubled):
        """Changes nothing more, and has no trace either."""

    for kind in (Doubled, Named):
        block = kind(GPT2Config.tiny())
        assert block(torch.randn(1, 3, 32)).shape == (1, 3, 32)
        with pytest.raises(ValueError, match=f"{kind.__name__} changes forward.*write {kind.__name__}.trace as well"):
            block.trace(torch.randn(1, 3, 32))
