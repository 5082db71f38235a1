"""Number words to digits: a small translation.

    three thousand forty two=3042

Source and target differ in vocabulary and length: a natural task for an encoder–decoder (``WordsToDigits``).
``NumberWords`` and ``WordsToDigitsGPT`` give the same cases to a decoder, as one sequence.
"""

from __future__ import annotations

import tiktoken
import torch
from torch import Tensor

from gpt2lab.errors import InputError
from gpt2lab.tasks.base import Task, word_encoding
from gpt2lab.tasks.drawing import draw_split
from gpt2lab.tasks.pairs import NOTHING, Case, PairTask

ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()


def number_words(number: int) -> list[str]:
    """0 … 9999 in words: 3042 -> three, thousand, forty, two."""
    if not 0 <= number <= 9999:
        raise InputError(f"number_words knows 0 to 9999, got {number}")
    if number == 0:
        return ["zero"]
    words = []
    for size, name in ((1000, "thousand"), (100, "hundred")):
        if number >= size:
            words += [ONES[number // size], name]
            number %= size
    if number >= 20:
        words.append(TENS[number // 10 - 2])
        number %= 10
    return words + ([ONES[number]] if number else [])


def digits_said_by(number: int) -> list[int]:
    """Which word says each digit: 3042 -> 0, NOTHING, 2, 3. "thirteen" says two digits, no word says a zero."""
    if number == 0:
        return [0]
    said_by, at = [], 0
    for size in (1000, 100):
        if number >= size:
            digit = number // size % 10
            said_by.append(at if digit else NOTHING)
            at += 2 if digit else 0
    rest = number % 100
    if number >= 10:
        said_by.append(at if rest >= 10 else NOTHING)
    unit_word = at + (1 if rest >= 20 else 0)
    said_by.append(unit_word if rest % 10 or rest == 10 else NOTHING)
    return said_by


def draw_numbers(n: int, generator: torch.Generator, split: str) -> list[int]:
    """Numbers with 1 to 4 digits, each length equally often: first the length, then the number."""

    def make(m: int) -> Tensor:
        digits = torch.randint(1, 5, (m,), generator=generator)
        return (torch.rand(m, generator=generator, dtype=torch.float64) * 10.0**digits).long()[:, None]

    # There are too few small numbers to hold any out: they all share the key 0, which is a training key.
    return draw_split(make, n, split, key=lambda rows: rows * (rows >= 100))[:, 0].tolist()


def number_encoding() -> tiktoken.Encoding:
    """Words and digits. As in GPT-2's vocabulary, a word at the start of a text and one after a space differ."""
    words = ONES + TENS + ["hundred", "thousand"]
    return word_encoding("numbers", [*words, *(f" {w}" for w in words), *"0123456789", "="])


class _Numbers(Task):
    longest_source, longest_target = 7, 4  # words (one thousand two hundred thirty four has 6), digits

    def __init__(self) -> None:
        self.encoding = number_encoding()
        self.length = self.longest_source + 1 + self.longest_target
        self._spelled = [self.encoding.encode_ordinary(" ".join(number_words(number))) for number in range(10_000)]
        self._digits = [self.encoding.encode_ordinary(str(number)) for number in range(10_000)]


class NumberWords(_Numbers):
    """Numbers from 0 to 9999; scored are the digits and ``<|endoftext|>``. Some from 100 on are held out."""

    name = "numbers"
    summary = "translate a number in words into digits"

    def sequences(self, n: int, generator: torch.Generator, split: str) -> tuple[Tensor, Tensor]:
        equals = self.encoding.encode_single_token("=")
        tokens = torch.full((n, self.length + 1), self.end)
        answer = torch.zeros_like(tokens, dtype=torch.bool)
        for i, number in enumerate(draw_numbers(n, generator, split)):
            source, target = [*self._spelled[number], equals], self._digits[number]
            tokens[i, : len(source) + len(target)] = torch.tensor(source + target)
            answer[i, len(source) : len(source) + len(target) + 1] = True
        return tokens, answer


class WordsToDigitsGPT(NumberWords):
    """``WordsToDigits`` as one sequence, for a decoder: the same cases, the same answers."""

    name = "words-to-digits-gpt"
    summary = "translate a number in words into digits, in one sequence"


class WordsToDigits(_Numbers, PairTask):
    """The same cases in two sequences, for an encoder–decoder."""

    name = "words-to-digits"
    summary = "translate a number in words into digits, from one sequence into another"
    source_length = _Numbers.longest_source

    def cases(self, n: int, generator: torch.Generator, split: str) -> list[Case]:
        numbers = draw_numbers(n, generator, split)
        return [Case(self._spelled[number], self._digits[number], digits_said_by(number)) for number in numbers]
