"""Number words to digits: a small translation.

    three thousand forty two=3042

Source and target differ in vocabulary and length: a natural task for an encoder–decoder, which reads
``pairs``. ``batch`` gives the same cases to a decoder, as one sequence.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gpt2lab.errors import InputError
from gpt2lab.tasks.base import IGNORE, Task, word_encoding
from gpt2lab.tasks.drawing import draw_split

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


class NumberWords(Task):
    """Numbers from 0 to 9999; scored are the digits and ``<|endoftext|>``. Some from 100 on are held out."""

    name = "numbers"
    summary = "translate a number in words into digits"
    longest_source, longest_target = 7, 4  # words (one thousand two hundred thirty four has 6), digits

    def __init__(self) -> None:
        words = ONES + TENS + ["hundred", "thousand"]
        # As in GPT-2's vocabulary, a word at the start of a text and one after a space are different tokens.
        self.encoding = word_encoding("numbers", [*words, *(f" {w}" for w in words), *"0123456789", "="])
        self.length = self.longest_source + 1 + self.longest_target
        self._spelled = [self._spell(number) for number in range(10_000)]

    def _spell(self, number: int) -> list[int]:
        return self.encoding.encode_ordinary(" ".join(number_words(number)))

    def _numbers(self, n: int, generator: torch.Generator, split: str) -> list[int]:
        """Numbers with 1 to 4 digits, each length equally often: first the length, then the number."""

        def make(m: int) -> Tensor:
            digits = torch.randint(1, 5, (m,), generator=generator)
            return (torch.rand(m, generator=generator, dtype=torch.float64) * 10.0**digits).long()[:, None]

        # There are too few small numbers to hold any out: they all share the key 0, which is a training key.
        return draw_split(make, n, split, key=lambda rows: rows * (rows >= 100))[:, 0].tolist()

    def sequences(self, n: int, generator: torch.Generator, split: str) -> tuple[Tensor, Tensor]:
        equals, zero = (self.encoding.encode_single_token(sign) for sign in "=0")
        tokens = torch.full((n, self.length + 1), self.end)
        answer = torch.zeros_like(tokens, dtype=torch.bool)
        for i, number in enumerate(self._numbers(n, generator, split)):
            source = [*self._spelled[number], equals]
            target = [zero + int(digit) for digit in str(number)]
            tokens[i, : len(source) + len(target)] = torch.tensor(source + target)
            answer[i, len(source) : len(source) + len(target) + 1] = True
        return tokens, answer

    def pairs(self, n: int, generator: torch.Generator, split: str = "train") -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The same cases for an encoder–decoder.

        Returns
        -------
        source : (n, 7) words, padded with ``<|endoftext|>``
        lengths : (n,) number of words, for ``padding_mask``
        inputs : (n, 5) what the decoder reads: ``=`` and the digits
        targets : (n, 5) what it should predict: the digits and ``<|endoftext|>``; ``IGNORE`` after it
        """
        equals, zero = (self.encoding.encode_single_token(sign) for sign in "=0")
        numbers = self._numbers(n, generator, split)
        source = torch.full((n, self.longest_source), self.end)
        inputs = torch.full((n, self.longest_target + 1), self.end)
        targets = torch.full_like(inputs, IGNORE)
        for i, number in enumerate(numbers):
            words, digits = self._spelled[number], [zero + int(digit) for digit in str(number)]
            source[i, : len(words)] = torch.tensor(words)
            inputs[i, : len(digits) + 1] = torch.tensor([equals, *digits])
            targets[i, : len(digits) + 1] = torch.tensor([*digits, self.end])
        return source, torch.tensor([len(self._spelled[number]) for number in numbers]), inputs, targets
