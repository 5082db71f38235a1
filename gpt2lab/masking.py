"""Masks: who may look at whom.

A mask is boolean, and **True means "may attend"**, as in ``F.scaled_dot_product_attention``.
(``nn.MultiheadAttention`` uses the opposite sign.) Masking puts -inf into a score *before* the
softmax: exp(-inf) is exactly 0, and the remaining weights still sum to 1.

Source: Vaswani et al. 2017, section 3.2.3; masked language modelling from Devlin et al. 2019,
section 3.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gpt2lab.errors import InputError, validates
from gpt2lab.tokenizer.tokens import readable


def causal_mask(T_query: int, T_key: int | None = None, device: torch.device | str | None = None) -> Tensor:
    """Position i may attend to positions 0 … i, itself included.

    Parameters
    ----------
    T_query, T_key : int
        Number of queries and keys. With a KV cache there are more keys than queries; the queries
        are then the *last* ``T_query`` positions. ``T_key`` defaults to ``T_query``.

    Returns
    -------
    (T_query, T_key) bool, True = may attend.
    """
    T_key = T_query if T_key is None else T_key
    if T_query < 1 or T_key < T_query:
        raise InputError(f"causal_mask needs 1 <= T_query <= T_key, got T_query={T_query}, T_key={T_key}")
    return torch.ones(T_query, T_key, dtype=torch.bool, device=device).tril(T_key - T_query)


@validates
def padding_mask(lengths: Sequence[int] | Tensor, T_key: int | None = None) -> Tensor:
    """True for real tokens, False for the padding after them.

    Parameters
    ----------
    lengths : sequence of int
        Number of real tokens in each sample, each at least 1 (a row with nothing to attend to has
        no softmax).

    Returns
    -------
    (B, 1, 1, T_key) bool. The two 1s broadcast over heads and queries; the padding is hidden as
    *keys*. Combine with the causal mask by ``&``.
    """
    lengths = torch.as_tensor(lengths)
    longest = max(lengths.flatten().tolist(), default=0)
    T_key = longest if T_key is None else T_key
    if lengths.ndim != 1 or lengths.numel() == 0 or int(lengths.min()) < 1 or longest > T_key:
        got = lengths.tolist()
        raise InputError(f"lengths must be a list of numbers between 1 and T_key={T_key}, got {got}")
    positions = torch.arange(T_key, device=lengths.device)  # (T_key,)
    return (positions < lengths[:, None])[:, None, None, :]  # (B, 1, 1, T_key)


@dataclass(frozen=True)
class Padding:
    """Rows of different length in one batch: which tokens are real, and where they stand in their row.

    Padding may stand before or after a row's real tokens, not between them. So the distance between two
    real tokens is the same as in the row alone, and a bias by distance (ALiBi, relative) stays right.
    """

    real: Tensor  # (B, T_key) bool, True = a real token; with a cache, the cached ones included
    positions: Tensor  # (B, T_query) long, 0 for a row's first real token

    @classmethod
    @validates
    def of(cls, mask: Tensor, tokens: Tensor, before: Tensor | None = None, name: str = "tokens") -> Padding | None:
        """From a mask (B, T) for tokens (B, T); None if every token is real.

        Parameters
        ----------
        before : (B, T_before) bool, optional
            The mask of the tokens in the cache.
        name : str
            What the message calls the tokens.

        Raises
        ------
        ValueError
            If the mask is not boolean or not shaped like the tokens, if a row has padding between its
            tokens, or, without a cache, if it has no token.
        """
        if not isinstance(mask, Tensor) or mask.dtype != torch.bool or mask.shape != tokens.shape:
            got = f"{mask.dtype} {tuple(mask.shape)}" if isinstance(mask, Tensor) else type(mask).__name__
            raise InputError(
                f"the mask must be boolean (True = a real token) with the shape of the {name} "
                f"{tuple(tokens.shape)}, got {got}"
            )
        real = mask.to(tokens.device)  # (B, T)
        if before is not None:
            real = torch.cat([before, real], dim=1)  # (B, T_key)
        if readable(real):
            if bool(real.all()):
                return None
            starts = real[:, :1].sum(dim=1) + (real[:, 1:] & ~real[:, :-1]).sum(dim=1)  # (B,)
            wrong = starts.gt(1) if before is not None else starts.ne(1)
            if bool(wrong.any()):
                row = int(wrong.int().argmax())
                fault = "has no real token" if starts[row] == 0 else "has padding between its tokens"
                raise InputError(f"the mask may hide padding before or after a row's tokens, but row {row} {fault}")
        positions = (real.cumsum(dim=1) - 1).clamp(min=0)  # (B, T_key)
        return cls(real, positions[:, -tokens.shape[1] :])

    def visible(self, causal: Tensor | None) -> Tensor:
        """Who may attend to whom: (B, 1, T_query, T_key) bool, True = may attend.

        No real token sees padding. Padding sees itself as well, since a row of the softmax needs something
        to sum to 1 over; nothing reads its output.

        Parameters
        ----------
        causal : (T_query, T_key) bool, or None where the future may be seen
        """
        T_key = self.real.shape[1]
        keys = torch.arange(T_key, device=self.real.device)  # (T_key,)
        itself = keys[T_key - self.positions.shape[1] :, None] == keys  # (T_query, T_key)
        seen = self.real[:, None, None, :]  # (B, 1, 1, T_key)
        return itself | (seen if causal is None else seen & causal)


def apply_mask(scores: Tensor, mask: Tensor) -> Tensor:
    """Put -inf where the mask is False.

    Parameters
    ----------
    scores : (..., T_query, T_key)
    mask : bool, broadcastable to the scores, True = may attend

    Raises
    ------
    ValueError
        If the mask is not boolean or does not fit.
    """
    check_mask(mask, tuple(scores.shape))
    return scores.masked_fill(~mask, -torch.inf)


def check_mask(mask: Tensor, scores_shape: tuple[int, ...]) -> None:
    """Refuse a mask that is not boolean or does not broadcast to the scores."""
    if mask.dtype != torch.bool:
        raise InputError(f"a mask must be boolean (True = may attend), got {mask.dtype}")
    if not fits_scores(tuple(mask.shape), scores_shape):
        raise InputError(
            f"the mask must broadcast to the scores (…, T_query, T_key) = {scores_shape}, got mask "
            f"{tuple(mask.shape)}; a padding mask of shape (B, T) has to become (B, 1, 1, T)"
        )


def fits_scores(shape: tuple[int, ...], scores_shape: tuple[int, ...]) -> bool:
    """Whether a mask or a bias of this shape broadcasts to the scores without making them larger."""
    sizes = zip(reversed(shape), reversed(scores_shape), strict=False)
    return 2 <= len(shape) <= len(scores_shape) and all(size in (1, full) for size, full in sizes)


def corrupt_tokens(
    tokens: Tensor, mask_id: int, vocab_size: int, rate: float = 0.15, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """BERT's masked-language-modelling corruption. It changes the *data*; it is not an attention mask.

    Each token is chosen with probability ``rate``. Of the chosen ones 80 % become ``mask_id``,
    10 % a random token, and 10 % stay as they are.

    Returns
    -------
    corrupted : (B, T)
    chosen : (B, T) bool
        Where the loss is computed; all other positions are ignored.
    """
    if not 0 < rate < 1:
        raise InputError(f"rate must lie between 0 and 1, got {rate}")
    chosen = torch.rand(tokens.shape, generator=generator) < rate  # (B, T)
    fate = torch.rand(tokens.shape, generator=generator)  # (B, T)
    random_tokens = torch.randint(vocab_size, tokens.shape, generator=generator)  # (B, T)
    corrupted = torch.where(chosen & (fate < 0.8), mask_id, tokens)
    corrupted = torch.where(chosen & (fate >= 0.9), random_tokens, corrupted)
    return corrupted, chosen
