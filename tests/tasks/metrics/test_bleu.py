"""The paper's own example, sacrebleu on random corpora, and what BLEU cannot see."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers import properties
from sacrebleu.metrics import BLEU

from gpt2lab.errors import InputError
from gpt2lab.tasks.metrics import bleu, brevity_penalty, clipped_matches

sentence = st.lists(st.sampled_from("the cat sat on a mat".split()), min_size=1, max_size=12)
corpus = st.lists(st.tuples(sentence, st.lists(sentence, min_size=2, max_size=2)), min_size=1, max_size=5)


def test_a_word_counts_as_often_as_a_reference_has_it():
    """Papineni et al. 2002, section 2.1: "the" seven times scores 2/7."""
    references = ["the cat is on the mat".split(), "there is a cat on the mat".split()]
    assert clipped_matches(["the"] * 7, references, 1) == (2, 7)
    assert clipped_matches(["the"] * 7, references, 2) == (0, 6)


def test_short_candidates_pay():
    assert brevity_penalty(12, 12) == brevity_penalty(13, 12) == 1
    assert brevity_penalty(6, 12) == pytest.approx(math.exp(-1))
    assert brevity_penalty(0, 12) == 0


@properties
@given(corpus)
def test_agrees_with_sacrebleu(pairs):
    candidates, references = (list(column) for column in zip(*pairs, strict=True))
    theirs = BLEU(tokenize="none", smooth_method="none", force=True).corpus_score(
        [" ".join(words) for words in candidates],
        [[" ".join(refs[i]) for refs in references] for i in range(2)],
    )
    ours = bleu(candidates, references)
    assert (ours.length, ours.reference_length) == (theirs.sys_len, theirs.ref_len)
    assert ours.brevity_penalty == pytest.approx(theirs.bp, abs=1e-12)
    assert 100 * ours.score == pytest.approx(theirs.score, abs=1e-9)
    for mine, their in zip(ours.precisions, theirs.precisions, strict=True):
        assert 100 * mine == pytest.approx(their, abs=1e-9)


@properties
@given(st.lists(sentence, min_size=1, max_size=5))
def test_a_copy_of_the_reference_is_perfect(candidates):
    longest = max(map(len, candidates))
    copied = bleu(candidates, [[words] for words in candidates], max_n=min(4, longest))
    assert copied.score == pytest.approx(1)


def test_counts_are_summed_before_they_are_divided():
    """The mean of the sentences' own scores would be 0.5."""
    long, short = "a b c d e f g h i".split(), ["z"]
    both = bleu([long, short], [[long], [["y"]]], max_n=1)
    assert both.precisions == (0.9,)


@pytest.mark.parametrize(
    ("candidates", "references", "message"),
    [
        ([], [], "at least one, got 0 candidates"),
        ([["a"]], [], "got 1 candidates and 0 lists of references"),
        ([["a"]], [[]], "sentence 0 has no reference"),
        (["a cat"], [[["a", "cat"]]], "candidate 0 must be a list of words, as text.split"),
        ([["a"]], [["a cat"]], "references of sentence 0 must be a list of lists of words"),
        ([["a"]], ["a cat"], "references of sentence 0 must be a list of lists of words"),
        ("a cat", "a cat", "candidates must be a list with one entry per sentence, got 'a cat'"),
        ([[1, 2]], [[["a"]]], "candidate 0 must be a list of words"),
    ],
)
def test_bad_corpora_get_one_sentence(candidates, references, message):
    with pytest.raises(InputError, match=message) as caught:
        bleu(candidates, references)
    assert "\n" not in str(caught.value)


def test_no_ngram_is_no_number_of_words():
    with pytest.raises(InputError, match="max_n must be a whole number of at least 1, got 0"):
        bleu([["a"]], [[["a"]]], max_n=0)
