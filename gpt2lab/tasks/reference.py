"""Reference: which noun does "it" mean? The adjective alone decides.

    the robot could not lift the box because it was heavy. it means the box
    the robot could not lift the box because it was weak. it means the robot

Openings of different length move the nouns about, so that "the word at place 2" is no answer; nouns
have to be told apart by what stands before them. Held out are whole pairs of nouns (in both orders)
and two verbs: a held-out sentence combines nouns that were never seen together with a verb that was
never seen at all.

A model that has understood only that the answer is one of the two nouns has a loss of
ln 2 = 0.69 nats. Getting below that needs the adjective.

Source: the sentences are in the manner of Levesque et al. 2012, "The Winograd Schema Challenge".
"""

from __future__ import annotations

import torch
from torch import Tensor

from gpt2lab.tasks.base import Task, draw_split, word_encoding

NOUNS = "robot box crane horse truck dog statue cart camel machine barrel goat table tractor crate elephant".split()
VERBS = "lift carry move push pull hold drag raise turn catch".split()
NEW_VERBS = VERBS[-2:]  # never in training
ABOUT_THE_FIRST = "weak tired slow lazy busy asleep".split()  # why somebody cannot lift
ABOUT_THE_SECOND = "heavy large slippery hot wet locked".split()  # why something cannot be lifted
OPENINGS = [
    "", "today", "once more", "on that day", "early in the morning", "to tell you the truth",
    "as we all knew by then", "after a long and rather cold night", "on the last day of a very long week",
]  # fmt: skip


class Reference(Task):
    """One scored token per sentence: the last noun."""

    name = "reference"
    summary = 'say which noun "it" means: the adjective decides'

    def __init__(self) -> None:
        # As in GPT-2's vocabulary, a word at the start of a text and one after a space are two tokens.
        frames = [f"{opening} the could not because it was . it means the".strip() for opening in OPENINGS]
        starts = [frame.split()[0] for frame in frames]
        middle = [word if word == "." else f" {word}" for frame in frames for word in frame.split()]
        content = [f" {word}" for word in NOUNS + VERBS + ABOUT_THE_FIRST + ABOUT_THE_SECOND]
        self.encoding = word_encoding("reference", list(dict.fromkeys([*starts, *middle, *content])))
        self.length = 16 + max(len(opening.split()) for opening in OPENINGS)

    def sequences(self, n: int, generator: torch.Generator, split: str) -> tuple[Tensor, Tensor]:
        one = self.encoding.encode_single_token
        nouns = torch.tensor([one(f" {noun}") for noun in NOUNS])
        verbs = torch.tensor([one(f" {v}") for v in (NEW_VERBS if split == "held_out" else VERBS[:-2])])
        adjectives = torch.tensor([one(f" {a}") for a in ABOUT_THE_FIRST + ABOUT_THE_SECOND])

        def make(m: int) -> Tensor:
            first = torch.randint(len(NOUNS), (m,), generator=generator)
            other = torch.randint(len(NOUNS) - 1, (m,), generator=generator)
            return torch.stack([first, other + (other >= first)], dim=1)  # two different nouns, (m, 2)

        pair = draw_split(make, n, split, key=lambda rows: rows.sort(dim=1).values, one_in=5)
        verb = torch.randint(len(verbs), (n,), generator=generator)
        adjective = torch.randint(len(adjectives), (n,), generator=generator)
        opening = torch.randint(len(OPENINGS), (n,), generator=generator)
        about_second = adjective >= len(ABOUT_THE_FIRST)

        tokens = torch.full((n, self.length + 1), self.end)
        answer = torch.zeros_like(tokens, dtype=torch.bool)
        for i, words in enumerate(OPENINGS):
            rows = (opening == i).nonzero()[:, 0]
            start = self.encoding.encode_ordinary(f"{words} the".strip())
            frame = ["", " could", " not", "", " the", "", " because", " it", " was", "", ".", " it", " means", " the", ""]
            body = torch.tensor([*start, *(one(word) if word else 0 for word in frame)]).repeat(len(rows), 1)
            first = len(start)  # place of the first noun
            body[:, first] = nouns[pair[rows, 0]]
            body[:, first + 3] = verbs[verb[rows]]
            body[:, first + 5] = nouns[pair[rows, 1]]
            body[:, first + 9] = adjectives[adjective[rows]]
            body[:, first + 14] = nouns[pair[rows, about_second[rows].long()]]
            tokens[rows, : body.shape[1]] = body
            answer[rows, first + 14] = True
        return tokens, answer

    def noun_positions(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Where to look, for inputs (B, T) of this task: three times (B,).

        Returns
        -------
        query : position of the last "the", where the answer is predicted
        right, wrong : positions of the noun that "it" means and of the other one
        """
        one = self.encoding.encode_single_token
        first = (tokens == one(" could")).int().argmax(dim=1) - 1
        second, query = first + 5, first + 13
        second_ids = torch.tensor([one(f" {a}") for a in ABOUT_THE_SECOND], device=tokens.device)
        about_second = torch.isin(tokens.gather(1, first[:, None] + 9)[:, 0], second_ids)
        return query, torch.where(about_second, second, first), torch.where(about_second, first, second)
