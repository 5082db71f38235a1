"""Reference: which noun does "it" mean? The adjective alone decides.

    the robot could not lift the box because it was heavy. it means the box
    the robot could not lift the box because it was weak. it means the robot

Openings and asides of different length move the words about, so that neither "the word at place 2" nor
"four words back" is an answer; nouns have to be told apart by what stands before them. Held out are whole pairs of nouns (in both orders)
and two verbs: a held-out sentence combines nouns that were never seen together with a verb that was
never seen at all.

A model that has understood only that the answer is one of the two nouns has a loss of
ln 2 = 0.69 nats. Getting below that needs the adjective.

Source: the sentences are in the manner of Levesque et al. 2012, "The Winograd Schema Challenge".
"""

from __future__ import annotations

import torch
from torch import Tensor

from gpt2lab.tasks.base import Task, close_gaps, draw_split, word_encoding

NOUNS = "robot box crane horse truck dog statue cart camel machine barrel goat table tractor crate elephant".split()
VERBS = "lift carry move push pull hold drag raise turn catch".split()
NEW_VERBS = VERBS[-2:]  # never in training
ABOUT_THE_FIRST = "weak tired slow lazy busy asleep".split()  # why somebody cannot lift
ABOUT_THE_SECOND = "heavy large slippery hot wet locked".split()  # why something cannot be lifted
OPENINGS = [
    "the", "today the", "once more the", "on that day the", "early in the morning the", "to tell you the truth the",
    "as we all knew by then the", "on the last day of that week the",
]  # fmt: skip
ASIDES = ["it was", "it was so", "it was really very", "on that day it was", "as we all knew by then it was"]


class Reference(Task):
    """One scored token per sentence: the last noun."""

    name = "reference"
    summary = 'say which noun "it" means: the adjective decides'

    def __init__(self) -> None:
        # As in GPT-2's vocabulary, a word at the start of a text and one after a space are two tokens.
        starts = [opening.split()[0] for opening in OPENINGS]
        frame = " ".join([*OPENINGS, *ASIDES, "could not because it means"]).split()
        words = [*frame, *NOUNS, *VERBS, *ABOUT_THE_FIRST, *ABOUT_THE_SECOND]
        self.encoding = word_encoding("reference", list(dict.fromkeys([*starts, ".", *(f" {w}" for w in words)])))
        self.length = 12 + max(len(o.split()) for o in OPENINGS) + max(len(a.split()) for a in ASIDES)

    def _column(self, words: list[str], choice: Tensor) -> Tensor:
        """One word per row, chosen from a list: (n,) -> (n, 1)."""
        return torch.tensor([self.encoding.encode_single_token(f" {word}") for word in words])[choice][:, None]

    def _columns(self, phrases: list[str], choice: Tensor) -> Tensor:
        """One phrase per row, with -1 after the shorter ones: (n,) -> (n, longest)."""
        ids = [self.encoding.encode_ordinary(phrase) for phrase in phrases]
        longest = max(map(len, ids))
        return torch.tensor([row + [-1] * (longest - len(row)) for row in ids])[choice]

    def sequences(self, n: int, generator: torch.Generator, split: str) -> tuple[Tensor, Tensor]:
        def make(m: int) -> Tensor:
            first = torch.randint(len(NOUNS), (m,), generator=generator)
            other = torch.randint(len(NOUNS) - 1, (m,), generator=generator)
            return torch.stack([first, other + (other >= first)], dim=1)  # two different nouns, (m, 2)

        pair = draw_split(make, n, split, key=lambda rows: rows.sort(dim=1).values, one_in=5)
        verbs = NEW_VERBS if split == "held_out" else VERBS[: -len(NEW_VERBS)]
        adjectives = ABOUT_THE_FIRST + ABOUT_THE_SECOND
        sizes = [len(verbs), len(adjectives), len(OPENINGS), len(ASIDES)]
        verb, adjective, opening, aside = (torch.randint(size, (n,), generator=generator) for size in sizes)
        means = torch.where(adjective < len(ABOUT_THE_FIRST), pair[:, 0], pair[:, 1])  # (n,)
        always = torch.zeros(n, dtype=torch.long)
        wide = torch.cat(
            [
                self._columns(OPENINGS, opening), self._column(NOUNS, pair[:, 0]), self._columns([" could not"], always),
                self._column(verbs, verb), self._columns([" the"], always), self._column(NOUNS, pair[:, 1]),
                self._columns([" because"], always), self._columns([f" {a}" for a in ASIDES], aside),
                self._column(adjectives, adjective), self._columns([". it means the"], always),
                self._column(NOUNS, means),
            ],
            dim=1,
        )  # fmt: skip
        tokens, lengths = close_gaps(wide, self.end, self.length + 1)
        return tokens, torch.arange(self.length + 1) == lengths - 1

    def noun_positions(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Where to look, for inputs (B, T) of this task: three times (B,).

        Returns
        -------
        query : position of the last "the", where the answer is predicted
        right, wrong : positions of the noun that "it" means and of the other one
        """
        one = self.encoding.encode_single_token
        first = (tokens == one(" could")).int().argmax(dim=1) - 1
        second = (tokens == one(" because")).int().argmax(dim=1) - 1
        query = (tokens == one(" means")).int().argmax(dim=1) + 1
        ids = torch.tensor([one(f" {a}") for a in ABOUT_THE_SECOND], device=tokens.device)
        about_second = torch.isin(tokens.gather(1, query[:, None] - 4)[:, 0], ids)
        return query, torch.where(about_second, second, first), torch.where(about_second, first, second)
