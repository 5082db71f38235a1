"""Reference: which noun does "it" refer to? The adjective alone determines it.

    the robot could not lift the box because it was heavy. it means the box
    the robot could not lift the box because it was weak. it means the robot
    today because it was heavy the robot could not lift the box. it means the box

The reason comes before or after the deed, and openings of different length shift all words, so that
neither an absolute position nor a fixed offset gives the answer. Held out are whole pairs of nouns (in
both orders) and two verbs: a held-out sentence combines nouns that training never combines with a verb
that training never shows.

A model that knows only that the answer is one of the two nouns has a loss of ln 2 = 0.69 nats. A
lower loss needs the adjective.

Source: the sentences are modelled on Levesque et al. 2012, "The Winograd Schema Challenge".
"""

from __future__ import annotations

import torch
from torch import Tensor

from gpt2lab.tasks.base import Task, word_encoding
from gpt2lab.tasks.drawing import close_gaps, draw_split

NOUNS = "robot box crane horse truck dog statue cart camel machine barrel goat table tractor crate elephant".split()
VERBS = "lift carry move push pull hold drag raise turn catch".split()
NEW_VERBS = VERBS[-2:]  # never in training
ABOUT_THE_FIRST = "weak tired slow lazy busy asleep".split()  # why somebody cannot lift
ABOUT_THE_SECOND = "heavy large slippery hot wet locked".split()  # why something cannot be lifted
OPENINGS = ["", "today", "once more"]
REASON = "because it was"


class Reference(Task):
    """One scored token per sentence: the last noun."""

    name = "reference"
    summary = 'say which noun "it" means: the adjective decides'

    def __init__(self) -> None:
        frame = " ".join([*OPENINGS, REASON, "the could not . it means the"]).split()
        words = [*frame, *NOUNS, *VERBS, *ABOUT_THE_FIRST, *ABOUT_THE_SECOND]
        spaced = [word if word == "." else f" {word}" for word in words]
        # As in GPT-2's vocabulary, a word at the start of a text and one after a space are different tokens.
        starts = [phrase.split()[0] for phrase in [*OPENINGS[1:], "the", "because"]]
        self.encoding = word_encoding("reference", list(dict.fromkeys([*spaced, *starts])))
        self.length = 11 + max(len(o.split()) for o in OPENINGS) + 1 + len(REASON.split())
        self._at_start = torch.arange(self.encoding.n_vocab)  # token with a space -> the same word without
        for word in starts:
            one = self.encoding.encode_single_token
            self._at_start[one(f" {word}")] = one(word)

    def _write(self, phrases: list[str], choice: Tensor) -> Tensor:
        """One phrase per row, with -1 after the shorter ones: (n,) -> (n, words of the longest)."""
        ids = [self.encoding.encode_ordinary("".join(f" {w}" for w in phrase.split())) for phrase in phrases]
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
        sizes = [len(verbs), len(adjectives), len(OPENINGS), 2]
        verb, adjective, opening, order = (torch.randint(size, (n,), generator=generator) for size in sizes)
        means = torch.where(adjective < len(ABOUT_THE_FIRST), pair[:, 0], pair[:, 1])  # (n,)
        always = torch.zeros(n, dtype=torch.long)
        reason = torch.cat([self._write([REASON], always), self._write(adjectives, adjective)], dim=1)
        parts = [
            self._write(OPENINGS, opening), reason.masked_fill(order[:, None] == 1, -1),
            self._write(["the"], always), self._write(NOUNS, pair[:, 0]), self._write(["could not"], always),
            self._write(verbs, verb), self._write(["the"], always), self._write(NOUNS, pair[:, 1]),
            reason.masked_fill(order[:, None] == 0, -1),
            torch.full((n, 1), self.encoding.encode_single_token(".")), self._write(["it means the"], always),
            self._write(NOUNS, means),
        ]  # fmt: skip
        tokens, lengths = close_gaps(torch.cat(parts, dim=1), self.end, self.length + 1)
        tokens[:, 0] = self._at_start[tokens[:, 0]]
        return tokens, torch.arange(self.length + 1) == lengths - 1

    def noun_positions(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Positions of the query and of the two nouns in inputs (B, T) of this task: three times (B,).

        Returns
        -------
        query : position of the last "the", where the answer is predicted
        right, wrong : positions of the noun that "it" means and of the other one
        """
        one = self.encoding.encode_single_token
        could = (tokens == one(" could")).int().argmax(dim=1)
        query = (tokens == one(" means")).int().argmax(dim=1) + 1
        ids = torch.tensor([one(f" {a}") for a in ABOUT_THE_SECOND], device=tokens.device)
        about_second = torch.isin(tokens, ids).any(dim=1)
        first, second = could - 1, could + 4
        return query, torch.where(about_second, second, first), torch.where(about_second, first, second)
