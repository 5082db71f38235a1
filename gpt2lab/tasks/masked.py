"""The masked-token objective: some tokens of a text are hidden or changed, and the model says what they were.

    alice gave bob the <mask> so bob has the book from <mask>
                       ^ book                           ^ alice

Of the tokens 15 % are chosen. Of those, 80 % become ``<mask>``, 10 % a random word, 10 % stay as they are;
only the chosen ones are scored. The changed and the kept ones are there because real text has no ``<mask>``:
a model that saw it at every question would learn nothing about other tokens.

Source: Devlin et al. 2019, "BERT: Pre-training of Deep Bidirectional Transformers", section 3.1, and
google-research/bert ``create_pretraining_data.py`` (at least one token of each text is chosen).
"""

from __future__ import annotations

import torch
from torch import Tensor

from gpt2lab.errors import InputError, validates
from gpt2lab.masking import corrupt_tokens
from gpt2lab.tasks.base import IGNORE

MASK = "<mask>"


@validates
def masked_batch(
    tokens: Tensor,
    mask_id: int,
    n_words: int,
    rate: float = 0.15,
    generator: torch.Generator | None = None,
    real: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Corrupt a batch as BERT does.

    Parameters
    ----------
    tokens : (B, T) token ids
    mask_id : int
        The token that hides another.
    n_words : int
        Random words are drawn from 0 … n_words - 1.
    rate : float
        Share of the tokens that are chosen; at least one in each row.
    generator : torch.Generator, optional
    real : (B, T) bool, True = a real token, optional
        Padding is never chosen.

    Returns
    -------
    inputs : (B, T)
        With the chosen tokens hidden, changed or kept.
    targets : (B, T)
        The original tokens where chosen, ``IGNORE`` (-100) elsewhere. They are not shifted: the answer to a
        position belongs to that position.

    Raises
    ------
    ValueError
        For a rate outside (0, 1), or a mask of another shape or with a row without real tokens.
    """
    real = torch.ones_like(tokens, dtype=torch.bool) if real is None else real
    if real.shape != tokens.shape or real.dtype != torch.bool or not bool(real.any(dim=1).all()):
        raise InputError(
            f"real must be boolean with the shape of the tokens {tuple(tokens.shape)} and a real token in each "
            f"row, got {real.dtype} {tuple(real.shape)}"
        )
    inputs, chosen = corrupt_tokens(tokens, mask_id, n_words, rate, generator)  # 2 × (B, T)
    chosen = chosen & real
    lot = torch.rand(tokens.shape, generator=generator).masked_fill(~real, -1.0)  # (B, T)
    one = torch.zeros_like(chosen).scatter(1, lot.argmax(dim=1, keepdim=True), True)  # (B, T)
    alone = one & ~chosen.any(dim=1, keepdim=True)  # for rows of which nothing was chosen
    inputs = torch.where(alone, mask_id, torch.where(chosen, inputs, tokens))
    return inputs, tokens.masked_fill(~(chosen | alone), IGNORE)
