"""bpe: the merges, against a slow trainer written differently and against the tokenizers package."""

from __future__ import annotations

import itertools
import re
from collections import Counter

import pytest
import regex
import tiktoken
from hypothesis import example, given
from hypothesis import strategies as st
from peers import properties
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from gpt2lab.tokenizer import standard_library_text, train_bpe
from gpt2lab.tokenizer.bpe import GPT2_PATTERN, bpe_merges, merge


def test_by_hand():
    # "aaab" three times and "ab" once: a·a occurs 2·3 = 6 times, a·b 3 + 1 = 4 times
    merges = list(bpe_merges("aaab aaab aaab\nab"))
    # ("aaab" at the start and " aaab" twice are two words; a·a is counted in each)
    assert merges[0] == (b"a", b"a", 6)
    # aa|a|b: a·b 3 + 1 = 4 times, aa·a 3 times
    assert merges[1] == (b"a", b"b", 4)
    # aa|ab in all three
    assert merges[2] == (b"aa", b"ab", 3)
    # " aaab" twice
    assert merges[3] == (b" ", b"aaab", 2)
    assert len(merges) == 4  # nothing else occurs twice


def test_merges_never_cross_words():
    assert all(b" " not in (left + right)[1:] for left, right, _ in bpe_merges("to be or not to be " * 20))


@pytest.mark.parametrize(
    ("parts", "joined"),
    [
        ("a a a", "aa a"),
        ("a a a a", "aa aa"),
        ("a b a a", "a b aa"),
        ("b", "b"),
        ("", ""),
    ],
)
def test_merge_goes_from_left_to_right(parts, joined):
    assert merge(parts.encode().split(), b"a", b"a") == joined.encode().split()


def slow_merges(text: str, n: int) -> list[tuple[bytes, bytes, int, bool]]:
    """The definition, with nothing remembered; the last entry says whether the count was shared."""
    pattern = r"'(?:[sdmt]|ll|ve|re)| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+"
    words = [tuple(bytes([b]) for b in word.encode()) for word in re.findall(pattern, text)]
    merges = []
    for _ in range(n):
        counts = Counter(pair for word in words for pair in itertools.pairwise(word))
        if not counts or max(counts.values()) < 2:
            break
        top = max(counts.values())
        candidates = [pair for pair, count in counts.items() if count == top]
        left, right = min(candidates)
        merges.append((left, right, top, len(candidates) > 1))
        for i, word in enumerate(words):
            out, j = [], 0
            while j < len(word):
                hit = word[j : j + 2] == (left, right)
                out.append(left + right if hit else word[j])
                j += 2 if hit else 1
            words[i] = tuple(out)
    return merges


@properties
@given(st.text(alphabet="abc d'\né1!", max_size=120))
def test_agrees_with_the_slow_trainer(text):
    assert list(itertools.islice(bpe_merges(text), 30)) == [step[:3] for step in slow_merges(text, 30)]


def test_agrees_with_the_slow_trainer_on_real_text():
    text = standard_library_text(10_000)[:20_000]
    assert text.isascii()  # the slow pattern knows letters of re, not of Unicode
    assert list(itertools.islice(bpe_merges(text), 120)) == [step[:3] for step in slow_merges(text, 120)]


def test_trains_like_the_tokenizers_package():
    # Counts chosen so that no two pairs ever share the largest one: ties are broken differently there.
    words = {"ab": 100, "abc": 61, "abcab": 4, "xy": 47, "xyx": 23, "dede": 13, "fgh": 8, "fgx": 3}
    text = "\n".join(word for word, count in words.items() for _ in range(count))
    expected = slow_merges(text, 10)
    assert len(expected) == 10 and not any(tied for *_, tied in expected)
    theirs = byte_level(models.BPE())
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    theirs.train_from_iterator(
        [text], trainers.BpeTrainer(vocab_size=256 + 10, initial_alphabet=alphabet, show_progress=False)
    )
    byte_of = {char: byte for byte, char in enumerate(byte_level_characters())}
    by_id = sorted(theirs.get_vocab().items(), key=lambda item: item[1])
    tokens = [bytes(byte_of[char] for char in token) for token, _ in by_id[256:]]
    assert [left + right for left, right, _ in itertools.islice(bpe_merges(text), 10)] == tokens


def test_encodes_like_the_tokenizers_package_with_our_merges():
    text = standard_library_text(60_000)
    ours = train_bpe(text, 600)
    characters = byte_level_characters()

    def spell(token: bytes) -> str:
        return "".join(characters[byte] for byte in token)

    vocabulary = {characters[byte]: byte for byte in range(256)}
    merges = []
    for left, right, _ in bpe_merges(text):
        if len(vocabulary) == 599:
            break
        vocabulary.setdefault(spell(left + right), len(vocabulary))
        merges.append((spell(left), spell(right)))
    theirs = byte_level(models.BPE(vocab=vocabulary, merges=merges))
    for sample in (text[:20_000], "Zoë said: naïve 👍🏽 tokens\n\n  in 2024 don't  ", "x" * 50):
        assert ours.encode_ordinary(sample) == theirs.encode(sample).ids


def byte_level(model: models.BPE) -> Tokenizer:
    """A tokenizer of the tokenizers package that cuts text as GPT-2 does."""
    theirs = Tokenizer(model)
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    return theirs


def byte_level_characters() -> list[str]:
    """The character that stands for each byte in GPT-2's vocabulary file, in byte order."""
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    spare = itertools.count(256)
    return [chr(byte) if byte in visible else chr(next(spare)) for byte in range(256)]


def test_the_pattern_cuts_as_gpt2_does():
    """Same cuts as tiktoken's own pattern for the published vocabulary: space before the word."""
    cuts = regex.findall(GPT2_PATTERN, "I'm  here, x=12\n\n  ok ")
    assert cuts == ["I", "'m", " ", " here", ",", " x", "=", "12", "\n\n ", " ok", " "]


# As published in openai/gpt-2, src/encoder.py; ours gives the same cuts without going back in the text.
PUBLISHED = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
PIECES = st.sampled_from([*"'stmd \n\tEé漢²7_-!", "'re", "'ve", "'ll", "  ", "\u00a0", "\u3000", "don't", "٣", "👍🏽"])


@properties
@given(st.lists(PIECES, max_size=20).map("".join) | st.text(max_size=60))
@example("I'll say it's we've don't I'm they're she'd 'S 'T")
def test_the_pattern_cuts_as_the_published_one(text):
    assert regex.findall(GPT2_PATTERN, text) == regex.findall(PUBLISHED, text)


@properties
@given(st.text(max_size=60))
def test_the_pattern_loses_nothing_in_python_and_in_tiktoken(text):
    assert "".join(regex.findall(GPT2_PATTERN, text)) == text
    text = text.encode("utf-8", "ignore").decode("utf-8")
    bare = tiktoken.Encoding(
        "bare", pat_str=GPT2_PATTERN, mergeable_ranks={bytes([b]): b for b in range(256)}, special_tokens={}
    )
    assert bare.encode_ordinary(text) == list(text.encode("utf-8"))


def test_the_vocabulary_holds_bytes_merges_and_one_special_token():
    text = "low lower lowest newer wider " * 10
    encoding = train_bpe(text, 300)
    merges = list(bpe_merges(text))
    assert encoding.n_vocab == 256 + len(merges) + 1 < 300  # the text has no more pairs
    assert [encoding.decode_single_token_bytes(256 + i) for i in range(len(merges))] == [
        left + right for left, right, _ in merges
    ]
    assert encoding.encode("<|endoftext|>", allowed_special="all") == [encoding.n_vocab - 1]
    assert train_bpe(text, 260).n_vocab == 260
    assert train_bpe(text, 257).encode_ordinary("low") == list(b"low")


def test_training_twice_gives_the_same():
    text = standard_library_text(50_000)
    first, second = (train_bpe(text, 400) for _ in range(2))
    sample = text[1000:3000]
    assert first.encode_ordinary(sample) == second.encode_ordinary(sample)


@pytest.mark.parametrize(
    ("text", "vocab_size", "message"),
    [
        ("abc", 256, r"vocab_size must be at least 257 \(256 bytes and <\|endoftext\|>\), got 256"),
        ("", 300, "some text to count pairs in, got an empty string"),
        ("ab\ud83dcd", 300, r"character 2 is a lone surrogate \('\\ud83d'\): drop it"),
    ],
)
def test_train_bpe_refuses_with_one_sentence(text, vocab_size, message):
    with pytest.raises(ValueError, match=message):
        train_bpe(text, vocab_size)
