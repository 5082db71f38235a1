"""The interface of all toy tasks: seeded batches with a known answer, and an evaluation on held-out cases.

A task is a rule. It draws sequences that follow the rule, marks the tokens that the rule determines
(the *answers*), and holds out some cases that are never drawn for training. Because the answer is known,
a prediction, and an attention map too, can be right or wrong.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import regex
import tiktoken
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Int
from torch import Tensor, nn

from gpt2lab.errors import InputError, validates, whole_number
from gpt2lab.model import evaluating
from gpt2lab.tokenizer import left_out
from gpt2lab.tokenizer.bpe import ENDOFTEXT

IGNORE = -100  # target of a position whose prediction is not scored (the default of F.cross_entropy)
EVALUATION_SEED = 12345  # draws the held-out cases of an evaluation, the same for every model
SPLITS = ("train", "held_out")


class Task(ABC):
    """One rule with its own small vocabulary.

    Attributes
    ----------
    name : str
    summary : str
        The rule in one line.
    metric : str
        Which number of ``evaluate`` counts: ``accuracy``, ``token_accuracy``, ``known_accuracy`` or
        ``bits_per_byte``.
    in_order : bool
        Whether each answer is predicted from the tokens before it. False where the answers are hidden in the
        input itself, so that a model may see all of it.
    encoding : tiktoken.Encoding
        Over the task's own tokens; ``<|endoftext|>`` is the last one and ends or pads a sequence.
    length : int
        T, tokens per input.
    n_train : int or None
        How many training cases exist; None where there are too many to count.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    metric: ClassVar[str] = "accuracy"
    in_order: ClassVar[bool] = True
    encoding: tiktoken.Encoding
    length: int
    n_train: int | None = None

    @abstractmethod
    def sequences(
        self, n: int, generator: torch.Generator, split: str
    ) -> tuple[Int[Tensor, "n T_plus_1"], Bool[Tensor, "n T_plus_1"]]:
        """Draw n sequences: tokens (n, T + 1), and which of them the rule determines."""

    @validates
    def batch(self, n: int, generator: torch.Generator, split: str = "train") -> tuple[Tensor, Tensor]:
        """Draw n cases for training or evaluation.

        Parameters
        ----------
        n : int
        generator : torch.Generator
            Its state is the position in the data: the same state gives the same batch.
        split : "train" or "held_out"
            No case of one is ever drawn for the other.

        Returns
        -------
        inputs : (n, T) token ids
        targets : (n, T) token ids
            Shifted by one: target t is token t + 1. ``IGNORE`` (-100) where nothing is scored.

        Raises
        ------
        ValueError
            For another split, n < 1, or more training cases than exist.
        """
        n = self.check_draw(n, split)
        tokens, answer = self.sequences(n, generator, split)  # 2 × (n, T + 1)
        return tokens[:, :-1], tokens[:, 1:].masked_fill(~answer[:, 1:], IGNORE)

    @validates
    def check_draw(self, n: int, split: str) -> int:
        """The number of cases to draw, or the error that ``batch`` promises."""
        if split not in SPLITS:
            raise InputError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
        n = whole_number("the number of sequences in a batch", n, 1)
        if split == "train" and self.n_train is not None and n > self.n_train:
            raise InputError(
                f"a batch of {n} is larger than the data: task {self.name!r} has {self.n_train} training cases"
            )
        return n

    def logits(self, model: nn.Module, inputs: Tensor) -> Tensor:
        """What a model says to a batch's inputs: (n, T) -> (n, T, vocab_size). Training and evaluation ask here.

        Tasks whose inputs are more than one sequence of real tokens override it.
        """
        return model(inputs)  # (n, T, vocab_size)

    def predict(self, model: nn.Module, inputs: Tensor, rows: int = 128) -> Tensor:
        """``logits`` on the CPU, in evaluation mode, ``rows`` sequences at a time: (n, T, vocab_size)."""
        device = next(model.parameters()).device
        with evaluating(model):
            return torch.cat([self.logits(model, part.to(device)).float().cpu() for part in inputs.split(rows)])

    @torch.no_grad()
    def evaluate(
        self, model: nn.Module, n: int = 512, seed: int = EVALUATION_SEED, split: str = "held_out"
    ) -> dict[str, float]:
        """Evaluate a model on held-out cases; the same seed gives the same cases.

        Returns
        -------
        dict
            ``loss`` (nats per scored token), ``token_accuracy`` (scored tokens predicted right),
            ``accuracy`` (sequences in which every scored token is right). The true tokens before
            each prediction are given; for a causal model ``accuracy`` is therefore also the share
            of sequences that greedy generation gets right from start to end.
        """
        inputs, targets = self.batch(n, torch.Generator().manual_seed(seed), split)
        logits = self.predict(model, inputs)  # (n, T, vocab_size)
        return self.score(logits, targets)

    def progress(self, model: nn.Module, n: int) -> dict[str, float]:
        """What is recorded while a model trains: ``evaluate`` on n held-out cases."""
        return self.evaluate(model, n)

    @property
    def identity(self) -> str:
        """What a checkpoint is bound to; tasks on a text that somebody brings add its checksum to the name."""
        return self.name

    def score(self, logits: Tensor, targets: Tensor) -> dict[str, float]:
        """The numbers of ``evaluate`` from logits (n, T, vocab_size) and targets (n, T)."""
        scored = targets != IGNORE  # (n, T)
        right = (logits.argmax(dim=-1) == targets) | ~scored
        return {
            "loss": scored_loss(logits, targets).item(),
            "token_accuracy": (right & scored).sum().item() / scored.sum().item(),
            "accuracy": right.all(dim=1).double().mean().item(),
        }

    @torch.no_grad()
    def evaluate_generated(self, model: nn.Module, n: int = 128, seed: int = EVALUATION_SEED) -> dict[str, float]:
        """Evaluate as in generation: each answer is predicted from the tokens before it alone.

        A model without a causal mask can read the answer in its own input, so ``evaluate`` is
        meaningless for it. Here later tokens are not in the input, and each predicted answer becomes
        part of the input of the next.

        Returns
        -------
        dict
            ``token_accuracy`` and ``accuracy``, as in ``evaluate``.
        """
        inputs, targets = self.batch(n, torch.Generator().manual_seed(seed), "held_out")
        tokens, scored = inputs.clone(), targets != IGNORE
        predicted = targets.clone()
        for t in range(inputs.shape[1]):
            if not scored[:, t].any():
                continue
            best = self.predict(model, tokens[:, : t + 1])[:, -1].argmax(dim=-1)  # (n,)
            predicted[:, t] = torch.where(scored[:, t], best, predicted[:, t])
            if t + 1 < inputs.shape[1]:
                tokens[:, t + 1] = torch.where(scored[:, t], best, tokens[:, t + 1])
        right = predicted == targets
        return {
            "token_accuracy": (right & scored).sum().item() / scored.sum().item(),
            "accuracy": right.all(dim=1).double().mean().item(),
        }

    def examples(self, n: int = 3, seed: int = 0) -> list[str]:
        """n training cases as text, without the padding."""
        tokens, _ = self.sequences(n, torch.Generator().manual_seed(seed), "train")
        return [self.encoding.decode(row).replace(ENDOFTEXT, "") for row in tokens.tolist()]

    def encode(self, text: str) -> Tensor:
        """Text to tokens (1, T). Unlike ``encoding.encode_ordinary`` it refuses unknown words.

        Raises
        ------
        ValueError
            Naming the first part of the text that is not in the task's vocabulary.
        """
        ids, unknown = self.encoding.encode_ordinary(text), left_out(self.encoding, text)
        if unknown or not ids:
            shown, example = "".join(unknown[:1])[:20], self.examples(1)[0]
            raise InputError(f"task {self.name!r} has no token for {shown!r}; an example of its language: {example!r}")
        return torch.tensor([ids])  # (1, T)

    @property
    def end(self) -> int:
        """The id of ``<|endoftext|>``."""
        return self.encoding.eot_token

    def chance_loss(self) -> float:
        """Loss of a uniform guess over the vocabulary, in nats."""
        return math.log(self.encoding.n_vocab)


def scored_loss(logits: Tensor, targets: Tensor, reduction: str = "mean") -> Tensor:
    """Cross-entropy over the scored tokens in nats, of logits (n, T, vocab_size) and targets (n, T).

    Parameters
    ----------
    reduction : "mean" or "sum"
    """
    return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), ignore_index=IGNORE, reduction=reduction)


def word_encoding(name: str, words: Sequence[str]) -> tiktoken.Encoding:
    """An encoding whose tokens are exactly these words, plus ``<|endoftext|>``.

    Text that is none of the words is skipped by ``encode_ordinary``; ``Task.encode`` refuses it.
    """
    longest_first = sorted(words, key=len, reverse=True)
    return tiktoken.Encoding(
        name=name,
        pat_str="|".join(regex.escape(word, literal_spaces=True) for word in longest_first),
        mergeable_ranks={word.encode("utf-8"): i for i, word in enumerate(words)},
        special_tokens={ENDOFTEXT: len(words)},
    )
