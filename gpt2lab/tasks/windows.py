"""What all tasks on real text share: windows at random positions, and a metric that no tokenizer changes.

The metric is bits per *byte*: nats per token divided by ln 2 and by the mean number of bytes per token.
"""

from __future__ import annotations

import functools
import math
from abc import abstractmethod

import torch
from torch import Tensor, nn

from gpt2lab.tasks.base import EVALUATION_SEED, IGNORE, Task

ROWS = 32  # windows that are evaluated at a time


class RealText(Task):
    """Windows of ``length`` tokens; every token is scored."""

    metric = "bits_per_byte"

    @abstractmethod
    def tokens(self, split: str) -> Tensor:
        """All tokens of a split, each piece of text followed by ``<|endoftext|>``: (N,)."""

    @property
    def n_train(self) -> int:  # type: ignore[override]  # a count that needs the text
        """Number of windows: one per position in the text."""
        return len(self.tokens("train")) - self.length

    def sequences(self, n: int, generator: torch.Generator, split: str) -> tuple[Tensor, Tensor]:
        text = self.tokens(split)  # (N,)
        start = torch.randint(len(text) - self.length, (n, 1), generator=generator)
        tokens = text[start + torch.arange(self.length + 1)].long()  # (n, T + 1)
        return tokens, torch.ones_like(tokens, dtype=torch.bool)

    @torch.no_grad()
    def evaluate(
        self, model: nn.Module, n: int = 512, seed: int = EVALUATION_SEED, split: str = "held_out"
    ) -> dict[str, float]:
        """As for every task, ``ROWS`` windows at a time: the logits of a thousand would fill a gigabyte."""
        inputs, targets = self.batch(n, torch.Generator().manual_seed(seed), split)
        parts = list(zip(inputs.split(ROWS), targets.split(ROWS), strict=True))
        scores = [self.score(self.predict(model, x), y) for x, y in parts]
        mean = {key: sum(s[key] * len(y) for s, (_, y) in zip(scores, parts, strict=True)) / n for key in scores[0]}
        return {**mean, "bits_per_byte": self._bits_per_byte(mean["loss"], targets)}

    def score(self, logits: Tensor, targets: Tensor) -> dict[str, float]:
        """As for every task, and ``bits_per_byte``."""
        scores = super().score(logits, targets)
        return {**scores, "bits_per_byte": self._bits_per_byte(scores["loss"], targets)}

    def _bits_per_byte(self, loss: float, targets: Tensor) -> float:
        """From nats per token, for the tokens that were scored."""
        return loss / math.log(2) / self.token_bytes[targets[targets != IGNORE]].double().mean().item()

    @functools.cached_property
    def token_bytes(self) -> Tensor:
        """Bytes per token, (vocab_size,); 0 for ``<|endoftext|>``."""
        sizes = [len(self.encoding.decode_single_token_bytes(token)) for token in range(self.encoding.n_vocab)]
        sizes[self.end] = 0
        return torch.tensor(sizes)

    def progress(self, model: nn.Module, n: int) -> dict[str, float]:
        """``evaluate``, and ``train_loss`` without dropout: where it falls alone, the text is being memorised."""
        train_loss = self.evaluate(model, min(n, self.n_train), split="train")["loss"]
        return {**self.evaluate(model, n), "train_loss": train_loss}
