r"""GPT-2 as a classifier: one linear layer on the vector of the last real token.

    h      = hidden(tokens)                  (B, T, d_model), after ln_f
    logits = W h[last real token] + b        (B, n_classes)

The last token is the only one that has seen the whole text; with a causal mask the first one knows only
itself. In a padded batch the last *real* token is meant, which stands at another place in each row.

Source: Radford et al. 2018, "Improving Language Understanding by Generative Pre-Training", section 3.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gpt2lab.errors import InputError, validates, whole_number
from gpt2lab.masking import Padding
from gpt2lab.model import GPT2, plain_model
from gpt2lab.trace import GPT2Trace


@dataclass(frozen=True)
class ClassifierTrace:
    """One forward pass."""

    gpt2: GPT2Trace
    last: Tensor  # (B,), where each row's last real token stands
    read: Tensor  # (B, d_model), its vector after ln_f
    logits: Tensor  # (B, n_classes)


@validates
def last_real(mask: Tensor) -> Tensor:
    """Where the last True of each row stands: (B, T) bool -> (B,) long.

    Raises
    ------
    ValueError
        If the mask is not a boolean (B, T), or a row has no True.
    """
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool or mask.ndim != 2:
        got = f"{mask.dtype} {tuple(mask.shape)}" if isinstance(mask, Tensor) else type(mask).__name__
        raise InputError(f"last_real needs a boolean mask (B, T), True = a real token, got {got}")
    if mask.shape[1] == 0 or not bool(mask.any(dim=1).all()):
        empty = 0 if mask.shape[1] == 0 else int(mask.any(dim=1).int().argmin())
        raise InputError(f"every row needs a real token to be read at, but row {empty} has none")
    places = torch.arange(mask.shape[1], device=mask.device)  # (T,)
    return torch.where(mask, places, -1).amax(dim=1)  # (B,)


class GPT2Classifier(nn.Module):
    """Tokens (B, T) -> logits (B, n_classes).

    Parameters
    ----------
    gpt2 : GPT2
        Fresh or trained; it is learned further, not copied.
    n_classes : int
        At least 2.

    Raises
    ------
    ValueError
        For another model, or fewer than two classes.
    """

    @validates
    def __init__(self, gpt2: GPT2, n_classes: int) -> None:
        super().__init__()
        self.gpt2 = plain_model(gpt2, "GPT2Classifier")
        self.n_classes = whole_number("n_classes", n_classes, 2)
        self.head = nn.Linear(self.gpt2.config.d_model, self.n_classes)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    @validates
    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """Logits of the classes: (B, n_classes).

        Parameters
        ----------
        tokens : (B, T)
        mask : (B, T) bool, True = a real token, optional
            For rows of different length, padded before or after their tokens; see ``GPT2.forward``.

        Raises
        ------
        ValueError
            For tokens and masks that ``GPT2.forward`` refuses, such as a row without a real token.
        """
        hidden = self.gpt2.hidden(tokens, mask=mask)  # (B, T, d_model)
        rows = torch.arange(len(tokens), device=tokens.device)
        return self.head(hidden[rows, self.last(tokens, mask)])  # (B, n_classes)

    def last(self, tokens: Tensor, mask: Tensor | None) -> Tensor:
        """Where each row is read: (B,)."""
        if mask is None or Padding.of(mask, tokens) is None:
            return torch.full((len(tokens),), tokens.shape[1] - 1, device=tokens.device)
        return last_real(mask.to(tokens.device))

    @validates
    def trace(self, tokens: Tensor, mask: Tensor | None = None) -> ClassifierTrace:
        """One forward pass with every intermediate value, by the equations; no dropout."""
        gpt2 = self.gpt2.trace(tokens, mask=mask)
        last = self.last(tokens, mask)  # (B,)
        read = gpt2.ln_f.out[torch.arange(len(tokens), device=tokens.device), last]  # (B, d_model)
        return ClassifierTrace(gpt2=gpt2, last=last, read=read, logits=self.head(read))
