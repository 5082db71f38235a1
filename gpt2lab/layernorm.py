r"""Layer normalisation: every token's vector, on its own, gets mean 0 and variance 1.

    LayerNorm(x) = (x - mean) / sqrt(variance + eps) * weight + bias

Mean and variance run over the features of one token (the last axis), never over other tokens or
other samples. The variance is the biased one (divide by d, not by d - 1), and eps sits inside
the root.

Source: Ba, Kiros and Hinton 2016, "Layer Normalization", eq. 4; GPT-2 uses eps = 1e-5.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from gpt2lab.errors import InputError
from gpt2lab.trace import LayerNormTrace


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    """The equation above, written out.

    Parameters
    ----------
    x : (..., d_model)
    weight, bias : (d_model,)
        The learned gain (gamma) and offset (beta), one number per feature.
    eps : float
        Keeps a token whose features are all equal from dividing by zero.

    Raises
    ------
    ValueError
        If weight or bias does not have one number per feature of x.
    """
    d_model = x.shape[-1] if x.ndim else 0
    if weight.shape != (d_model,) or bias.shape != (d_model,):
        raise InputError(
            f"layer_norm needs one weight and one bias per feature: x has {d_model} features "
            f"(shape {tuple(x.shape)}), weight {tuple(weight.shape)}, bias {tuple(bias.shape)}"
        )
    mean = x.mean(dim=-1, keepdim=True)  # (..., 1)
    variance = x.var(dim=-1, keepdim=True, unbiased=False)  # (..., 1)
    normalized = (x - mean) / torch.sqrt(variance + eps)  # (..., d_model)
    return normalized * weight + bias


class LayerNorm(nn.Module):
    """Layer normalisation with a learned gain (``weight``) and offset (``bias``).

    ``forward`` is torch's fused kernel; ``trace`` is the equation, step by step.
    """

    def __init__(self, d_model: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model))

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)

    def trace(self, x: Float[Tensor, "*batch d_model"]) -> LayerNormTrace:
        """The same result with its intermediate values."""
        mean = x.mean(dim=-1, keepdim=True)  # (B, T, 1)
        std = torch.sqrt(x.var(dim=-1, keepdim=True, unbiased=False) + self.eps)  # (B, T, 1)
        normalized = (x - mean) / std  # (B, T, d_model)
        out = normalized * self.weight + self.bias  # (B, T, d_model)
        return LayerNormTrace(mean=mean, std=std, normalized=normalized, out=out)

    def extra_repr(self) -> str:
        return f"{self.weight.shape[0]}, eps={self.eps}"
