r"""The optimiser, step by step: which weights decay, how fast to learn, the longest gradient.

    AdamW         θ <- θ - lr · (m̂ / (sqrt(v̂) + eps) + weight_decay · θ)
    schedule      warm-up: lr rises in a straight line; then half a cosine down to a fraction of it
    clipping      g <- g · min(1, clip_norm / ‖g‖), one norm over all gradients together

Weight decay pulls matrices towards zero. Biases and layer-norm gains are left out of it: a gain has
no reason to be small.

Sources: Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization", algorithm 2; Radford et
al. 2018, section 4.1 (warm-up, cosine, decay on all but biases and gains); Pascanu et al. 2013,
"On the difficulty of training recurrent neural networks", section 3.2 (clipping).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Matrices (and embedding tables), which decay, and vectors, which do not."""
    return decay_groups(model.parameters(), weight_decay)


def decay_groups(weights: Iterable[Tensor], weight_decay: float, stacked: bool = False) -> list[dict[str, object]]:
    """``parameter_groups`` of tensors that no module holds.

    Parameters
    ----------
    stacked : bool
        Each tensor has an axis of models in front, which does not make a vector a matrix.
    """
    matrices: list[Tensor] = []
    vectors: list[Tensor] = []
    for weight in weights:
        (matrices if weight.ndim - stacked >= 2 else vectors).append(weight)
    groups = ((matrices, weight_decay), (vectors, 0.0))
    return [{"params": params, "weight_decay": decay} for params, decay in groups if params]


def make_optimizer(
    model: nn.Module, learning_rate: float, weight_decay: float, betas: tuple[float, float] = (0.9, 0.95)
) -> torch.optim.AdamW:
    """AdamW over ``parameter_groups``; torch's fused kernel where the model is on a GPU."""
    fused = next(model.parameters()).device.type == "cuda"
    return torch.optim.AdamW(parameter_groups(model, weight_decay), lr=learning_rate, betas=betas, fused=fused)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Use this learning rate from the next step on, in all groups."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def learning_rate_at(step: int, steps: int, peak: float, warmup_steps: int = 0, floor: float = 0.1) -> float:
    """Learning rate of one step.

    Parameters
    ----------
    step : int
        Counts from 0.
    steps : int
        Length of the whole schedule.
    peak : float
        Reached when the warm-up ends.
    warmup_steps : int
        Steps of the straight rise; 0 starts at the peak.
    floor : float
        Fraction of the peak that is left at the end.
    """
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    progress = (step - warmup_steps) / max(1, steps - warmup_steps)
    return peak * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


def clip_gradients(
    parameters: nn.Module | Iterable[Tensor], clip_norm: float | None, foreach: bool | None = None
) -> Tensor:
    """Shorten all gradients together if their common norm exceeds ``clip_norm``.

    Parameters
    ----------
    parameters : nn.Module or iterable of Tensor
        A model, or the tensors whose gradients count.
    foreach : bool, optional
        Whether torch may treat many tensors in one kernel; where that is faster by default.

    Returns
    -------
    scalar Tensor
        The norm before clipping. None as ``clip_norm`` only measures.
    """
    limit = math.inf if clip_norm is None else clip_norm
    tensors = parameters.parameters() if isinstance(parameters, nn.Module) else parameters
    return torch.nn.utils.clip_grad_norm_(tensors, limit, foreach=foreach)
