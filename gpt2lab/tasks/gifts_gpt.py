"""The gifts of ``gpt2lab.tasks.gifts`` for a decoder that learns the whole language: every next word is scored.

Most next words cannot be known, only guessed well: which name comes first, which form the sentence takes.
What counts is therefore the second mention of each name and thing: *that* one comes cannot always be known,
but *which* one comes the words before it give away.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gpt2lab.tasks.base import EVALUATION_SEED
from gpt2lab.tasks.gifts import FORMS, NAMES, THINGS, Gifts


class GiftsGPT(Gifts):
    """The same sentences, the same held-out facts; scored are all tokens after the first, the end included."""

    name = "gifts-gpt"
    summary = "tell who gave what to whom, word after word"
    metric = "known_accuracy"

    def sequences(self, n: int, generator: torch.Generator, split: str) -> tuple[Tensor, Tensor]:
        tokens, _ = self.told(n, generator, split)  # (n, T + 1)
        told = tokens != self.end  # (n, T + 1)
        return tokens, torch.cat([told[:, :1], told[:, :-1]], dim=1)  # one more than the words: the end

    @torch.no_grad()
    def evaluate(
        self, model: nn.Module, n: int = 512, seed: int = EVALUATION_SEED, split: str = "held_out"
    ) -> dict[str, float]:
        """As for every task, and ``known_accuracy``.

        Of the second mentions, the share for which the right one is the likeliest of all names and things.
        """
        scores = super().evaluate(model, n, seed, split)
        tokens, other = self.told(n, torch.Generator().manual_seed(seed), split)  # 2 × (n, T + 1)
        second = (other >= 0) & (other < torch.arange(self.length + 1))  # (n, T + 1)
        logits = self.predict(model, tokens[:, :-1])[:, :, self.mentioned]  # (n, T, n_mentioned)
        predicted = self.mentioned[logits.argmax(dim=-1)]  # (n, T), of the token that follows
        known = (predicted == tokens[:, 1:])[second[:, 1:]].double().mean().item()
        return {**scores, "known_accuracy": known}

    @property
    def mentioned(self) -> Tensor:
        """The ids of all names and things, as a word at the start of a text and as one after a space."""
        words = [*NAMES, *THINGS]
        return torch.tensor([self.encoding.encode_single_token(space + word) for space in ("", " ") for word in words])


def well_told(text: str) -> bool:
    """Whether a text is a sentence of the language: one of its forms, with one giver, receiver and thing throughout.

    alice gave bob the book so bob has the book from alice
    """
    words = text.split()
    for form in FORMS:
        parts, fact = form.split(), dict[str, str]()
        fits = len(parts) == len(words) and all(
            fact.setdefault(part, word) == word if part in "GRO" else part == word
            for part, word in zip(parts, words, strict=True)
        )
        if fits:
            return fact["G"] in NAMES and fact["R"] in NAMES and fact["G"] != fact["R"] and fact["O"] in THINGS
    return False
