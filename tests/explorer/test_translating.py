"""The explorer on GPT-2's relatives: an encoder–decoder as one line, an encoder, a decoder; no traceback anywhere."""

from __future__ import annotations

import pytest
import torch
from explorers import sentences
from torch.testing import assert_close

from gpt2lab import GPT2Config
from gpt2lab.explorer import Explorer, SourceAndTarget, files
from gpt2lab.explorer.answers import likely_questions
from gpt2lab.explorer.serve import open_model
from gpt2lab.family import ConvLM, EncoderDecoder, EncoderDecoderConfig, GPT2Classifier
from gpt2lab.zoo import load_toy

LINE = "three thousand forty two=30"  # 4 words, the start, 2 digits


@pytest.fixture(scope="module")
def toy():
    return load_toy("words-to-digits")


def explored(toy, text=LINE, **settings):
    return Explorer(toy.model, toy.encoding, text, **settings)


def test_every_map_of_the_two_stacks_lies_in_its_corner_of_the_line(toy):
    e, ids = explored(toy), toy.task.encode(LINE)
    assert e._scene["layers"] == ["encoder 0", "encoder 1", "decoder 0", "cross 0", "decoder 1", "cross 1"]
    trace = toy.model.trace(ids[:, :4], ids[:, 4:])
    source, target = slice(0, 4), slice(4, 7)
    for i in range(2):
        expected = [
            (i, trace.encoder.blocks[i].attn, source, source),
            (2 + 2 * i, trace.decoder.blocks[i].attn, target, target),
            (3 + 2 * i, trace.decoder.blocks[i].cross_attn, target, source),
        ]
        for layer, attn, rows, columns in expected:
            found = e.runs[0].block(layer).attn
            assert found.attn_weights.shape == (1, 2, 7, 7)
            assert_close(found.attn_weights[:, :, rows, columns], attn.attn_weights)
            assert_close(found.attn_weights.sum(), attn.attn_weights.sum())  # nothing elsewhere
            assert_close(found.scores[:, :, rows, columns], attn.scores)
            assert_close(found.raw_scores[:, :, rows, columns], attn.raw_scores, atol=1e-4, rtol=1e-4)
            inside = torch.zeros(7, 7, dtype=torch.bool)
            inside[rows, columns] = True
            assert bool((found.mask <= inside).all())
            filled = found.masked_scores.softmax(-1)[:, :, rows]
            assert_close(filled, found.attn_weights[:, :, rows])  # the mask and the scores give the weights
    assert_close(e.runs[0].logits(6), trace.logits[0, -1])


def test_a_click_on_the_likeliest_token_translates_step_by_step(toy):
    e = explored(toy, "three thousand forty two=")
    for _ in range(5):
        likeliest = max(e.answer(f"next/{e.token}/1000/0/1000")[0]["rows"], key=lambda row: row["p"][0])
        e.tokens = [*e.tokens[0].tolist(), likeliest["id"]]  # as the browser does
        e.token = -1
    assert e.text == "three thousand forty two=3042<|endoftext|>"
    assert e.message == "" and e._scene["can"]["write"]


def test_what_an_encoder_decoder_lacks_here_is_one_sentence(toy):
    said = sentences(explored(toy, token=0))
    assert said.keys() == {"stream", "neurons", "lens", "attribution", "patch", "next"}
    assert said["next"] == "nothing is predicted within the source: choose a token of the target"
    assert all("Error" not in sentence and "\n" not in sentence for sentence in said.values())
    assert explored(toy)._scene["can"]["change"] is False
    with pytest.raises(ValueError, match="cannot be switched off"):
        explored(toy, ablated=["head 0.0"])
    e = explored(toy, layer=3, token=0, view="scores")  # cross-attention, a word of the source
    with pytest.raises(ValueError, match="this layer asks nothing of this token"):
        e.answer("scores/0/3/0/0")
    assert e._repr_mimebundle_()[0]["image/png"]


@pytest.mark.parametrize("token", [0, 6])
def test_a_page_and_the_code_can_be_had_from_every_token(toy, token):
    e = explored(toy, token=token, layer=3, view="head")
    assert "<script" in files.html_page(e.screen)
    assert {"map/0/5/1", "next/6/1000/0/1000"} <= set(likely_questions(e.screen, 5000, 16))
    names = {"model": e.model, "encoding": e.encoding}
    exec(e.code(), names)
    assert_close(names["shown"], e.selection_trace())


def test_heads_of_a_part_of_the_line_have_no_role_and_layers_their_names(toy):
    e = explored(toy, layer=3, head=1)
    assert e.roles() == [] and e.screen.head_name() == "Cross 0, head 1"
    gpt = load_toy("words-to-digits-gpt")
    e = Explorer(gpt.model, gpt.encoding, LINE)
    assert e._scene["layers"][:2] == ["layer 0", "layer 1"] and e.screen.head_name() == "Layer 0, head 0"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("three thousand", "this model translates: write '=' behind the source"),
        ("=30", "this model translates: write a source before '='"),
        ("three " * 13 + "=3", "the source has 13 tokens"),
        ("three=" + "3" * 12, "the target has 13 tokens"),
    ],
)
def test_a_line_that_cannot_be_read_keeps_the_last_picture(toy, text, message):
    e = explored(toy)
    e.text = text
    assert message in e.message and "\n" not in e.message
    assert e.screen.text == LINE
    e.text = LINE + "4"
    assert e.message == "" and e.screen.text == LINE + "4"


def test_an_encoder_speaks_of_the_token_itself_and_does_not_write():
    bert = load_toy("words-to-digits-bert")
    model, encoding, text, _ = open_model("words-to-digits-bert")
    assert "<mask>" in text and "<|endoftext|>" not in text
    e = Explorer(bert.model, bert.encoding, text, view="next")
    can = e._scene["can"]
    assert e._scene["fills"] and can["next"] and not can["write"] and not can["mask"] and can["lens"]
    assert e.screen.asked.startswith("In the place of ‘")
    blank = e.screen.labels.index("<mask>")
    best = max(e.answer(f"next/{blank}/1000/0/1000")[0]["rows"], key=lambda row: row["p"][0])
    assert best["label"] == "5"  # five thousand …
    assert sentences(e).keys() == {"attribution"}  # its norms stand on the stream
    gpt = load_toy("words-to-digits-gpt")
    e = Explorer(gpt.model, gpt.encoding, LINE)
    assert not e._scene["fills"] and e._scene["can"]["write"] and e.screen.asked.startswith("Next after ‘")


def test_what_has_no_attention_of_its_own_says_so_in_a_sentence(toy):
    config = GPT2Config.tiny(vocab_size=toy.encoding.n_vocab)
    for model in (ConvLM(config).eval(), GPT2Classifier(load_toy("words-to-digits-gpt").model, 2).eval()):
        e = Explorer(model, toy.encoding, "three")
        assert "trace() must return .blocks[i].attn" in e.message and e._repr_mimebundle_()[0]["text/plain"]


def test_models_that_do_not_make_one_line_are_refused(toy):
    config = dict(vocab_size=9, context_length=8, n_layers=1, n_heads=1, d_model=4)
    with pytest.raises(ValueError, match="one vocabulary for source and target"):
        SourceAndTarget(EncoderDecoder(EncoderDecoderConfig(**config, source_vocab_size=5)), 0)
    with pytest.raises(ValueError, match=r"start must be a token id in \[0, 9\), got 9"):
        SourceAndTarget(EncoderDecoder(EncoderDecoderConfig(**config)), 9)
    with pytest.raises(ValueError, match="needs an EncoderDecoder, got GPT2"):
        SourceAndTarget(load_toy("reverse").model, 0)
    with pytest.raises(ValueError, match="its encoding has no token '='"):
        Explorer(EncoderDecoder(EncoderDecoderConfig(**{**config, "vocab_size": 72})), load_toy("reverse").encoding)
    other = SourceAndTarget(toy.model, int(toy.task.encode("three forty")[0, 1]))  # any token may be the start
    e = Explorer(other, toy.encoding, "three forty two")
    assert e.message == "" and e._scene["layers"][3] == "cross 0"
    e.text = "three"
    assert "'token " in e.message
