"""Gifts: a small language in which every fact is told twice, so that a hidden word can be known.

    alice gave bob the book so bob has the book from alice
    bob has the book from alice because alice gave the book to bob

Giver, receiver and thing each occur twice, in changing places. A hidden name or thing is therefore known from
its other mention, before or after it. Read from left to right, only the second mention can be known.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gpt2lab.tasks.base import EVALUATION_SEED, IGNORE, Task, word_encoding
from gpt2lab.tasks.drawing import draw_split
from gpt2lab.tasks.masked import MASK, masked_batch

NAMES = "alice bob carol dan eve frank grace henry".split()
THINGS = "book ball lamp coat ring map drum kite".split()
GAVE = ("G gave R the O", "G gave the O to R")
HAS = ("R has the O from G", "the O of G is now with R")
FORMS = [form for gave in GAVE for has in HAS for form in (f"{gave} so {has}", f"{has} because {gave}")]
LONGEST = max(len(form.split()) for form in FORMS)


class Gifts(Task):
    """For a decoder: scored is what is told for the second time. Some facts are held out, in all forms."""

    name = "gifts"
    summary = "tell again who gave what to whom"

    def __init__(self) -> None:
        frame = sorted({word for form in FORMS for word in form.split()} - set("GRO"))
        words = [*NAMES, *THINGS, *frame]
        self.n_words = 2 * len(words)
        # A word at the start of a text and one after a space are different tokens.
        self.encoding = word_encoding("gifts", [*words, *(f" {word}" for word in words), MASK, f" {MASK}"])
        self.length = LONGEST

    def sequences(self, n: int, generator: torch.Generator, split: str) -> tuple[Tensor, Tensor]:
        tokens, other = self.told(n, generator, split)  # 2 × (n, LONGEST + 1)
        return tokens, (other >= 0) & (other < torch.arange(self.length + 1))

    def told(self, n: int, generator: torch.Generator, split: str) -> tuple[Tensor, Tensor]:
        """Draw n sentences.

        Returns
        -------
        tokens : (n, T + 1)
            Padded with ``<|endoftext|>``.
        other : (n, T + 1) long
            For a name or thing the place of its other mention; -1 for the words in between.
        """
        sizes = (len(NAMES), len(NAMES) - 1, len(THINGS), len(FORMS))

        def make(m: int) -> Tensor:
            return torch.stack([torch.randint(size, (m,), generator=generator) for size in sizes], dim=1)  # (m, 4)

        tokens = torch.full((n, self.length + 1), self.end)
        other = torch.full((n, self.length + 1), -1)
        for i, row in enumerate(draw_split(make, n, split, key=lambda rows: rows[:, :3]).tolist()):
            giver, step, thing, form = row
            receiver = (giver + 1 + step) % len(NAMES)  # nobody gives something to themselves
            fact = {"G": NAMES[giver], "R": NAMES[receiver], "O": THINGS[thing]}
            parts = FORMS[form].split()
            tokens[i, : len(parts)] = torch.tensor(
                self.encoding.encode_ordinary(" ".join(fact.get(part, part) for part in parts))
            )
            for role in fact:
                first, second = (at for at, part in enumerate(parts) if part == role)
                other[i, first], other[i, second] = second, first
        return tokens, other


class MaskedGifts(Gifts):
    """For an encoder: the same sentences with 15 % of the words chosen as in BERT."""

    name = "gifts-masked"
    summary = "say which words of a story are hidden"
    metric = "known_accuracy"
    in_order = False

    def batch(self, n: int, generator: torch.Generator, split: str = "train") -> tuple[Tensor, Tensor]:
        self.check_draw(n, split)
        inputs, targets, _ = self.hidden_words(n, generator, split)
        return inputs, targets

    def hidden_words(
        self, n: int, generator: torch.Generator, split: str = "held_out"
    ) -> tuple[Tensor, Tensor, Tensor]:
        """A batch, and where its ground truth lies.

        Returns
        -------
        inputs, targets : (n, T)
        known_from : (n, T) long
            For a name or thing under ``<mask>`` the place of its other mention, if that one stands as it was;
            -1 everywhere else. What is not -1 can be answered with certainty.
        """
        tokens, other = (columns[:, :-1] for columns in self.told(n, generator, split))  # 2 × (n, T)
        inputs, targets = masked_batch(
            tokens, self.mask_id, self.n_words, generator=generator, real=tokens != self.end
        )  # 2 × (n, T)
        untouched = (inputs == tokens).gather(1, other.clamp(min=0))  # (n, T): of the other mention
        known = (inputs == self.mask_id) & (other >= 0) & untouched
        return inputs, targets, other.masked_fill(~known, -1)

    @property
    def mask_id(self) -> int:
        """The id of `` <mask>``."""
        return self.encoding.encode_single_token(f" {MASK}")

    def logits(self, model: nn.Module, inputs: Tensor) -> Tensor:
        """No word sees the padding after the sentence."""
        return model(inputs, inputs != self.end)

    @torch.no_grad()
    def evaluate(
        self, model: nn.Module, n: int = 512, seed: int = EVALUATION_SEED, split: str = "held_out"
    ) -> dict[str, float]:
        """As for every task, and ``known_accuracy``: of the hidden words that can be known, the share that is right."""
        inputs, targets, known_from = self.hidden_words(n, torch.Generator().manual_seed(seed), split)
        logits = self.predict(model, inputs)  # (n, T, vocab_size)
        known = known_from >= 0
        right = (logits.argmax(dim=-1) == targets)[known & (targets != IGNORE)]
        return {**self.score(logits, targets), "known_accuracy": right.double().mean().item()}
