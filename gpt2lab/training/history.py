"""What a training run measured, step by step."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

Evaluation = dict[str, int | float]  # "step", and what Task.evaluate returns


@dataclass
class History:
    """What happened: one entry per step, and one per evaluation."""

    loss: list[float] = field(default_factory=list)  # nats per scored token, before the update
    learning_rate: list[float] = field(default_factory=list)
    grad_norm: list[float] = field(default_factory=list)  # before clipping
    evaluations: list[Evaluation] = field(default_factory=list)
    tokens: int = 0  # processed so far, over all processes
    seconds: float = 0.0  # spent in steps, over all runs

    @property
    def steps(self) -> int:
        """Steps taken."""
        return len(self.loss)

    @property
    def tokens_per_second(self) -> float:
        """Mean speed."""
        return self.tokens / self.seconds if self.seconds else 0.0


def perplexity(loss: float) -> float:
    """exp(loss in nats): the number of equally likely tokens that would have the same loss."""
    return math.exp(loss)
