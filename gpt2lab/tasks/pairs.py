"""Tasks in two sequences: a source to read, a target to write, and which source word says what.

An encoder–decoder reads both apart. In a batch they lie side by side, the source padded to its full length:

    three thousand forty two · · · | = 3 0 4 2          (· is <|endoftext|>)

so that one tensor goes through training as for every other task, and ``logits`` takes it apart again.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gpt2lab.tasks.base import Task


@dataclass(frozen=True)
class Case:
    """One source and its translation."""

    source: list[int]  # token ids
    target: list[int]  # token ids, without the start and end token
    said_by: list[int]  # for each target token the place of the source token that says it, or NOTHING


NOTHING = -1  # no single source token says this target token


class PairTask(Task):
    """A translation. ``encode`` takes a source alone, or a whole case such as ``three=3``.

    Attributes
    ----------
    source_length : int
        S, tokens of the longest source.
    """

    source_length: int

    @abstractmethod
    def cases(self, n: int, generator: torch.Generator, split: str) -> list[Case]:
        """Draw n cases."""

    @property
    def start(self) -> int:
        """The target token that begins every translation."""
        return self.encoding.encode_single_token("=")

    def sequences(self, n: int, generator: torch.Generator, split: str) -> tuple[Tensor, Tensor]:
        """Source, start token and target side by side; scored are the target and its end token."""
        return self.rows(self.cases(n, generator, split))

    def rows(self, cases: list[Case]) -> tuple[Tensor, Tensor]:
        """Cases as tokens (n, T + 1), and which of them are the answer."""
        S = self.source_length
        tokens = torch.full((len(cases), self.length + 1), self.end)
        answer = torch.zeros_like(tokens, dtype=torch.bool)
        for i, case in enumerate(cases):
            tokens[i, : len(case.source)] = torch.tensor(case.source)
            tokens[i, S : S + 1 + len(case.target)] = torch.tensor([self.start, *case.target])
            answer[i, S + 1 : S + 2 + len(case.target)] = True
        return tokens, answer

    def logits(self, model: nn.Module, inputs: Tensor) -> Tensor:
        """Those of an encoder–decoder: (n, S + T) -> (n, S + T, vocab_size), zeros over the source."""
        source, target, mask = self.parts(inputs)
        return F.pad(model(source, target, mask), (0, 0, self.source_length, 0))  # (n, S + T, vocab_size)

    def parts(self, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Source (n, S), target (n, T) and the mask of the source (n, S), True = a real token, of a batch's inputs."""
        source, target = inputs[:, : self.source_length], inputs[:, self.source_length :]
        return source, target, source != self.end

    def aligned(self, n: int, seed: int, split: str = "held_out") -> tuple[Tensor, Tensor]:
        """Cases and where in the source each target token is said.

        Returns
        -------
        inputs : (n, S + T)
            As in a batch.
        said_by : (n, T) long
            For each target position the place of the source token that says the token predicted there;
            ``NOTHING`` (-1) where no single one does.
        """
        cases = self.cases(n, torch.Generator().manual_seed(seed), split)
        inputs = self.rows(cases)[0][:, :-1]  # (n, S + T)
        said_by = torch.full((n, inputs.shape[1] - self.source_length), NOTHING)
        for i, case in enumerate(cases):
            said_by[i, : len(case.said_by)] = torch.tensor(case.said_by)
        return inputs, said_by
