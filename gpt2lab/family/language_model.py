"""What a language model without attention shares with GPT-2: tokens in, logits out.

    x      = token_embedding[tokens]
    x      = layer(x)                         n_layers times
    logits = x @ token_embedding.T            tied, as in GPT-2

There are no position vectors: a recurrence and a convolution meet the tokens in their order. What
generation has to keep is a ``State``, one tuple of tensors per layer, and its size does not grow.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from gpt2lab.config import GPT2Config
from gpt2lab.errors import InputError, validates, whole_number
from gpt2lab.model import evaluating
from gpt2lab.tokenizer.tokens import check_tokens


@runtime_checkable
class Trace(Protocol):
    """What the traces of all models have."""

    @property
    def logits(self) -> Tensor:
        """(B, T, vocab_size)"""


@dataclass
class State:
    """What the layers keep of the tokens so far; ``hidden`` reads it and writes it anew."""

    layers: list[tuple[Tensor, ...]]

    @property
    def n_bytes(self) -> int:
        """Memory of it, in bytes, over the whole batch."""
        return sum(tensor.nbytes for layer in self.layers for tensor in layer)


class LanguageModel(nn.Module, ABC):
    """Tokens (B, T) -> logits (B, T, vocab_size), as ``GPT2`` does.

    Of the config ``n_heads`` means nothing here, and ``context_length`` is the longest input that is taken.
    """

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.vocab_size, config.d_model)
        nn.init.normal_(self.token_embedding.weight, std=config.d_model**-0.5)

    @abstractmethod
    def empty_state(self, B: int) -> State:
        """What the layers have kept before the first token."""

    @abstractmethod
    def run(self, x: Tensor, state: State | None = None) -> Tensor:
        """All layers: (B, T, d_model) -> (B, T, d_model)."""

    @abstractmethod
    def trace(self, tokens: Tensor) -> Trace:
        """One forward pass with every intermediate value."""

    @validates
    def forward(self, tokens: Tensor) -> Tensor:
        """Logits for every position: (B, T) -> (B, T, vocab_size). Logit t is made from tokens 0 … t only.

        Raises
        ------
        ValueError
            If tokens are not whole numbers in [0, vocab_size), not of shape (B, T), empty, or longer than
            the context.
        """
        return self.unembed(self.hidden(tokens))

    @validates
    def hidden(self, tokens: Tensor, state: State | None = None) -> Tensor:
        """The vectors that the output layer reads: (B, T) -> (B, T, d_model).

        With a ``State``, ``tokens`` are the new ones only, and it is moved on past them.

        Raises
        ------
        ValueError
            For such tokens as ``forward`` refuses, and for the state of another batch.
        """
        check_tokens(tokens, self.config)
        if state is not None and (B := len(state.layers[0][0])) != len(tokens):
            raise InputError(f"the state belongs to a batch of {B}, got a batch of {len(tokens)}")
        return self.run(self.token_embedding(tokens), state)  # (B, T, d_model)

    def unembed(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch vocab_size"]:
        """Compare each vector with every token's embedding."""
        return F.linear(x, self.token_embedding.weight)  # (..., vocab_size)

    def n_parameters(self) -> int:
        """Number of learned numbers; the shared embedding counts once."""
        return sum(parameter.numel() for parameter in self.parameters())


@torch.no_grad()
@validates
def greedy(model: LanguageModel, tokens: Tensor, max_new_tokens: int) -> Tensor:
    """Continue a prompt with the likeliest token each time; every new token costs one step of the state.

    ``gpt2lab.generate`` keeps keys and values, which these models do not have.

    Parameters
    ----------
    tokens : (B, T)
    max_new_tokens : int

    Returns
    -------
    (B, T + max_new_tokens)

    Raises
    ------
    ValueError
        For a model that is not a ``LanguageModel``, and for tokens that it refuses.
    """
    if not isinstance(model, LanguageModel):
        raise InputError(
            f"greedy needs a recurrent or convolutional language model, got {type(model).__name__}; "
            "for a GPT2 use generate(model, tokens, n, temperature=0)"
        )
    new = whole_number("max_new_tokens", max_new_tokens)
    check_tokens(tokens, model.config)
    state, unread = model.empty_state(len(tokens)), tokens
    with evaluating(model):
        for _ in range(new):
            unread = model.unembed(model.hidden(unread, state)[:, -1:]).argmax(dim=-1)  # (B, 1)
            tokens = torch.cat([tokens, unread], dim=1)
    return tokens
