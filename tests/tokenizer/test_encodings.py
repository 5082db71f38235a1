"""tokenizer: GPT-2's own and the course's; every text comes back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers import properties

from gpt2lab.tasks import get_task
from gpt2lab.tokenizer import (
    course_encoding,
    gpt2_encoding,
    left_out,
    standard_library_files,
    standard_library_text,
    token_label,
    token_labels,
    train_bpe,
    vocabulary,
)
from gpt2lab.tokenizer import encodings as module
from gpt2lab.tokenizer.encodings import COURSE_VOCAB_SIZE, write_course_encoding
from gpt2lab.tokenizer.vocabulary import VocabularyError

needs_vocabulary = pytest.mark.skipif(
    not vocabulary.available(), reason="GPT-2's vocabulary is not on this computer: run `python3 course.py`"
)
encodings = pytest.mark.parametrize(
    "encoding", [pytest.param(gpt2_encoding, marks=needs_vocabulary), course_encoding], ids=["gpt2", "course"]
)

TEXTS = {
    "empty": "",
    "plain": "I love AI",
    "joined emoji": "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽",
    "right to left": "שלום עולם، مرحبا بالعالم",
    "embedding of directions": "a\u202eb\u202c\u200f",
    "combining marks": "e\u0301 n\u0303 Z͑ͫ̓ͪ̂ͫ",
    "cjk": "機械学習 한국어 中文",
    "nul and controls": "a\x00b\x01\x7f\x1b[31m",
    "line ends": "one\r\ntwo\rthree\n\n\n\tfour  \n",
    "odd spaces": "a\u00a0b\u2003c\u3000d\ufeffe",
    "special in text": "a <|endoftext|> b",
    "html": "</script><img src=x onerror=alert(1)>",
    "numbers": "3.14159 -1e-5 ١٢٣ ⅷ",
    "outside the first plane": "𝔸𝕀 𐍈 🂡",
    "last code point": "\U0010ffff",
    "no space": "a" * 100_000,
    "no space, mixed": "aB3_é" * 20_000,
    "spaces alone": " " * 100_000,
    "line ends alone": "\n" * 100_000,
    "signs alone": "!?" * 50_000,
    "spaces, then a word": " " * 100_000 + "x",
}


@needs_vocabulary
def test_gpt2_ids_of_a_known_sentence():
    encoding = gpt2_encoding()
    assert encoding.encode("I love AI") == [40, 1842, 9552]
    assert encoding.n_vocab == 50257 and encoding.name == "gpt2"
    assert encoding.encode("<|endoftext|>", allowed_special="all") == [50256]
    assert gpt2_encoding() is encoding  # made once


def test_the_course_encoding_is_small_and_knows_python():
    encoding = course_encoding()
    assert encoding.n_vocab == COURSE_VOCAB_SIZE == 1024
    assert encoding.encode("<|endoftext|>", allowed_special="all") == [1023]
    text = standard_library_text(20_000)
    assert len(encoding.encode_ordinary(text)) < len(text) / 2  # more than two characters a token
    assert course_encoding() is encoding


@encodings
@pytest.mark.parametrize("name", TEXTS)
def test_every_kind_of_text_comes_back(encoding, name):
    text = TEXTS[name]
    tokens = encoding().encode_ordinary(text)
    assert encoding().decode(tokens) == text
    assert all(0 <= token < encoding().n_vocab for token in tokens)


@encodings
@properties
@given(st.text(max_size=80))
def test_any_text_comes_back(encoding, text):
    assert encoding().decode(encoding().encode_ordinary(text)) == text


@encodings
def test_a_million_spaces_do_not_overflow(encoding):
    text = " " * 1_000_000
    assert encoding().decode(encoding().encode_ordinary(text)) == text


@encodings
def test_half_a_surrogate_pair_becomes_the_replacement_character(encoding):
    tokens = encoding().encode_ordinary("a\ud83db")
    assert encoding().decode(tokens) == "a\ufffdb"


@encodings
def test_typed_special_tokens_are_ordinary_text(encoding):
    tokens = encoding().encode_ordinary("<|endoftext|>")
    assert len(tokens) > 1 and encoding().n_vocab - 1 not in tokens


def test_without_the_vocabulary_the_message_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(vocabulary, "cache_dir", lambda: tmp_path)
    vocabulary.read_gpt2_encoding.cache_clear()
    try:
        with pytest.raises(VocabularyError, match=r"not in .*python3 course\.py"):
            gpt2_encoding()
    finally:
        vocabulary.read_gpt2_encoding.cache_clear()


# labels


def label(text: str) -> str:
    encoding = train_bpe(text * 50, 256 + len(text.encode()) + 1)
    (token,) = encoding.encode_ordinary(text)
    return token_label(encoding, token)


def test_labels_show_what_is_invisible():
    encoding = course_encoding()
    assert [token_label(encoding, ord(c)) for c in " \n\ta<"] == ["␣", "⏎", "⇥", "a", "<"]
    assert token_label(encoding, 0xF0) == r"\xf0"
    assert token_label(encoding, 0) == r"\x00"
    assert token_label(encoding, 1023) == "<|endoftext|>"
    assert label("é") == "é"
    assert label("\u202e") == r"\u202e"
    assert label("\u200d") == r"\u200d"
    assert label("👍") == "👍"
    assert label("❤\ufe0f") == "❤\\ufe0f"  # a variation selector draws nothing


def test_every_label_of_the_course_is_one_printable_line():
    encoding = course_encoding()
    labels = token_labels(encoding, range(encoding.n_vocab))
    assert all(text and text.isprintable() for text in labels)
    # a space sign is shown for nothing else, so labels can be told apart
    assert len(set(labels)) == len(labels)


# the stored encoding


def test_standard_library_text_is_real_and_repeatable():
    text = standard_library_text(30_000)
    assert len(text.encode()) >= 30_000 and "def " in text
    assert text == standard_library_text(30_000)


def test_tests_and_what_is_no_text_are_not_in_the_library(tmp_path, monkeypatch):
    contents = {
        "b.py": b"b = 1",
        "a/c.py": b"c = 2",
        "test/x.py": b"x",
        "a/tests/y.py": b"y",
        "site-packages/z.py": b"z",
    }
    for name, content in {**contents, "latin.py": b"\xe9", "note.txt": b"n"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    monkeypatch.setattr("gpt2lab.tokenizer.corpus.sysconfig.get_paths", lambda: {"stdlib": str(tmp_path)})
    assert list(standard_library_files()) == [("a/c.py", "c = 2"), ("b.py", "b = 1")]
    assert list(standard_library_files(max_bytes=5)) == [("a/c.py", "c = 2")]


def test_the_stored_encoding_is_made_by_its_command(tmp_path, monkeypatch):
    """On less text, so that it is quick: written, then read back as the same encoding."""
    text = standard_library_text(30_000)
    monkeypatch.setattr(module, "standard_library_text", lambda: text)
    monkeypatch.setattr(module, "COURSE_VOCAB_SIZE", 300)
    write_course_encoding(tmp_path / "course_bpe.json")
    monkeypatch.setattr(module.resources, "files", lambda package: tmp_path)
    stored, trained = course_encoding.__wrapped__(), train_bpe(text, 300)
    assert stored.n_vocab == trained.n_vocab == 300
    assert stored.encode_ordinary(text) == trained.encode_ordinary(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("the robot", []), ("the zebra could", [" zebra"]), ("zzzz", ["zzzz"]), ("the ?", [" ?"]), ("", []),
     ("12 the ÄÖ robot", ["12", " ÄÖ"])],
)  # fmt: skip
def test_what_a_small_vocabulary_leaves_out_is_named(text, expected):
    assert left_out(get_task("reference").encoding, text) == expected


@pytest.mark.parametrize("text", ["any text, ÄÖ 漢字 🦜", "lone \ud800 surrogate", "nul \x00", "   \n\t "])
def test_bytes_leave_nothing_out(text):
    assert left_out(course_encoding(), text) == []
