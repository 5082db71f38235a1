"""Number words to digits for an encoder alone: all digits are hidden, and all are named at once.

    three thousand forty two=<mask><mask><mask><mask><mask>        3 0 4 2 and the end

There are always five blanks, as many as the longest answer and its end need: a model that fills blanks cannot
decide how many there are. What stands behind the answer is the end again.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gpt2lab.tasks.base import IGNORE, word_encoding
from gpt2lab.tasks.masked import MASK
from gpt2lab.tasks.numbers import NumberWords


class WordsToDigitsBERT(NumberWords):
    """``WordsToDigits`` with blanks in the place of the answer: the same cases, the same answers."""

    name = "words-to-digits-bert"
    summary = "fill in the digits of a number in words, all at once"
    in_order = False
    n_blanks = NumberWords.longest_target + 1  # the digits and their end

    def __init__(self) -> None:
        super().__init__()
        words = [self.encoding.decode([token]) for token in range(self.encoding.eot_token)]
        self.encoding = word_encoding("numbers-masked", [*words, MASK])  # the ids of the words stay
        self.length = self.longest_source + 1 + self.n_blanks

    @property
    def mask_id(self) -> int:
        """The id of ``<mask>``."""
        return self.encoding.encode_single_token(MASK)

    def batch(self, n: int, generator: torch.Generator, split: str = "train") -> tuple[Tensor, Tensor]:
        """As for every task, but not shifted: the answer to a blank belongs to that blank."""
        tokens = self.sequences(self.check_draw(n, split), generator, split)[0][:, : self.length]  # (n, T)
        equals = (tokens == self.encoding.encode_single_token("=")).long().argmax(dim=1, keepdim=True)  # (n, 1)
        steps = torch.arange(self.length) - equals  # (n, T), from the sign = on
        blank = (steps > 0) & (steps <= self.n_blanks)  # (n, T)
        return tokens.masked_fill(blank, self.mask_id), tokens.masked_fill(~blank, IGNORE)

    def logits(self, model: nn.Module, inputs: Tensor) -> Tensor:
        """No word sees the padding after the blanks."""
        return model(inputs, inputs != self.end)
