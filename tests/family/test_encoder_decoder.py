"""Encoder, decoder and both together against torch's; what they may not see; what they refuse."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.testing import assert_close

from gpt2lab.family import (
    CrossAttention,
    Encoder,
    EncoderBlock,
    EncoderDecoder,
    EncoderDecoderConfig,
    PreLNEncoder,
    PreLNEncoderDecoder,
)
from gpt2lab.masking import Padding, causal_mask
from gpt2lab.positions import sinusoidal_table

CONFIG = EncoderDecoderConfig(
    vocab_size=11, source_vocab_size=13, context_length=12, n_layers=2, n_heads=4, d_model=16, dropout=0.0
)
PRECISION = {torch.float32: 1e-5, torch.float64: 1e-10}
B, S, T = 3, 7, 5
BOTH = {EncoderDecoder: False, PreLNEncoderDecoder: True}  # model -> norm_first of torch's


def made(kind=EncoderDecoder, seed: int = 0, config: EncoderDecoderConfig = CONFIG, dtype=torch.float32):
    """A model whose gains and offsets are not the ones of the start, so that a swapped one shows."""
    torch.manual_seed(seed)
    model = kind(config).to(dtype)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim == 1:
                weight.add_(0.1 * torch.randn_like(weight))
    return model.eval()


def cases(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Source, target, and a mask with rows of 7, 4 and 1 real tokens."""
    generator = torch.Generator().manual_seed(seed)
    source = torch.randint(CONFIG.source_vocab_size, (B, S), generator=generator)
    target = torch.randint(CONFIG.vocab_size, (B, T), generator=generator)
    return source, target, torch.arange(S) < torch.tensor([[7], [4], [1]])


@torch.no_grad()
def copy_attention(theirs: nn.MultiheadAttention, weight: Tensor, bias: Tensor, out: nn.Linear) -> None:
    theirs.in_proj_weight.copy_(weight)
    theirs.in_proj_bias.copy_(bias)
    theirs.out_proj.load_state_dict(out.state_dict())


def cross_weights(ours: CrossAttention) -> tuple[Tensor, Tensor]:
    return torch.cat([ours.q.weight, ours.kv.weight]), torch.cat([ours.q.bias, ours.kv.bias])


def copy_block(theirs: nn.Module, ours: nn.Module) -> None:
    """Our weights into a TransformerEncoderLayer or TransformerDecoderLayer."""
    copy_attention(theirs.self_attn, ours.attn.qkv.weight, ours.attn.qkv.bias, ours.attn.out)
    norms = ["ln_1", "ln_2"]
    if isinstance(theirs, nn.TransformerDecoderLayer):
        copy_attention(theirs.multihead_attn, *cross_weights(ours.cross_attn), ours.cross_attn.out)
        norms.append("ln_3")
    for i, name in enumerate(norms, 1):
        getattr(theirs, f"norm{i}").load_state_dict(getattr(ours, name).state_dict())
    theirs.linear1.load_state_dict(ours.ffn.up.state_dict())
    theirs.linear2.load_state_dict(ours.ffn.down.state_dict())


def peer(model: EncoderDecoder, dtype: torch.dtype) -> nn.Transformer:
    """torch's Transformer with our weights. It has one norm more after each stack, which pre-LN needs."""
    first, config = BOTH[type(model)], model.config
    theirs = nn.Transformer(
        config.d_model, config.n_heads, config.n_layers, config.n_layers, config.d_ff, dropout=0.0,
        norm_first=first, batch_first=True, dtype=dtype,
    )  # fmt: skip
    for stack, ours in ((theirs.encoder, model.encoder), (theirs.decoder, model.decoder)):
        for layer, block in zip(stack.layers, ours.blocks, strict=True):
            copy_block(layer, block)
        if first:
            stack.norm.load_state_dict(ours.ln_f.state_dict())
        else:
            stack.norm = None
    return theirs.eval()


@pytest.mark.filterwarnings("ignore:enable_nested_tensor", "ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("dtype", PRECISION)
@pytest.mark.parametrize("kind", BOTH)
@torch.no_grad()
def test_agrees_with_torchs_transformer(kind, dtype, padded):
    model = made(kind, dtype=dtype)
    source, target, mask = cases()
    hidden = ~mask if padded else None  # True = may not be attended to
    theirs = peer(model, dtype)(
        model.embed_source(source), model.embed(target), tgt_mask=~causal_mask(T),
        src_key_padding_mask=hidden, memory_key_padding_mask=hidden,
    )  # fmt: skip
    logits = model(source, target, mask if padded else None)
    assert logits.dtype == dtype and logits.shape == (B, T, CONFIG.vocab_size)
    assert_close(logits, theirs @ model.token_embedding.weight.T, atol=PRECISION[dtype], rtol=0)


@pytest.mark.parametrize("dtype", PRECISION)
@pytest.mark.parametrize("kind", [Encoder, PreLNEncoder])
@torch.no_grad()
def test_the_encoder_agrees_with_torchs(kind, dtype):
    encoder = made(kind, dtype=dtype)
    first = kind is PreLNEncoder
    layer = nn.TransformerEncoderLayer(
        CONFIG.d_model, CONFIG.n_heads, CONFIG.d_ff, 0.0, norm_first=first, batch_first=True, dtype=dtype
    )
    norm = nn.LayerNorm(CONFIG.d_model, dtype=dtype) if first else None
    theirs = nn.TransformerEncoder(layer, CONFIG.n_layers, norm, enable_nested_tensor=False).eval()
    for one, block in zip(theirs.layers, encoder.blocks, strict=True):
        copy_block(one, block)
    if first:
        norm.load_state_dict(encoder.ln_f.state_dict())
    source, _, mask = cases()
    x = torch.randn(B, S, CONFIG.d_model, dtype=dtype)
    ours = encoder(x, Padding.of(mask, source))
    assert_close(ours[mask], theirs(x, src_key_padding_mask=~mask)[mask], atol=PRECISION[dtype], rtol=0)


@pytest.mark.parametrize("dtype", PRECISION)
@torch.no_grad()
def test_cross_attention_agrees_with_torchs(dtype):
    cross = made(CrossAttention, dtype=dtype)
    source, _, mask = cases()
    x, memory = (torch.randn(B, length, CONFIG.d_model, dtype=dtype) for length in (T, S))
    weight, bias = cross_weights(cross)
    out, weights = F.multi_head_attention_forward(
        x.transpose(0, 1), memory.transpose(0, 1), memory.transpose(0, 1), CONFIG.d_model, CONFIG.n_heads, weight, bias,
        None, None, False, 0.0, cross.out.weight, cross.out.bias, training=False, key_padding_mask=~mask,
        average_attn_weights=False,
    )  # fmt: skip
    padding = Padding.of(mask, source)
    trace = cross.trace(x, memory, padding)
    assert_close(cross(x, memory, padding), out.transpose(0, 1), atol=PRECISION[dtype], rtol=0)
    assert_close(trace.out, out.transpose(0, 1), atol=PRECISION[dtype], rtol=0)
    assert_close(trace.attn_weights, weights, atol=PRECISION[dtype], rtol=0)
    assert trace.attn_weights.shape == (B, CONFIG.n_heads, T, S)


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("kind", BOTH)
@torch.no_grad()
def test_trace_is_the_same_model(kind, padded):
    model = made(kind)
    source, target, mask = cases()
    mask = mask if padded else None
    trace = model.trace(source, target, mask)
    assert_close(trace.logits, model(source, target, mask), atol=1e-5, rtol=0)
    memory, _ = model.encode(source, mask)
    real = torch.ones_like(source, dtype=torch.bool) if mask is None else mask
    assert_close(trace.memory[real], memory[real], atol=1e-5, rtol=0)
    for block in trace.encoder.blocks:
        assert block.attn.attn_weights.shape == (B, CONFIG.n_heads, S, S)
    for block in trace.decoder.blocks:
        assert block.attn.attn_weights.shape == (B, CONFIG.n_heads, T, T)
        assert block.cross_attn.attn_weights.shape == (B, CONFIG.n_heads, T, S)
        assert (block.attn.attn_weights.triu(1) == 0).all()
        assert (block.cross_attn.attn_weights.transpose(1, 3)[~real] == 0).all()
        assert_close(block.cross_attn.attn_weights.sum(-1), torch.ones(B, CONFIG.n_heads, T), atol=1e-5, rtol=0)
    assert_close(trace.decoder.blocks[0].resid_post, trace.decoder.blocks[1].resid_pre, atol=0, rtol=0)


@torch.no_grad()
def test_post_ln_streams_are_normalised_and_pre_ln_streams_are_sums():
    source, target, _ = cases()
    torch.manual_seed(0)
    for block in EncoderDecoder(CONFIG).trace(source, target).decoder.blocks:  # gains 1, offsets 0
        for stream in (block.resid_mid, block.resid_cross, block.resid_post):
            assert_close(stream.mean(-1), torch.zeros(B, T), atol=1e-5, rtol=0)
            assert_close(stream.var(-1, unbiased=False), torch.ones(B, T), atol=1e-3, rtol=0)
    for block in made(PreLNEncoderDecoder).trace(source, target).decoder.blocks:
        assert_close(block.resid_mid, block.resid_pre + block.attn.out, atol=0, rtol=0)
        assert_close(block.resid_cross, block.resid_mid + block.cross_attn.out, atol=0, rtol=0)
        assert_close(block.resid_post, block.resid_cross + block.ffn.out, atol=0, rtol=0)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), at=st.integers(1, T - 1), pre_ln=st.booleans())
@torch.no_grad()
def test_no_target_position_sees_its_future(seed, at, pre_ln):
    model = made(PreLNEncoderDecoder if pre_ln else EncoderDecoder, seed)
    source, target, mask = cases(seed)
    changed = target.clone()
    changed[:, at:] = (changed[:, at:] + 1) % CONFIG.vocab_size
    before, after = model(source, target, mask), model(source, changed, mask)
    assert_close(after[:, :at], before[:, :at], atol=1e-6, rtol=0)
    assert not torch.allclose(after[:, at], before[:, at], atol=1e-3)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6), length=st.integers(1, S), more=st.integers(0, 3), left=st.booleans(),
    pre_ln=st.booleans(),
)  # fmt: skip
@torch.no_grad()
def test_padded_source_positions_have_no_effect(seed, length, more, left, pre_ln):
    """Whatever stands there, however much of it, before or after: each row is computed as if alone."""
    model = made(PreLNEncoderDecoder if pre_ln else EncoderDecoder, seed)
    source, target, _ = cases(seed)
    alone = model(source[:, :length], target)
    noise = torch.randint(CONFIG.source_vocab_size, (B, S - length + more), generator=torch.Generator().manual_seed(1))
    parts = [noise, source[:, :length]] if left else [source[:, :length], noise]
    real = [torch.full_like(part, part is not noise, dtype=torch.bool) for part in parts]
    padded = model(torch.cat(parts, dim=1), target, torch.cat(real, dim=1))
    assert_close(padded, alone, atol=1e-5, rtol=0)


@torch.no_grad()
def test_every_real_source_token_matters_to_every_logit():
    model = made()
    source, target, _ = cases()
    before = model(source, target)
    for at in range(S):
        changed = source.clone()
        changed[:, at] = (changed[:, at] + 1) % CONFIG.source_vocab_size
        assert ((model(changed, target) - before).abs().amax(dim=-1) > 1e-4).all()


def test_one_vocabulary_shares_one_matrix():
    shared, separate = EncoderDecoder(replace(CONFIG, source_vocab_size=None)), EncoderDecoder(CONFIG)
    assert not hasattr(shared, "source_embedding")
    difference = separate.n_parameters() - shared.n_parameters()
    assert difference == CONFIG.source_vocab_size * CONFIG.d_model
    with pytest.raises(ValueError, match=r"token ids of the source must lie in \[0, 11\), got 12"):
        shared(torch.tensor([[12]]), torch.tensor([[1]]))
    separate(torch.tensor([[12]]), torch.tensor([[1]]))


def test_the_paper_s_base_model():
    """65 million parameters (table 3), with the 37,000 tokens of English–German."""
    config = EncoderDecoderConfig()
    with torch.device("meta"):
        model = EncoderDecoder(config)
    assert (config.d_ff, config.d_head, config.n_layers) == (2048, 64, 6)
    assert model.n_parameters() == 63_082_496  # 18.9 of them embeddings; the paper says 65


def test_the_encoder_block_is_gpt2s_without_the_mask():
    block = EncoderBlock(CONFIG)
    assert block.attn.causal is False
    x = torch.randn(1, 4, CONFIG.d_model)
    changed = x.clone()
    changed[:, -1] += 1
    assert not torch.allclose(block(x)[:, 0], block(changed)[:, 0])


def test_dropout_acts_in_training_only():
    model = made(config=replace(CONFIG, dropout=0.5))
    source, target, _ = cases()
    assert_close(model(source, target), model(source, target), atol=0, rtol=0)
    model.train()
    assert not torch.allclose(model(source, target), model(source, target))
    assert_close(model.trace(source, target).logits, model.eval()(source, target), atol=1e-5, rtol=0)


GOOD = torch.tensor([[1, 2, 3]])


@pytest.mark.parametrize("way", ["forward", "trace"])
@pytest.mark.parametrize(
    ("source", "target", "mask", "message"),
    [
        (torch.zeros(1, 13).long(), GOOD, None, "the source has 13 tokens, but context_length is 12: shorten it"),
        (GOOD, torch.zeros(1, 13).long(), None, "the target has 13 tokens, but context_length is 12: shorten it"),
        (GOOD[:, :0], GOOD, None, r"source is empty \(shape \(1, 0\)\)"),
        (GOOD, GOOD[:, :0], None, r"target is empty \(shape \(1, 0\)\)"),
        (GOOD[0], GOOD, None, r"source must have shape \(B, T\), got \(3,\)"),
        (GOOD.float(), GOOD, None, r"source must be a tensor of token ids \(torch.long\), got torch.float32"),
        ([[1]], GOOD, None, r"source must be a tensor of token ids \(torch.long\), got list"),
        (GOOD + 10, GOOD, None, r"token ids of the source must lie in \[0, 13\), got 13"),
        (GOOD, GOOD + 8, None, r"token ids of the target must lie in \[0, 11\), got 11"),
        (GOOD, -GOOD, None, r"token ids of the target must lie in \[0, 11\), got -3"),
        (GOOD, GOOD.expand(2, 3), None, "source and target must have the same number of rows, got 1 and 2"),
        (GOOD, GOOD, torch.ones(1, 4).bool(), r"the shape of the source \(1, 3\), got torch.bool \(1, 4\)"),
        (GOOD, GOOD, torch.ones(1, 1, 1, 3).bool(), r"the shape of the source \(1, 3\), got torch.bool \(1, 1, 1, 3\)"),
        (GOOD, GOOD, torch.ones(1, 3), r"the mask must be boolean \(True = a real token\).*got torch.float32"),
        (GOOD, GOOD, torch.zeros(1, 3).bool(), "row 0 has no real token"),
        (GOOD, GOOD, torch.tensor([[True, False, True]]), "row 0 has padding between its tokens"),
    ],
)
def test_bad_input_is_one_sentence(way, source, target, mask, message):
    with pytest.raises(ValueError, match=message):
        getattr(made(), way)(source, target, mask)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(source_vocab_size=0), "source_vocab_size must be a whole number of at least 1, or None where"),
        (dict(d_model=15, n_heads=5), "d_model must be even, because sinusoids come in pairs, got 15"),
        (dict(n_heads=3), "d_model must be divisible by n_heads"),
    ],
)
def test_a_shape_without_meaning_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        replace(CONFIG, **changes)
    assert isinstance(EncoderDecoderConfig.tiny(), EncoderDecoderConfig)


@torch.no_grad()
def test_what_enters_the_stacks():
    """Both sequences begin at position 0; a row that is padded in front, at its first real token."""
    model = made()
    source, target, _ = cases()
    table, factor = sinusoidal_table(S, CONFIG.d_model), CONFIG.d_model**0.5
    trace = model.trace(source, target)
    expected = factor * model.source_embedding.weight[source] + table
    assert_close(trace.source_embedding, expected, atol=1e-6, rtol=0)
    expected = factor * model.token_embedding.weight[target] + table[:T]
    assert_close(trace.target_embedding, expected, atol=1e-6, rtol=0)
    late = model.trace(source, target, torch.arange(S).expand(B, S) >= 3).source_embedding[:, 3:]
    assert_close(late, factor * model.source_embedding.weight[source[:, 3:]] + table[: S - 3], atol=1e-6, rtol=0)
