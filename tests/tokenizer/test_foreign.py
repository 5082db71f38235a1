"""Tokenizers of transformers as encodings: the same ids, the same bytes, and no special token out of a text."""

from __future__ import annotations

import subprocess
import sys

import pytest
from foreign_tokenizers import END, byte_level, gpt2, slow, word_pieces
from tokenizers import pre_tokenizers

from gpt2lab import course_encoding
from gpt2lab.tokenizer import left_out, token_label
from gpt2lab.tokenizer.foreign import TransformersEncoding, byte_letters

TEXTS = ["def f(x): return x", f"one {END} two", "  spaces\n\ttabs ", "ñ 漢字 🦜 ÿ Ġ", "lone \ud800 surrogate", ""]


@pytest.mark.parametrize("make", [byte_level, gpt2])
@pytest.mark.parametrize("text", TEXTS)
def test_the_tokens_are_the_text_byte_by_byte(make, text):
    encoding = TransformersEncoding(make())
    ids = encoding.encode_ordinary(text)
    expected = text.replace("\ud800", "\ufffd").encode()
    assert b"".join(map(encoding.decode_single_token_bytes, ids)) == expected
    assert left_out(encoding, text) == []


@pytest.mark.parametrize("make", [byte_level, gpt2])
def test_ids_are_the_tokenizers_own_and_special_ones_never_come_out_of_a_text(make):
    tokenizer = make()
    encoding = TransformersEncoding(tokenizer)
    assert encoding.encode_ordinary("def f(x)") == tokenizer.encode("def f(x)", add_special_tokens=False)
    special = tokenizer.convert_tokens_to_ids(END)
    assert special in tokenizer.encode(f"one {END} two")
    assert special not in encoding.encode_ordinary(f"one {END} two")
    assert special in tokenizer.encode(f"one {END} two"), "the tokenizer itself is as it was"
    assert encoding.decode_single_token_bytes(special) == END.encode()


def test_a_token_added_later_is_read_as_text_and_does_not_count_as_one_of_the_texts():
    tokenizer = byte_level()
    before = TransformersEncoding(tokenizer).n_vocab
    tokenizer.add_special_tokens({"pad_token": "[é]"})
    encoding = TransformersEncoding(tokenizer)
    assert encoding.n_vocab == before
    assert encoding.decode_single_token_bytes(tokenizer.pad_token_id) == "[é]".encode()


def test_words_and_pieces_are_text():
    encoding = TransformersEncoding(word_pieces())
    ids = encoding.encode_ordinary("The boxes é zebra")
    assert [token_label(encoding, token) for token in ids] == ["the", "box", "##es", "é", "[UNK]"]
    assert left_out(encoding, "The boxes") == [], "the text is lowered, so nothing can be said"
    assert encoding.n_vocab == 5


def test_a_slow_tokenizer_is_one(tmp_path):
    tokenizer = slow(tmp_path)
    assert not tokenizer.is_fast
    encoding = TransformersEncoding(tokenizer)
    ids = encoding.encode_ordinary("ab a <unk>")
    assert ids[:2] == [5, 4]
    assert [encoding.decode_single_token_bytes(token) for token in ids[:2]] == [b"ab", b"a"]
    assert encoding.n_vocab == 6


def test_an_id_that_does_not_exist_is_a_key_error():
    with pytest.raises(KeyError):
        TransformersEncoding(byte_level()).decode_single_token_bytes(50_000)


def test_every_byte_has_a_letter_of_its_own():
    assert sorted(byte_letters().values()) == list(range(256))
    assert set(byte_letters()) == set(pre_tokenizers.ByteLevel.alphabet())
    assert byte_letters()["Ġ"] == ord(" ")


def test_transformers_is_not_imported():
    code = "import sys, gpt2lab.tokenizer.foreign, gpt2lab.explorer.explorer; print('transformers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_course_encoding_is_untouched():
    assert left_out(course_encoding(), "any text ñ") == []
