"""Patching: everything, nothing, one edge; against the equations written out, and for every variant."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

from gpt2lab import GPT2, GPT2Config, ablate_heads
from gpt2lab.ablations import VARIANTS, build
from gpt2lab.attention import merge_heads
from gpt2lab.errors import InputError
from gpt2lab.family.masked import MaskedLanguageModel
from gpt2lab.generation import generate
from gpt2lab.studies import patching
from gpt2lab.studies.patch_effects import effects, margin, part_effects
from gpt2lab.studies.patch_words import read
from gpt2lab.studies.patching import patched

CONFIG = GPT2Config.tiny(vocab_size=11, context_length=8, n_layers=3, n_heads=2, d_model=16)
LAST = 7  # of the tokens below
PLACE = st.integers(0, LAST)


def small(kind=GPT2, seed=0):
    torch.manual_seed(seed)
    return sharpened(kind(CONFIG))


def sharpened(model):
    for parameter in model.parameters():
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=0.6)
        else:
            parameter.data += 0.3 * torch.randn_like(parameter)
    return model.eval().requires_grad_(False)


def two_sentences(seed=0):
    return torch.randint(11, (2, 1, LAST + 1), generator=torch.Generator().manual_seed(seed))


def traced(model, words, tokens, other=None):
    with patched(model, words, tokens, other):
        return model.trace(tokens).logits


EVERYTHING = {
    "the stream at the start": ["stream 0 all other"],
    "the stream in the middle": ["stream 2 all other"],
    "every position of the start": [f"stream 0 {t} other" for t in range(LAST + 1)],
    "all parts": ["stream 0 all other"]
    + [f"head {layer}.{head} all other" for layer in range(3) for head in range(2)]
    + [f"ffn {layer} all other" for layer in range(3)],
    "all parts, position by position": [f"stream 0 {t} other" for t in range(LAST + 1)]
    + [f"head {layer}.{head} {t} other" for layer in range(3) for head in range(2) for t in range(LAST + 1)]
    + [f"ffn {layer} {t} other" for layer in range(3) for t in range(LAST + 1)],
}  # fmt: skip


@pytest.mark.parametrize("what", EVERYTHING)
@pytest.mark.parametrize("kind", [GPT2, MaskedLanguageModel])
def test_patching_everything_gives_the_other_sentence_exactly(what, kind):
    model, (tokens, other) = small(kind), two_sentences()
    assert torch.equal(traced(model, EVERYTHING[what], tokens, other), model.trace(other).logits)


def test_all_edges_of_a_head_are_the_head():
    model, (tokens, other) = small(), two_sentences()
    edges = [f"edge 1.0 {i}>{j} other" for i in range(LAST + 1) for j in range(i + 1)]
    assert_close(traced(model, edges, tokens, other), traced(model, ["head 1.0 all other"], tokens, other))


def test_patching_nothing_changes_no_bit_and_leaves_nothing_behind():
    model, (tokens, other) = small(), two_sentences()
    before, forward = model.trace(tokens).logits, model(tokens)
    assert torch.equal(traced(model, [], tokens), before)
    with patched(model, ["edge 0.1 3>2 zero", "head 1.0 2 mean", "ffn 2 all other", "stream 1 4 other"], tokens, other):
        assert not torch.equal(model(tokens), forward)
        assert_close(model(tokens), model.trace(tokens).logits)
    assert torch.equal(model(tokens), forward) and torch.equal(model.trace(tokens).logits, before)
    assert not any({"forward", "trace"} & set(vars(module)) for module in model.modules())
    own = traced(model, ["stream 1 all other", "head 2.1 3 other", "ffn 0 2 other"], tokens, tokens)
    assert torch.equal(own, before)  # from the same sentence: the same values


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 5), place=st.tuples(st.integers(0, 2), st.integers(0, 1), PLACE, PLACE))
def test_an_edge_from_zero_is_the_mask_without_renormalising(seed, place):
    """By hand: the weights of the whole row, one of them set to 0, the others as they were."""
    layer, head, query, key = place
    model, (tokens, _) = small(seed=seed), two_sentences(seed)
    blocks = model.trace(tokens).blocks
    attn = blocks[layer].attn
    weights = attn.attn_weights.clone()
    weights[:, head, query, key] = 0
    x = blocks[layer].resid_pre + model.blocks[layer].attn.out(merge_heads(weights @ attn.v))
    x = x + model.blocks[layer].ffn(model.blocks[layer].ln_2(x))
    for block in model.blocks[layer + 1 :]:
        x = block(x)
    expected = model.unembed(model.ln_f(x))
    assert_close(traced(model, [f"edge {layer}.{head} {query}>{key} zero"], tokens), expected, atol=1e-4, rtol=1e-4)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 5), layer=st.integers(0, 2), position=st.integers(0, LAST))
def test_a_patch_of_the_stream_is_that_of_chapter_12(seed, layer, position):
    model, (tokens, other) = small(seed=seed), two_sentences(seed)
    x = model.trace(tokens).blocks[layer].resid_pre.clone()
    x[:, position] = model.trace(other).blocks[layer].resid_pre[:, position]
    for block in model.blocks[layer:]:
        x = block(x)
    found = traced(model, [f"stream {layer} {position} other"], tokens, other)
    assert_close(found, model.unembed(model.ln_f(x)), atol=1e-4, rtol=1e-4)
    assert torch.equal(found[:, :position], model.trace(tokens).logits[:, :position])  # no look into the future


def test_a_head_from_zero_is_the_head_switched_off():
    model, (tokens, _) = small(), two_sentences()
    with ablate_heads(model, [(1, 0)]):
        off = model.trace(tokens).logits
    assert_close(traced(model, ["head 1.0 all zero"], tokens), off)


def test_the_mean_is_over_all_positions():
    model, (tokens, _) = small(), two_sentences()
    blocks = model.trace(tokens).blocks
    with patched(model, ["head 1.0 2 mean", "ffn 1 3 mean", "stream 1 4 mean", "edge 0.1 5>2 mean"], tokens):
        found = model.trace(tokens).blocks
    attn = blocks[0].attn
    gone = attn.attn_weights[0, 1, 5, 2] * (attn.v[0, 1].mean(0) - attn.v[0, 1, 2])
    assert_close(found[0].attn.head_out[0, 1, 5], attn.head_out[0, 1, 5] + gone)
    assert_close(found[1].attn.head_out[0, 0, 2], blocks[1].attn.head_out[0, 0].mean(0))
    assert_close(found[1].ffn.out[0, 3], blocks[1].ffn.out[0].mean(0))
    assert_close(found[1].resid_pre[0, 4], blocks[1].resid_pre[0].mean(0))


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_is_patched(variant):
    config = GPT2Config.tiny(vocab_size=11, n_layers=2, n_heads=2, d_model=16, context_length=16)
    torch.manual_seed(0)
    model, (tokens, other) = sharpened(build(variant, config)), two_sentences()
    assert torch.equal(traced(model, ["stream 0 all other"], tokens, other), model.trace(other).logits)
    words = ["edge 0.1 3>2 zero", "head 1.0 2 mean", "ffn 0 3 other", "stream 1 4 other"]
    with patched(model, words, tokens, other):
        assert_close(model(tokens), model.trace(tokens).logits, atol=1e-4, rtol=1e-4)
        assert not torch.equal(model(tokens), model(tokens * 0 + 1))
    for some in ([f"edge 0.1 3>{j} zero" for j in range(4)], words[1:2], words[3:]):
        assert not torch.allclose(traced(model, some, tokens, other), model.trace(tokens).logits), some


def test_an_effect_is_the_difference_that_the_patch_makes():
    model, (tokens, other) = small(), two_sentences()
    own, theirs = (model.trace(x).blocks for x in (tokens, other))
    words = ["head 1.0 all other", "head 1.1 7 other", "ffn 1 all other", "stream 1 3 other", "edge 1.1 7>2 other"]
    put = patching.donated(read(words, [2, 2, 2]), own.__getitem__, theirs.__getitem__)
    found = effects(model, put, own[1].resid_pre, LAST, 4, 6)
    before = margin(model.trace(tokens).logits[0, LAST], 4, 6)
    each = [margin(traced(model, [word], tokens, other)[0, LAST], 4, 6) - before for word in words]
    assert_close(found, torch.stack(each), atol=1e-4, rtol=1e-4)
    assert found.abs().min() > 1e-3


def test_the_effects_of_a_layer_are_its_heads_and_its_network():
    model, (tokens, _) = small(), two_sentences()
    words = ["head 1.0 all zero", "head 1.1 all zero", "ffn 1 all zero"]
    before = model.trace(tokens).logits[0, 3, 4]
    each = [traced(model, [word], tokens)[0, 3, 4] - before for word in words]
    assert_close(part_effects(model, tokens, 1, "zero", 3, 4), torch.stack(each), atol=1e-4, rtol=1e-4)
    with pytest.raises(InputError, match="source must be one of"):
        part_effects(model, tokens, 1, "one", 3, 4)
    with pytest.raises(InputError, match="names layer 9"):
        part_effects(model, tokens, 9, "zero", 3, 4)


def test_of_two_words_for_one_place_the_later_stays():
    words = ["head 1.0 2 zero", "ffn 0 1 mean", "head 1.0 2 mean"]
    assert [one.word for one in read(words, [2, 2])] == ["ffn 0 1 mean", "head 1.0 2 mean"]


BAD = {
    "head 1.3": 'expected "edge',
    "edge 0.0 all>1 zero": 'expected "edge',
    "head 0.0 1 one": 'expected "edge',
    "head 0.0 ² zero": 'expected "edge',
    "ffn 3 1 zero": "names layer 3, but the last layer is 2",
    "head 0.2 1 zero": "names head 2, but the last head is 1",
    "edge 0.0 8>1 zero": "names position 8, but the last position is 7",
    "edge 0.0 1>9 zero": "names position 9, but the last position is 7",
    "stream 3 1 zero": "names layer 3",
}


@pytest.mark.parametrize("word", [*BAD, 7, None])
def test_a_bad_word_is_refused_in_a_sentence(word):
    model, (tokens, _) = small(), two_sentences()
    with pytest.raises(InputError, match=BAD.get(word, 'expected "edge')), patched(model, [word], tokens):
        pass


def test_other_needs_another_sentence_and_a_cache_is_refused():
    model, (tokens, other) = small(), two_sentences()
    with pytest.raises(InputError, match="takes from the other sentence"), patched(model, ["ffn 0 1 other"], tokens):
        pass
    with pytest.raises(InputError, match="other must have the shape of tokens"):
        with patched(model, ["ffn 0 1 other"], tokens, other[:, 1:]):
            pass
    with pytest.raises(InputError, match="a list of words"), patched(model, "ffn 0 1 zero", tokens):
        pass
    with pytest.raises(InputError, match="without a cache"), patched(model, ["stream 0 1 zero"], tokens):
        generate(model, tokens[:, :4], 2)
