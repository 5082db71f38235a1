r"""Training: draw a batch, predict, measure the loss, take a step against the gradient.

    loss = mean over the scored tokens of  -log p(token t+1 | tokens 0 … t)        in nats

The loop below is the whole of it: a batch in parts (gradient accumulation), the forward pass in
half precision where asked (autocast), the backward pass, clipping, one step of AdamW.

The loss divides by the number of scored tokens of the *whole* batch, so that a batch in four parts,
or on two machines, gives the same gradient as in one piece.

Sources: Radford et al. 2018, section 4.1, and 2019; Micikevicius et al. 2018, "Mixed Precision
Training" (autocast, loss scaling). The optimiser is in ``optimizer.py``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from gpt2lab.errors import CheckpointError, DivergenceError, InputError, shown
from gpt2lab.tasks.base import IGNORE, Task, scored_loss
from gpt2lab.training.checkpoint import (
    FILE,
    check_writable,
    clear_leftovers,
    load_checkpoint,
    read_facts,
    save_checkpoint,
)
from gpt2lab.training.config import PRECISIONS, TrainConfig, check_fit
from gpt2lab.training.device import resolve_device
from gpt2lab.training.distributed import Processes, processes
from gpt2lab.training.history import History
from gpt2lab.training.optimizer import clip_gradients, make_optimizer, set_learning_rate
from gpt2lab.training.resuming import check_same_run, history_from


def train(
    model: nn.Module, task: Task, config: TrainConfig, on_step: Callable[[int, History], object] | None = None
) -> History:
    """Train a model in place.

    Parameters
    ----------
    model : GPT2 or a variant
        Moved to ``config.device``; left in evaluation mode.
    task : Task
    config : TrainConfig
    on_step : function, optional
        Called after every step with (step, history), for live pictures. Returning True stops early.

    Returns
    -------
    History

    Raises
    ------
    ValueError
        For a model that does not fit the task, a batch larger than the data, a device that is not
        there, or a folder that holds a checkpoint when ``resume`` is False.
    CheckpointError
        If a checkpoint cannot be written or read, or belongs to other settings.
    DivergenceError
        If the loss explodes; the last good checkpoint is kept.

    Notes
    -----
    torch's global random generator is seeded from ``config.seed`` and restored afterwards. On the
    CPU a run that is killed and resumed ends with the same weights, bit for bit.
    """
    check_fit(model, task, config)
    group, device = processes(resolve_device(config.device))
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(config.seed + group.rank)  # dropout differs between processes
        return _Run(model.to(device), task, config, group, device).go(on_step)


class _Run:
    """One call of ``train``."""

    def __init__(
        self, model: nn.Module, task: Task, config: TrainConfig, group: Processes, device: torch.device
    ) -> None:
        self.model, self.task, self.config, self.group, self.device = model, task, config, group, device
        self.optimizer = make_optimizer(model, config.learning_rate, config.weight_decay, config.betas)
        self.scaler = torch.amp.GradScaler(device.type, enabled=config.precision == "fp16")
        self.data_rng = torch.Generator().manual_seed(config.seed)
        self.history = History()
        self.saved: Path | None = None
        limit = math.inf if config.diverged_at is None else config.diverged_at
        self.highest_loss = limit * task.chance_loss()
        self.folder = None if config.folder is None else Path(config.folder)
        if self.folder is not None:
            self._open_folder(self.folder)
        compiled = cast(nn.Module, torch.compile(model)) if config.compile else model  # torch's type: a callable
        self.parallel = group.wrap(compiled, device)

    def go(self, on_step: Callable[[int, History], object] | None) -> History:
        config, history = self.config, self.history
        bar = tqdm(
            total=config.steps, initial=history.steps, unit="step", desc=self.task.name,
            disable=not (config.progress and self.group.is_first),
        )  # fmt: skip
        self.model.train()
        try:
            while history.steps < config.steps:
                self._step()
                step = history.steps
                due = self.folder is not None and step % config.checkpoint_every == 0
                if due or config.evaluates_after(step):
                    self._evaluate()
                if self.folder is not None and (due or step == config.steps):
                    self._save(self.folder)
                bar.update()
                bar.set_postfix_str(f"loss {history.loss[-1]:.3f}, {history.tokens_per_second:,.0f} tokens/s", False)
                if on_step is not None and on_step(step, history):
                    break
        finally:
            bar.close()
            self.model.eval()
        return history

    def _step(self) -> None:
        """One update of the weights."""
        config, history, start = self.config, self.history, time.perf_counter()
        rate = config.learning_rate_at(history.steps)
        set_learning_rate(self.optimizer, rate)
        inputs, targets = self.task.batch(config.batch_size, self.data_rng)  # 2 × (batch_size, T)
        n_scored = int((targets != IGNORE).sum())  # in the whole batch, over all parts and processes
        parts = zip(self._parts(inputs), self._parts(targets), strict=True)
        total = torch.zeros((), device=self.device)
        for i, (x, y) in enumerate(parts):
            with self.group.without_averaging(self.parallel, i + 1 < config.accumulation):
                loss = self._loss(x, y) / n_scored
                # The processes' gradients are averaged, but the parts' losses must be added.
                self.scaler.scale(loss * self.group.count).backward()
            total += loss.detach()
        loss_value = float(self.group.sum(total))
        self._stop_if_diverged(history.steps + 1, loss_value)
        self.scaler.unscale_(self.optimizer)  # clipping needs the unscaled gradient (has an effect in fp16 only)
        norm = clip_gradients(self.model, config.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        history.loss.append(loss_value)
        history.learning_rate.append(rate)
        history.grad_norm.append(float(norm))
        history.tokens += inputs.numel()
        history.seconds += time.perf_counter() - start

    def _parts(self, rows: Tensor) -> list[Tensor]:
        mine = self.group.share(rows).to(self.device, non_blocking=True)
        return list(mine.chunk(self.config.accumulation))

    def _loss(self, x: Tensor, y: Tensor) -> Tensor:
        """Sum of the losses of one part, in nats."""
        dtype = PRECISIONS[self.config.precision]
        with torch.autocast(self.device.type, dtype) if dtype else nullcontext():
            logits = self.task.logits(self.parallel, x)  # (rows, T, vocab_size)
            return scored_loss(logits, y, reduction="sum")

    def _evaluate(self) -> None:
        step = self.history.steps
        if self.history.evaluations and self.history.evaluations[-1]["step"] == step:
            return
        scores = self.task.progress(self.model, self.config.eval_sequences)
        self.history.evaluations.append({"step": step, **scores})

    def _stop_if_diverged(self, step: int, loss: float) -> None:
        if math.isfinite(loss) and loss <= self.highest_loss:
            return
        advice = f"try a learning rate below {self.config.learning_rate:g}, a longer warm-up or clipping"
        raise DivergenceError(step, loss, advice, self.saved)

    def _save(self, folder: Path) -> None:
        # Validate before overwriting the last good checkpoint. On training cases, because an overfitted
        # model can have a very high held-out loss without being broken.
        n = min(self.config.eval_sequences, self.task.n_train or self.config.eval_sequences)
        self._stop_if_diverged(self.history.steps, self.task.evaluate(self.model, n, split="train")["loss"])
        facts: dict[str, object] = {
            "step": self.history.steps, "task": self.task.identity,
            "config": {**asdict(self.config), "folder": str(folder)},
            "scaler": self.scaler.state_dict(), "history": asdict(self.history),
        }  # fmt: skip
        self.saved = save_checkpoint(folder, self.model, self.optimizer, self.data_rng, facts, self.group)

    def _open_folder(self, folder: Path) -> None:
        if self.group.is_first:
            check_writable(folder)
            clear_leftovers(folder)
        if not self.config.resume:
            if (folder / FILE).exists():
                raise InputError(
                    f"{folder} holds a checkpoint already: set resume=True to go on, or use another folder"
                )
            return
        facts = read_facts(folder)
        path, scaler = folder / FILE, facts["scaler"]
        check_same_run(path, facts["task"], facts["config"], self.task, self.config)
        load_checkpoint(folder, self.model, self.optimizer, self.data_rng, self.group)
        if not isinstance(scaler, dict):
            raise CheckpointError(f"{path}: its loss scaling is not that of a training run, got {shown(scaler)}")
        if scaler:
            self.scaler.load_state_dict(scaler)
        self.history = history_from(path, facts["history"])
        self.saved = path
