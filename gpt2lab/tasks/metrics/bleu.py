r"""BLEU: how many of a translation's word sequences occur in a reference translation.

    BLEU = brevity penalty · (p_1 p_2 p_3 p_4)^(1/4)
    p_n  = clipped matches of n-grams / n-grams of the candidates, summed over all sentences
    brevity penalty = 1 if c > r, else exp(1 - r / c)

c is the length of all candidates, r that of the references closest in length. A word that the candidate
repeats counts at most as often as the reference that has it most. Counts are summed before they are
divided: BLEU belongs to a corpus, and a single sentence often has no four-gram in common.

Source: Papineni et al. 2002, "BLEU: a Method for Automatic Evaluation of Machine Translation", section 2.
GPT-2's BLEU figures are in Radford et al. 2019, section 3.7.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from gpt2lab.errors import InputError, shown, validates, whole_number

Words = Sequence[str]


@dataclass(frozen=True)
class Bleu:
    """A BLEU score and what it was made of."""

    score: float  # from 0 to 1; papers print it times 100
    precisions: tuple[float, ...]  # p_1 to p_max_n
    brevity_penalty: float
    length: int  # words of the candidates
    reference_length: int  # words of the references closest in length


def ngrams(words: Words, n: int) -> Counter[tuple[str, ...]]:
    """How often each sequence of n words occurs."""
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def clipped_matches(candidate: Words, references: Sequence[Words], n: int) -> tuple[int, int]:
    """The candidate's n-grams that a reference has, each at most as often as there; and all its n-grams."""
    found = ngrams(candidate, n)
    most: Counter[tuple[str, ...]] = Counter()
    for reference in references:
        most |= ngrams(reference, n)  # the larger count of each
    return (found & most).total(), found.total()


def brevity_penalty(length: int, reference_length: int) -> float:
    """1 for candidates at least as long as the references; shorter ones could pick only safe words."""
    if length >= reference_length:
        return 1.0
    return math.exp(1 - reference_length / length) if length else 0.0


@validates
def bleu(candidates: Sequence[Words], references: Sequence[Sequence[Words]], max_n: int = 4) -> Bleu:
    """BLEU of a corpus, without smoothing.

    Parameters
    ----------
    candidates : list of lists of words
        One translation per sentence, already cut into words. How it is cut changes the score: only scores
        with the same cut can be compared (Post 2018, "A Call for Clarity in Reporting BLEU Scores").
    references : list of lists of lists of words
        For each sentence, one or more translations by people.
    max_n : int
        The longest n-gram.

    Raises
    ------
    InputError
        If there is no sentence, a sentence has no reference, or something is not a list of words.
    """
    max_n = whole_number("max_n", max_n, 1)
    _check(candidates, references)
    length = sum(map(len, candidates))
    closest = sum(_closest(candidate, refs) for candidate, refs in zip(candidates, references, strict=True))
    precisions = []
    for n in range(1, max_n + 1):
        pairs = [clipped_matches(candidate, refs, n) for candidate, refs in zip(candidates, references, strict=True)]
        matches, total = (sum(column) for column in zip(*pairs, strict=True))
        precisions.append(matches / total if total else 0.0)
    penalty = brevity_penalty(length, closest)
    mean = math.exp(sum(map(math.log, precisions)) / max_n) if all(precisions) else 0.0
    return Bleu(penalty * mean, tuple(precisions), penalty, length, closest)


def _closest(candidate: Words, references: Sequence[Words]) -> int:
    """The length of the reference closest in length, the shorter one on a tie."""
    return min((abs(len(reference) - len(candidate)), len(reference)) for reference in references)[1]


@validates
def _check(candidates: Sequence[Words], references: Sequence[Sequence[Words]]) -> None:
    for name, value in (("candidates", candidates), ("references", references)):
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise InputError(f"{name} must be a list with one entry per sentence, got {shown(value)}")
    if not candidates or len(candidates) != len(references):
        raise InputError(
            "BLEU needs as many lists of references as candidates, at least one, "
            f"got {len(candidates)} candidates and {len(references)} lists of references"
        )
    for i, (candidate, refs) in enumerate(zip(candidates, references, strict=True)):
        if not _are_words(candidate):
            raise InputError(f"candidate {i} must be a list of words, as text.split() gives it, got {shown(candidate)}")
        if isinstance(refs, str) or not isinstance(refs, Sequence) or not all(map(_are_words, refs)):
            raise InputError(f"references of sentence {i} must be a list of lists of words, got {shown(refs)}")
        if not refs:
            raise InputError(f"sentence {i} has no reference: BLEU compares with at least one")


def _are_words(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(word, str) for word in value)
