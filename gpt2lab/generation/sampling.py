r"""Sampling: from the logits of a position to the distribution its next token is drawn from.

    probabilities = softmax(logits / temperature), restricted by top-k and top-p

Sources: Radford et al. 2019, section 3.6 (top-k); Fan et al. 2018 (top-k); Holtzman et al. 2020,
"The Curious Case of Neural Text Degeneration" (top-p).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from gpt2lab.errors import InputError, is_number, shown, validates, whole_number


@dataclass(frozen=True)
@validates
class Sampling:
    """How the next token is chosen; see ``next_token_probabilities``.

    Raises
    ------
    ValueError
        For a temperature that is negative or not a number, top_k < 1, or top_p outside (0, 1].
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None

    def __post_init__(self) -> None:
        hot, top_p = self.temperature, self.top_p
        if not is_number(hot) or not math.isfinite(hot) or hot < 0:
            raise InputError(f"temperature must be a number of at least 0 (0 is greedy), got {shown(hot)}")
        if self.top_k is not None:
            object.__setattr__(self, "top_k", whole_number("top_k", self.top_k, 1, ", or None for all tokens"))
        if top_p is not None and (not is_number(top_p) or not 0 < top_p <= 1):
            raise InputError(f"top_p must lie in (0, 1], or be None for all tokens, got {shown(top_p)}")

    def probabilities(self, logits: Tensor) -> Tensor:
        """(..., vocab_size) -> (..., vocab_size); each row sums to 1."""
        if self.temperature == 0:
            return torch.zeros_like(logits).scatter(-1, logits.argmax(dim=-1, keepdim=True), 1.0)
        # The largest becomes 0 first, so that a small temperature cannot overflow.
        logits = (logits - logits.amax(dim=-1, keepdim=True)) / float(self.temperature)
        if self.top_k is not None:
            logits = keep_top_k(logits, self.top_k)
        probabilities = logits.softmax(dim=-1)
        if self.top_p is not None and self.top_p < 1:
            probabilities = keep_top_p(probabilities, float(self.top_p))
        return probabilities


def keep_top_k(logits: Tensor, k: int) -> Tensor:
    """-inf for all but the k largest of (..., vocab_size); what ties with the k-th stays."""
    kth = logits.topk(min(k, logits.shape[-1]), dim=-1).values[..., -1:]  # (..., 1)
    return logits.masked_fill(logits < kth, -torch.inf)


def keep_top_p(probabilities: Tensor, p: float) -> Tensor:
    """The fewest most probable tokens of (..., vocab_size) that together have at least p, renormalised."""
    ordered, order = probabilities.sort(dim=-1, descending=True, stable=True)
    before = ordered.cumsum(dim=-1) - ordered  # probability of all more probable tokens
    dropped = torch.zeros_like(order, dtype=torch.bool).scatter(-1, order, before >= p)
    kept = probabilities.masked_fill(dropped, 0.0)
    return kept / kept.sum(dim=-1, keepdim=True)


@validates
def next_token_probabilities(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    """The distribution the next token is drawn from: (..., vocab_size) -> (..., vocab_size).

    Parameters
    ----------
    temperature : float
        Divides the logits. 0 puts all probability on the largest one (the first, on a tie).
    top_k : int, optional
        Keep the k most probable tokens (ties with the k-th are kept as well).
    top_p : float, optional
        Keep the fewest most probable tokens that together have at least this probability. It is
        applied after top-k, to the renormalised distribution.

    Raises
    ------
    ValueError
        See ``Sampling``.
    """
    return Sampling(temperature, top_k, top_p).probabilities(logits)


@validates
def check_sampling(temperature: float, top_k: int | None = None, top_p: float | None = None) -> None:
    """Refuse settings that have no meaning."""
    Sampling(temperature, top_k, top_p)
