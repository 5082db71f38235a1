"""Causes in the explorer: what heads take, what each part adds to a logit, two sentences."""

import re

import pytest
import torch
from explorers import HOSTILE, explorer, model
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from gpt2lab import GPT2Config
from gpt2lab.ablations import VARIANTS, build
from gpt2lab.errors import InputError
from gpt2lab.explorer import packing, picture
from gpt2lab.explorer.files import csv_text
from gpt2lab.explorer.runs import Run
from gpt2lab.explorer.selection import VIEWS
from gpt2lab.explorer.views import VIEWS as BY_NAME
from gpt2lab.explorer.views.attribution import attribute, named
from gpt2lab.studies.attribution import taken_lengths


def floats(data):
    return torch.frombuffer(bytearray(data), dtype=torch.float32)


# Weight × length


def test_the_length_of_what_is_taken_is_that_of_the_value_in_the_stream():
    """Summed over keys, weight × v_j W_O is what the head adds; its lengths are those that are sent."""
    e = explorer()
    attn, block = e._pair.first.blocks[1].attn, e.runs[0].block(1).attn
    T, d = e.tokens.shape[1], attn.d_head
    w_o = attn.out.weight.detach()[:, 2 * d : 3 * d].T  # (d_head, d_model)
    vectors = block.v[0, 2] @ w_o  # (T, d_model)
    meta, (small, lengths) = e.answer("taken/0/1")
    assert_close(floats(lengths).view(4, T)[2], vectors.norm(dim=-1), atol=1e-6, rtol=1e-5)
    products = block.attn_weights[0] * taken_lengths(attn, block)[0, :, None]  # (n_heads, T, T)
    assert meta["most"] == pytest.approx(float(products.detach().max()))
    rows, columns = torch.tril_indices(T, T)
    sent = packing.decode(torch.frombuffer(bytearray(small), dtype=torch.uint8)).view(4, -1) * meta["most"]
    assert_close(sent, products.detach()[:, rows, columns], atol=0.004 * meta["most"], rtol=0)


def test_a_trace_without_values_says_so():
    class Bare:
        def trace(self, tokens):
            trace = model().trace(tokens)
            blocks = [
                type("B", (), {"attn": type("A", (), {"attn_weights": b.attn.attn_weights})}) for b in trace.blocks
            ]
            return type("T", (), {"blocks": blocks})

    e = explorer()
    bare = type(e)(Bare(), e.encoding, "for i in")
    with pytest.raises(InputError, match="this model has no values"):
        bare.answer("taken/0/0")


# Attribution


def gpt2_with_biases(seed=0, **shape):
    """Random weights, biases and gains that are not the usual 0 and 1."""
    gpt2 = model(seed, **shape)
    torch.manual_seed(seed)
    for parameter in gpt2.parameters():
        if parameter.ndim == 1:
            parameter.data += 0.3 * torch.randn_like(parameter)
    return gpt2


WORDS = ["mask", "positions", "attention 1", "ffn 0", "head 0.1", "head 2.3"]


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 3),
    ids=st.lists(st.integers(0, 1023), min_size=1, max_size=12),
    off=st.sets(st.sampled_from(WORDS)),
    place=st.tuples(st.integers(0, 11), st.integers(0, 1023)),
)
def test_the_parts_sum_to_the_logit_whatever_is_off(seed, ids, off, place):
    position, token = min(place[0], len(ids) - 1), place[1]
    run = Run(gpt2_with_biases(seed), torch.tensor([ids]), sorted(off))
    found = attribute(run, position, token)
    assert_close(found.flat().sum(), run.logits(position)[token], atol=1e-4, rtol=0)
    assert float(found.patched) == 0
    for word in off & {"ffn 0", "head 0.1", "head 2.3", "positions"}:
        assert dict(named(found))[word.removesuffix("s")] == 0, word


def test_the_attribution_of_a_head_is_what_its_absence_takes_away_at_a_fixed_scale():
    """By hand: the head's vector through the final norm, whose deviation stays, against the token's vector."""
    gpt2, ids = gpt2_with_biases(), torch.tensor([[5, 6, 7, 8]])
    with torch.no_grad():
        trace = gpt2.trace(ids)
        block = gpt2.blocks[2].attn
        vector = block.out.weight[:, 8:16] @ trace.blocks[2].attn.head_out[0, 1, 3]
        centred = (vector - vector.mean()) / trace.ln_f.std[0, 3, 0] * gpt2.ln_f.weight
        expected = centred @ gpt2.token_embedding.weight[9]
    found = dict(named(attribute(Run(gpt2, ids), 3, 9)))
    assert found["head 2.1"] == pytest.approx(float(expected), abs=1e-6)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_sums_or_is_refused(variant):
    config = GPT2Config.tiny(vocab_size=50, n_layers=2, n_heads=2, d_model=16, context_length=16)
    run = Run(build(variant, config).eval(), torch.tensor([[1, 2, 3, 4]]))
    if variant in ("post-ln", "no-residual"):
        with pytest.raises(InputError, match="do not sum to its logit"):
            attribute(run, 3, 7)
    else:
        assert_close(attribute(run, 3, 7).flat().sum(), run.logits(3)[7], atol=1e-4, rtol=0)


def test_a_token_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="this model has no token 1024"):
        explorer().answer("attribution/0/3/1024")


# Two sentences

HEAVY, WEAK = "for i in range(10):", "for x in range(10):"


def test_two_sentences_are_two_runs_of_one_model():
    e = explorer(HEAVY, text_b=WEAK)
    ids = [e.encoding.encode_ordinary(text) for text in (HEAVY, WEAK)]
    assert [run.tokens.tolist() for run in e.runs] == [[one] for one in ids]
    assert e._scene["labels"][1] == "␣i" and e._scene["labels_b"][1] == "␣x" and e._scene["names"] == ["i", "x"]
    with torch.no_grad():
        for run, one in zip(e.runs, ids, strict=True):
            assert_close(run.logits(5), e._pair.first(torch.tensor([one]))[0, 5], atol=1e-5, rtol=0)
    e.text_b = ""
    assert len(e.runs) == 1 and e._scene["labels_b"] is None
    assert explorer(HEAVY, text_b=HEAVY.replace("10", "01"), names=["a", "b"])._scene["names"] == ["a", "b"]


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_has_code_numbers_and_a_picture_of_the_second_sentence(view):
    e = explorer(HEAVY, text_b=WEAK, view=view, layer=1, head=2, token=4, ablated=["head 0.1"])
    scope = {"model": e._pair.first, "encoding": e.encoding}
    exec(e.code(), scope)
    for name, tensor in e.selection_trace().items():
        assert_close(tensor, scope["shown"][name], msg=name)
    shown = HEAVY if BY_NAME[view].of_base else WEAK  # patches are made in the first one
    assert scope["tokens"].tolist() == [e.encoding.encode_ordinary(shown)]
    assert csv_text(e.screen).count("\n") > 1 and picture.draw(e.screen).png()


def test_what_is_off_is_off_in_both_sentences():
    e = explorer(HEAVY, text_b=WEAK, ablated=["ffn 1"])
    assert [run.ablated for run in e.runs] == [["ffn 1"], ["ffn 1"]]
    e.ablated = []
    assert [run.ablated for run in e.runs] == [[], []]


def test_the_longer_sentence_is_cut_and_it_is_said():
    e = explorer(HEAVY, text_b="for x in")
    assert [run.T for run in e.runs] == [3, 3]
    assert re.search(r"The sentences have \d+ and 3 tokens: the first 3 of both are compared.", e._scene["note"])
    e.text_b = "   "  # one token
    assert [run.T for run in e.runs] == [1, 1] and e.message == ""


def test_two_models_and_two_sentences_at_once_are_refused():
    with pytest.raises(InputError, match="two models or two sentences, not both"):
        explorer(HEAVY, text_b=WEAK, other=model(1))


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_second_sentence_is_only_a_text(text):
    e = explorer(HEAVY, text_b=text)
    assert e.message == "" and len(e.runs) == 2
    other = explorer(HEAVY, state=e.state)
    assert other.text_b == e.text_b and other.state == e.state and other.notice == ""


def test_ids_may_be_typed_in_both_sentences():
    e = explorer("ids: 5 7 9", text_b="ids: 5 8 9")
    assert [run.tokens.tolist() for run in e.runs] == [[[5, 7, 9]], [[5, 8, 9]]]
    e.text_b = "ids: 5 x"
    assert "behind ids" in e.message and e.runs[1].tokens.tolist() == [[5, 8, 9]]
