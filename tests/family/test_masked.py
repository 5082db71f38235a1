"""Encoder-only: torch's encoder between GPT-2's embeddings, and both directions."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

from gpt2lab.config import GPT2Config
from gpt2lab.family import MaskedLanguageModel

CONFIG = GPT2Config(vocab_size=17, context_length=9, n_layers=2, n_heads=4, d_model=16, dropout=0.0)


def made(seed: int = 0, dtype=torch.float32) -> MaskedLanguageModel:
    torch.manual_seed(seed)
    model = MaskedLanguageModel(CONFIG).to(dtype)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return model.eval()


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
@torch.no_grad()
def test_agrees_with_torchs_encoder(dtype, tolerance):
    model = made(dtype=dtype)
    layer = nn.TransformerEncoderLayer(
        16, 4, 64, 0.0, activation=lambda x: F.gelu(x, approximate="tanh"), batch_first=True, dtype=dtype
    )
    theirs = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).eval()
    for one, block in zip(theirs.layers, model.blocks, strict=True):
        one.self_attn.in_proj_weight.copy_(block.attn.qkv.weight)
        one.self_attn.in_proj_bias.copy_(block.attn.qkv.bias)
        pairs = [(one.self_attn.out_proj, block.attn.out), (one.norm1, block.ln_1), (one.norm2, block.ln_2)]
        for their, our in [*pairs, (one.linear1, block.ffn.up), (one.linear2, block.ffn.down)]:
            their.load_state_dict(our.state_dict())
    tokens = torch.randint(17, (3, 9))
    real = torch.arange(9) < torch.tensor([[9], [5], [1]])
    x = model.token_embedding(tokens) + model.position_embedding(torch.arange(9))
    expected = theirs(x, src_key_padding_mask=~real) @ model.token_embedding.weight.T
    assert_close(model(tokens, real)[real], expected[real], atol=tolerance, rtol=0)
    assert_close(model.trace(tokens, mask=real).logits[real], expected[real], atol=tolerance, rtol=0)
    assert model.causal is False


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), at=st.integers(0, 8))
@torch.no_grad()
def test_every_prediction_uses_every_token(seed, at):
    model, tokens = made(seed), torch.randint(17, (1, 9), generator=torch.Generator().manual_seed(seed))
    changed = tokens.clone()
    changed[0, at] = (changed[0, at] + 1) % 17
    assert ((model(changed) - model(tokens)).abs().amax(dim=-1) > 1e-6).all()


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (torch.zeros(1, 10).long(), "the sequence has 10 tokens, but context_length is 9"),
        (torch.zeros(1, 0).long(), "tokens are empty"),
        (torch.tensor([[17]]), r"token ids must lie in \[0, 17\), got 17"),
    ],
)
def test_bad_input_is_one_sentence(tokens, message):
    with pytest.raises(ValueError, match=message):
        made()(tokens)
