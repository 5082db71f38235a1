"""Many small models of one shape, trained at once.

A tiny model keeps a processor waiting: starting each operation takes longer than doing it. Five models
whose weights are stacked (``torch.func.stack_module_state``) do one operation for all five
(``torch.vmap``), and every seed still learns from its own data, is clipped by its own norm and may
diverge on its own. The result is what ``train`` gives one by one; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state
from torch.nn.attention import SDPBackend, sdpa_kernel
from tqdm.auto import tqdm

from gpt2lab.errors import InputError
from gpt2lab.model import GPT2
from gpt2lab.tasks.base import IGNORE, Task
from gpt2lab.training.config import TrainConfig, check_fit
from gpt2lab.training.device import resolve_device
from gpt2lab.training.optimizer import learning_rate_at


@dataclass
class StackedHistory:
    """One row per step or examination, one column per model."""

    loss: list[list[float]] = field(default_factory=list)  # nats, before the update; nan once diverged
    evaluations: list[dict[str, Any]] = field(default_factory=list)  # "step", and a list per score
    seconds: float = 0.0


def train_stacked(
    models: Sequence[GPT2], task: Task, config: TrainConfig, seeds: Sequence[int], title: str = ""
) -> StackedHistory:
    """Train models of one shape together, in place.

    Parameters
    ----------
    models : sequence of GPT2
        All of one class and shape, without dropout (the seeds would share it).
    config : TrainConfig
        fp32, one process, no checkpoints; ``seed`` is replaced by ``seeds``.
    seeds : sequence of int
        Of each model's data.

    Raises
    ------
    ValueError
        For settings that only ``train`` has, or models that differ in shape.
    """
    _check(models, task, config, seeds)
    device = resolve_device(config.device)
    for model in models:
        model.to(device).train()
    weights, _ = stack_module_state(list(models))  # every tensor gets an axis in front: (n_models, ...)
    base = models[0]
    base.check_tokens = lambda *args: None  # looks at values, which a stacked pass cannot
    optimizer = torch.optim.AdamW(_groups(weights, config.weight_decay), lr=0.0, betas=tuple(config.betas))
    data = [torch.Generator().manual_seed(seed) for seed in seeds]
    history = StackedHistory()
    watch = tqdm(range(config.steps), unit="step", desc=title or task.name, disable=not config.progress)
    try:
        for step in watch:
            rate = learning_rate_at(step, config.steps, config.learning_rate, config.warmup_steps, config.floor)
            for group in optimizer.param_groups:
                group["lr"] = rate
            batches = [task.batch(config.batch_size, generator) for generator in data]
            inputs, targets = (torch.stack(part).to(device) for part in zip(*batches, strict=True))  # (n_models, B, T)
            losses = torch.vmap(lambda w, x, y: _loss(base, w, x, y))(weights, inputs, targets)  # (n_models,)
            losses.sum().backward()  # each loss depends on its own weights only
            _clip(weights, config.clip_norm)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            history.loss.append(losses.tolist())
            if (step + 1) % config.eval_every == 0 or step + 1 == config.steps:
                history.evaluations.append({"step": step + 1, **_examine(base, weights, task, config.eval_sequences)})
    finally:
        del base.check_tokens
    history.seconds = watch.format_dict["elapsed"]
    for i, model in enumerate(models):
        with torch.no_grad():
            for name, weight in model.named_parameters():
                weight.copy_(weights[name][i])
        model.eval()
    return history


def _loss(base: GPT2, weights: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
    with sdpa_kernel(SDPBackend.MATH):  # the fused kernels would be called once per model
        logits = functional_call(base, weights, (x,))  # (B, T, vocab_size)
    return F.cross_entropy(logits.flatten(0, 1), y.flatten(), ignore_index=IGNORE)


def _groups(weights: dict[str, Tensor], weight_decay: float) -> list[dict[str, Any]]:
    """As ``optimizer.parameter_groups``; the axis of models does not count."""
    matrices = [w for w in weights.values() if w.ndim >= 3]
    vectors = [w for w in weights.values() if w.ndim < 3]
    groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]


@torch.no_grad()
def _clip(weights: dict[str, Tensor], clip_norm: float | None) -> None:
    """As ``optimizer.clip_gradients``, for each model by its own norm."""
    if clip_norm is None:
        return
    gradients = [w.grad for w in weights.values() if w.grad is not None]
    norm = torch.stack([g.flatten(1).norm(dim=1) for g in gradients]).norm(dim=0)  # (n_models,)
    factor = (clip_norm / (norm + 1e-6)).clamp(max=1.0)
    for g in gradients:
        g *= factor.view(-1, *[1] * (g.ndim - 1))


@torch.no_grad()
def _examine(base: GPT2, weights: dict[str, Tensor], task: Task, n: int) -> dict[str, list[float]]:
    inputs, targets = task.batch(n, torch.Generator().manual_seed(12345), "held_out")
    device = next(iter(weights.values())).device
    base.eval()
    with sdpa_kernel(SDPBackend.MATH):
        logits = torch.vmap(lambda w: functional_call(base, w, (inputs.to(device),)))(weights).cpu()
    base.train()
    scores = [task.score(one, targets) for one in logits]  # (n, T, vocab_size) each
    return {key: [score[key] for score in scores] for key in scores[0]}


def _check(models: Sequence[GPT2], task: Task, config: TrainConfig, seeds: Sequence[int]) -> None:
    if not models or len(models) != len(seeds):
        raise InputError(f"train_stacked needs one seed per model, got {len(models)} models and {len(seeds)} seeds")
    if len({(type(model), model.config) for model in models}) > 1:
        raise InputError("stacked models must have one class and one config")
    if any(isinstance(m, nn.Dropout) and m.p > 0 for m in models[0].modules()):
        raise InputError("stacked models must be without dropout, because the seeds would share it")
    for name, only in {"precision": "fp32", "accumulation": 1, "folder": None, "compile": False}.items():
        if getattr(config, name) != only:
            raise InputError(f"train_stacked supports {name}={only!r} only, got {getattr(config, name)!r}; use train")
    check_fit(models[0], task, config)
