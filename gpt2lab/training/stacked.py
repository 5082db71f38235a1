"""Many small models of one shape, trained at once.

For a tiny model, launching an operation on a GPU takes longer than computing it. Models whose weights
are stacked (``torch.func.stack_module_state``) share each launch (``torch.vmap``). Every seed still
learns from its own data, is clipped by its own norm and may diverge on its own. The result is what
``train`` gives one by one; a test compares the two.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state
from torch.nn.attention import SDPBackend, sdpa_kernel
from tqdm.auto import tqdm

from gpt2lab.errors import InputError
from gpt2lab.model import GPT2, evaluating
from gpt2lab.tasks.base import EVALUATION_SEED, Task, scored_loss
from gpt2lab.training.config import TrainConfig, check_fit
from gpt2lab.training.device import resolve_device
from gpt2lab.training.optimizer import clip_gradients, decay_groups, set_learning_rate


@dataclass
class StackedHistory:
    """One row per step or evaluation, one column per model."""

    loss: list[list[float]] = field(default_factory=list)  # nats, before the update; nan once diverged
    eval_steps: list[int] = field(default_factory=list)  # after which the models were evaluated
    scores: dict[str, list[list[float]]] = field(default_factory=dict)  # of Task.evaluate
    seconds: float = 0.0


def train_stacked(
    models: Sequence[GPT2],
    task: Task,
    config: TrainConfig,
    seeds: Sequence[int],
    title: str = "",
    rates: Sequence[float] | None = None,
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
    rates : sequence of float, optional
        Each model's own highest learning rate, in place of ``config.learning_rate``.

    Raises
    ------
    ValueError
        For settings that only ``train`` has, or models that differ in shape.
    """
    _check(models, task, config, seeds, rates)
    device = resolve_device(config.device)
    for model in models:
        model.to(device).train()
    weights, _ = stack_module_state(list(models))  # every tensor gets an axis in front: (n_models, ...)
    optimizer = torch.optim.AdamW(
        decay_groups(weights.values(), config.weight_decay, stacked=True), lr=0.0, betas=config.betas
    )
    if rates is not None:
        config = replace(config, learning_rate=1.0)  # the optimiser's steps are then scaled, model by model
    own = None if rates is None else torch.tensor(list(rates), device=device)  # (n_models,)
    generators = {seed: torch.Generator().manual_seed(seed) for seed in seeds}
    history, start = StackedHistory(), time.perf_counter()
    watch = tqdm(range(config.steps), unit="step", desc=title or task.name, disable=not config.progress)
    for step in watch:
        set_learning_rate(optimizer, config.learning_rate_at(step))
        drawn = {seed: task.batch(config.batch_size, generator) for seed, generator in generators.items()}
        batches = [drawn[seed] for seed in seeds]
        inputs, targets = (torch.stack(part).to(device) for part in zip(*batches, strict=True))  # (n_models, B, T)
        losses = _losses(models[0], weights, inputs, targets)  # (n_models,)
        losses.sum().backward()  # each loss depends on its own weights only
        _clip(weights, config.clip_norm)
        _step(optimizer, weights, own)
        optimizer.zero_grad(set_to_none=True)
        history.loss.append(losses.tolist())
        if config.evaluates_after(step + 1):
            history.eval_steps.append(step + 1)
            for name, values in _evaluate(models[0], weights, task, config.eval_sequences).items():
                history.scores.setdefault(name, []).append(values)
    history.seconds = time.perf_counter() - start
    for i, model in enumerate(models):
        with torch.no_grad():
            for name, weight in model.named_parameters():
                weight.copy_(weights[name][i])
        model.eval()
    return history


def _losses(base: GPT2, weights: dict[str, Tensor], inputs: Tensor, targets: Tensor) -> Tensor:
    """The mean loss of each model on its own batch, in nats: (n_models, B, T) twice -> (n_models,)."""

    def loss(own: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        with sdpa_kernel(SDPBackend.MATH):  # the fused kernels would be called once per model
            logits = functional_call(base, own, (x,))  # (B, T, vocab_size)
        return scored_loss(logits, y)

    return torch.vmap(loss)(weights, inputs, targets)


def _clip(weights: dict[str, Tensor], clip_norm: float | None) -> None:
    """``clip_gradients`` for each model by its own norm, all of them at once."""
    if clip_norm is None:
        return

    def clip(gradients: list[Tensor]) -> Tensor:
        holders = [torch.empty_like(gradient) for gradient in gradients]
        for holder, gradient in zip(holders, gradients, strict=True):
            holder.grad = gradient
        return clip_gradients(holders, clip_norm, foreach=False)  # vmap has no rule for the foreach kernels

    torch.vmap(clip)([weight.grad for weight in weights.values() if weight.grad is not None])


@torch.no_grad()
def _step(optimizer: torch.optim.AdamW, weights: dict[str, Tensor], rates: Tensor | None) -> None:
    """One step; with ``rates`` (n_models,), that fraction of it for each model.

    All of AdamW's step, the decay included, is proportional to the learning rate.
    """
    before = {} if rates is None else {name: weight.clone() for name, weight in weights.items()}
    optimizer.step()
    if rates is not None:
        for name, weight in weights.items():
            share = rates.view(-1, *[1] * (weight.ndim - 1))  # (n_models, 1, …)
            weight.copy_(torch.lerp(before[name], weight, share))


@torch.no_grad()
def _evaluate(base: GPT2, weights: dict[str, Tensor], task: Task, n: int) -> dict[str, list[float]]:
    """``Task.evaluate`` of each model: a list of n_models per score."""
    inputs, targets = task.batch(n, torch.Generator().manual_seed(EVALUATION_SEED), "held_out")
    device = next(iter(weights.values())).device
    with evaluating(base), sdpa_kernel(SDPBackend.MATH):
        logits = torch.vmap(lambda own: functional_call(base, own, (inputs.to(device),)))(weights).cpu()
    scores = [task.score(one, targets) for one in logits]  # (n, T, vocab_size) each
    return {key: [score[key] for score in scores] for key in scores[0]}


def _check(
    models: Sequence[GPT2], task: Task, config: TrainConfig, seeds: Sequence[int], rates: Sequence[float] | None
) -> None:
    if rates is not None and len(rates) != len(models):
        raise InputError(f"train_stacked needs one rate per model, got {len(models)} models and {len(rates)} rates")
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
