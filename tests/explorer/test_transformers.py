"""A transformers GPT-2 and its tokenizer, as they are, in the explorer."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from explorers import TEXT
from explorers import model as our_model
from foreign_tokenizers import END, byte_level, gpt2, word_pieces
from torch.testing import assert_close
from transformers import BertConfig, BertModel, GPT2Config, GPT2LMHeadModel

from gpt2lab import GPT2, course_encoding
from gpt2lab.explorer import Explorer


def their_model(vocab_size: int = 300) -> GPT2LMHeadModel:
    torch.manual_seed(0)
    sizes = {"n_positions": 64, "n_embd": 16, "n_layer": 2, "n_head": 2, "bos_token_id": 0, "eos_token_id": 0}
    return GPT2LMHeadModel(GPT2Config(vocab_size=vocab_size, attn_implementation="eager", **sizes)).eval()


@pytest.mark.parametrize("make", [byte_level, gpt2])
@pytest.mark.parametrize("inner", [lambda model: model, lambda model: model.transformer])
def test_both_are_taken_as_they_are(make, inner):
    theirs, tokenizer = inner(their_model()), make()
    e = Explorer(theirs, tokenizer, "def f(x): return two")
    assert e.message == "" and isinstance(e.model, GPT2)
    tokens = tokenizer("def f(x): return two", return_tensors="pt")["input_ids"]
    assert torch.equal(e.tokens, tokens)
    with torch.no_grad():
        attentions = theirs(tokens, output_attentions=True).attentions
    e.view, e.layer, e.head = "head", 1, 1
    assert_close(e.selection_trace()["attn_weights"], attentions[1][0, 1], atol=1e-5, rtol=0)


def test_the_code_runs_with_what_the_explorer_made_of_them():
    e = Explorer(their_model(), byte_level(), "def f(x)", view="head", layer=1)
    names: dict = {"model": e.model, "encoding": e.encoding}
    exec(e.code(), names)
    assert_close(names["shown"]["attn_weights"], e.selection_trace()["attn_weights"], atol=1e-6, rtol=0)


def test_text_stays_text():
    tokenizer = byte_level()
    e = Explorer(their_model(), tokenizer, f"one {END} two")
    assert e.message == "" and tokenizer.eos_token_id not in e.tokens[0].tolist()
    assert e._scene["note"] == ""


def test_a_padded_vocabulary_is_one():
    e = Explorer(their_model(vocab_size=512), byte_level(), "one two", view="next")
    assert e.message == ""
    assert e._label(511) == "#511"


def test_tokenizers_of_words_are_shown_without_a_wrong_note():
    e = Explorer(their_model(), word_pieces(), "The boxes zebra")
    assert (e.message, e._scene["note"]) == ("", "")
    assert [e._label(int(token)) for token in e.tokens[0]] == ["the", "box", "##es", "[UNK]"]


def test_a_second_model_is_taken_too():
    e = Explorer(our_model(), course_encoding(), TEXT, other=their_model(1024))
    assert e.message == "" and len(e.runs) == 2


def test_more_tokens_than_the_model_has_are_refused():
    with pytest.raises(ValueError, match="the model has 200 tokens, the encoding 276; use the encoding"):
        Explorer(their_model(200), byte_level(), "one")
    with pytest.raises(ValueError, match=r"the model has 300 tokens, the encoding 1,024"):
        Explorer(our_model(), course_encoding(), TEXT, other=their_model())
    padded = byte_level()
    padded.add_special_tokens({"pad_token": "[PAD]"})  # id 276, which no text has
    assert Explorer(their_model(276), padded, "one").message == ""


def bert() -> BertModel:
    return BertModel(BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
                                intermediate_size=8))  # fmt: skip


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (bert, r"trace\(tokens\) of their own, got BertModel of type 'bert'; .* GPT2LMHeadModel and GPT2Model"),
        (lambda: GPT2LMHeadModel, "a model with trace"),
        (lambda: GPT2, "a model with trace"),
        (byte_level, "a model with trace"),
        (lambda: torch.nn.Linear(2, 2), "got Linear; gpt2lab.GPT2 has one, a GPT-2 of transformers is taken"),
        (lambda: "gpt2", "got str"),
    ],
)
def test_what_is_no_gpt2_gets_one_sentence(model, message):
    with pytest.raises(ValueError, match=message):
        Explorer(model(), byte_level(), "one")


@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        (lambda: type(byte_level()), "or a transformers tokenizer, got the class "),
        (lambda: byte_level().backend_tokenizer, "or a transformers tokenizer, got Tokenizer"),
        (their_model, "or a transformers tokenizer, got GPT2LMHeadModel"),
        (lambda: "gpt2", "or a transformers tokenizer, got str"),
        (lambda: SimpleNamespace(encode_ordinary=1), "got SimpleNamespace"),
        (lambda: None, "got NoneType"),
    ],
)
def test_what_is_no_tokenizer_gets_one_sentence(encoding, message):
    with pytest.raises(ValueError, match=message):
        Explorer(their_model(), encoding(), "one")
