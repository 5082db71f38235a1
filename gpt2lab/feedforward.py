r"""The feed-forward network: two linear maps with a GELU between them, for each token alone.

    FFN(x) = W_down · gelu(W_up · x + b_up) + b_down
    gelu(x) = x/2 · (1 + tanh( sqrt(2/π) · (x + 0.044715 x³) ))

GPT-2 uses this tanh approximation of the GELU, not ReLU and not the exact (erf) form. Nothing
follows the second map: the result is added to the stream and may be negative.

Source: Hendrycks and Gimpel 2016, "Gaussian Error Linear Units", section 2; openai/gpt-2
``src/model.py``, functions ``gelu`` and ``mlp``.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from gpt2lab.config import GPT2Config
from gpt2lab.trace import FeedForwardTrace


def gelu(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The tanh form of the GELU, written out; any shape."""
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


class FeedForward(nn.Module):
    """d_model -> d_ff -> d_model, position by position.

    ``activation`` is the socket for variants: set it to a function or a module (``F.relu``, ``nn.ReLU()``).
    Here it uses torch's fused kernel.
    """

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.up = nn.Linear(config.d_model, config.d_ff)
        self.down = nn.Linear(config.d_ff, config.d_model)
        self.dropout = nn.Dropout(config.dropout)

    def activation(self, x: Tensor) -> Tensor:
        """GELU, tanh form."""
        return F.gelu(x, approximate="tanh")

    def __setattr__(self, name: str, value: Any) -> None:  # Any: whatever nn.Module takes
        """As usual, but a module set as the activation is used: torch would leave it behind the method."""
        if name != "activation":
            return super().__setattr__(name, value)
        self._modules.pop("activation_module", None)
        if isinstance(value, nn.Module):
            self.register_module("activation_module", value)  # its parameters, if it has some
        object.__setattr__(self, name, value)

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        x = self.activation(self.up(x))  # (..., d_ff)
        return self.dropout(self.down(x))  # (..., d_model)

    def trace(self, x: Float[Tensor, "*batch d_model"]) -> FeedForwardTrace:
        """The same result with the neurons before and after the activation; no dropout."""
        pre = self.up(x)  # (B, T, d_ff)
        post = self.activation(pre)  # (B, T, d_ff)
        return FeedForwardTrace(pre=pre, post=post, out=self.down(post))
