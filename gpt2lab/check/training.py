"""Check for the training loop: which weights it ends with, and in which order it did what."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gpt2lab.check.base import Answer, CheckResult, NotDone, Wrong, agree, as_number, describe
from gpt2lab.check.learner import Learner, examine
from gpt2lab.errors import validates
from gpt2lab.training.optimizer import clip_gradients

VOCAB, WIDTH = 7, 6


@validates
def training_loop(function: Answer) -> CheckResult:
    """``my_loop(model, optimizer, batches)`` -> list of losses, one number per batch; trains ``model`` in place.

    ``model`` maps tokens (B, T) to logits (B, T, vocab_size) and arrives in evaluation mode. ``optimizer``
    holds its parameters. ``batches`` is a list of tokens (B, T). Each batch is one step; its loss is the
    mean cross-entropy of token t + 1 given the tokens up to t, in nats, measured before the step.
    """
    return examine("training_loop", function, "model optimizer batches", _trains, _with_momentum)


@dataclass
class _Log:
    """What a loop did, in order: forward, backward, zero, step."""

    events: list[str] = field(default_factory=list)
    modes: list[bool] = field(default_factory=list)  # of the model at each forward pass, True = training
    seen: list[Tensor] = field(default_factory=list)  # tokens of each forward pass


class _Model(nn.Module):
    """A small model that records how it is used. Training mode sets a feature to 0, so that the mode has an effect."""

    def __init__(self, log: _Log) -> None:
        super().__init__()
        self.log = log
        self.table = nn.Embedding(VOCAB, WIDTH)
        self.head = nn.Linear(WIDTH, VOCAB)

    def forward(self, tokens: Tensor) -> Tensor:
        self.log.events.append("forward")
        self.log.modes.append(self.training)
        self.log.seen.append(tokens.detach().clone())
        kept = torch.ones(WIDTH)
        if self.training:
            kept[0] = 0.0
        x = self.table(tokens).cumsum(1) * kept  # (B, T, WIDTH): each position sees what came before
        logits: Tensor = self.head(x)
        if logits.requires_grad:
            logits.register_hook(self._note_backward)
        return logits

    def _note_backward(self, gradient: Tensor) -> None:
        self.log.events.append("backward")

    def zero_grad(self, set_to_none: bool = True) -> None:
        self.log.events.append("zero")
        super().zero_grad(set_to_none)


class _SGD(torch.optim.SGD):
    """torch's SGD, which records its steps."""

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float, momentum: float, log: _Log) -> None:
        super().__init__(parameters, lr=lr, momentum=momentum)
        self.log = log
        self.register_step_pre_hook(self._note_step)

    def _note_step(self, *_: object) -> None:
        self.log.events.append("step")

    def zero_grad(self, set_to_none: bool = True) -> None:
        self.log.events.append("zero")
        super().zero_grad(set_to_none)


Loss = Callable[[Tensor, Tensor], Tensor]


def _shifted(logits: Tensor, tokens: Tensor) -> Tensor:
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())


_OTHER_LOSSES: dict[str, Loss] = {
    "The loss is not shifted: position t is asked for token t, which it has read. Its target is token t + 1.":
        lambda logits, tokens: F.cross_entropy(logits.flatten(0, 1), tokens.flatten()),
    "Inputs and targets are the same tokens: position t is asked for token t, which it has read. Its target is token t + 1.":
        lambda logits, tokens: F.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, :-1].flatten()),
    "The shift goes the wrong way: position t is asked for token t - 1.":
        lambda logits, tokens: F.cross_entropy(logits[:, 1:].flatten(0, 1), tokens[:, :-1].flatten()),
    "The loss is shifted twice: position t is asked for token t + 2.":
        lambda logits, tokens: F.cross_entropy(logits[:, :-2].flatten(0, 1), tokens[:, 2:].flatten()),
    "The tokens are rolled around: the last position is asked for the first token.":
        lambda logits, tokens: F.cross_entropy(logits.flatten(0, 1), tokens.roll(-1, 1).flatten()),
    "The shift runs along the batch: one text is asked for the tokens of another.":
        lambda logits, tokens: F.cross_entropy(logits[:-1].flatten(0, 1), tokens[1:].flatten()),
    "Softmax is applied before cross_entropy, which takes logits.":
        lambda logits, tokens: _shifted(logits.softmax(-1), tokens),
    "The losses of the tokens are summed. Their mean is wanted: otherwise the step grows with the batch.":
        lambda logits, tokens: _shifted(logits, tokens) * tokens[:, 1:].numel(),
    "Only the last position is scored. Every position but the last one has a target.":
        lambda logits, tokens: F.cross_entropy(logits[:, -2], tokens[:, -1]),
    "The sign is turned: the loss rises from step to step.": lambda logits, tokens: -_shifted(logits, tokens),
}  # fmt: skip


def _trains(learner: Learner) -> None:
    _run(learner, momentum=0.0)


def _with_momentum(learner: Learner) -> None:
    _run(learner, momentum=0.9)


def _run(learner: Learner, momentum: float) -> None:
    log = _Log()
    model = _Model(log).eval()
    start = copy.deepcopy(model.state_dict())
    optimizer = _SGD(model.parameters(), 0.3, momentum, log)
    batches = [torch.randint(VOCAB, (3, 5)) for _ in range(4)]
    with torch.enable_grad():
        result = learner(model, optimizer, batches)
    weights = _flat(model)
    if result is None or (not log.events and not isinstance(result, (list, tuple))):
        raise Wrong("Return the list of losses, one number for each batch.")
    right, losses = _reference(start, batches, momentum, _shifted)
    if not agree(weights, right, 1e-5):
        _diagnose(log, weights, start, batches, momentum)
    _check_losses(result, losses)


def _reference(
    start: dict[str, Tensor], batches: list[Tensor], momentum: float, loss: Loss, limit: float = math.inf
) -> tuple[Tensor, Tensor]:
    """The weights after one step per batch, with gradients clipped to ``limit``, and the losses on the way."""
    model = _Model(_Log())
    model.load_state_dict(start)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=momentum)
    losses = []
    with torch.enable_grad():
        for tokens in batches:
            value = loss(model(tokens), tokens)
            optimizer.zero_grad()
            value.backward()
            clip_gradients(model, limit)
            optimizer.step()
            losses.append(value.detach())
    return _flat(model), torch.stack(losses)


def _flat(model: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def _diagnose(log: _Log, weights: Tensor, start: dict[str, Tensor], batches: list[Tensor], momentum: float) -> None:
    """Say which slip leads to these weights: first by what was done when, then by the weights themselves."""
    events = log.events
    if "forward" not in events:
        raise Wrong("The model is never called. Each batch gives logits, and they give the loss.")
    if "backward" not in events:
        raise Wrong(
            "No gradient is computed: nothing goes backward from the loss, so the weights have nothing to follow."
        )
    if "step" not in events:
        moved = not torch.equal(weights, torch.cat([value.flatten() for value in start.values()]))
        raise Wrong(
            "The weights move, but not by the optimizer that was handed over, which keeps averages from step to step."
            if moved
            else "Gradients are computed, but the optimizer takes no step with them: the weights stay as they were."
        )
    if not all(log.modes):
        raise Wrong(
            "The model is left in evaluation mode, in which it arrives: dropout would be off. Put it into training mode."
        )
    _judge_order(events, weights, start)
    if all(torch.equal(seen, log.seen[0]) for seen in log.seen) and len(log.seen) > 1:
        raise Wrong("Every step reads the same batch. Each step takes the next one.")
    steps = events.count("step")
    if steps != len(batches):
        raise Wrong(f"There are {len(batches)} batches, and the optimizer takes {steps} steps. One batch is one step.")
    whole = torch.stack(batches)
    read = torch.stack(log.seen[: len(batches)])
    if not any(torch.equal(read, tokens) for tokens in (whole, whole[..., :-1])):
        raise Wrong(
            "The model reads other tokens than the batches hold: give it each batch, in order; the last token may go."
        )
    for message, loss in _OTHER_LOSSES.items():
        if agree(weights, _reference(start, batches, momentum, loss)[0], 1e-5):
            raise Wrong(message)
    if any(agree(weights, _reference(start, batches, momentum, _shifted, limit)[0], 1e-5) for limit in (0.5, 1.0)):
        raise Wrong(
            "The gradients are clipped. A good habit for long runs; this loop is to step with them as they are."
        )
    raise Wrong(
        "The weights end elsewhere than those of a plain loop. One batch is one step: the loss of the shifted "
        "tokens, its gradients alone, one step of the optimizer."
    )


def _judge_order(events: list[str], weights: Tensor, start: dict[str, Tensor]) -> None:
    """Object if a step does not follow the backward pass of its own batch, with gradients that were cleared."""
    order = [event for event in events if event != "forward"]
    first = order.index("step")
    if "backward" not in order[:first]:
        raise Wrong(
            "The optimizer steps before the gradients of the batch are computed: each step uses those of the batch "
            "before, and the first uses none."
        )
    for before, after in zip(order, order[1:], strict=False):
        if (before, after) == ("backward", "zero"):
            raise Wrong(
                "The gradients are cleared between their computation and the step: the optimizer finds none, and the "
                "weights stay as they were."
            )
    backwards = [i for i, event in enumerate(order) if event == "backward"]
    if "zero" not in order:
        raise Wrong(
            "The gradients are never cleared: each backward pass adds to those of all batches before. Clear them once "
            "per step."
        )
    for one, two in zip(backwards, backwards[1:], strict=False):
        if "step" not in order[one:two]:
            raise Wrong("Several batches go into one step: their gradients add up. One batch is one step.")
        if "zero" not in order[one:two]:
            raise Wrong(
                "The gradients are cleared once, not at every step: from the second batch on they add to the old ones."
            )


def _check_losses(result: object, right: Tensor) -> None:
    if isinstance(result, Tensor) and result.shape == right.shape:
        result = list(result)
    if not isinstance(result, (list, tuple)):
        raise Wrong(
            f"The model is trained well. Return the list of losses, one number for each batch; got {describe(result)}."
        )
    if any(loss is ... for loss in result):
        raise NotDone
    if len(result) != len(right):
        raise Wrong(
            f"The model is trained well. There are {len(right)} batches, so {len(right)} losses; got {len(result)}."
        )
    if any(isinstance(loss, Tensor) and loss.requires_grad for loss in result):
        raise Wrong(
            "The model is trained well. The list keeps each loss with its whole graph, so memory grows from step to "
            "step. Keep plain numbers: .item()."
        )
    losses = torch.tensor([as_number(loss, "one number for each batch") for loss in result])
    if agree(losses, right.exp()):
        raise Wrong("The model is trained well. These are perplexities; return the losses, in nats.")
    if agree(losses, right.cumsum(0) / torch.arange(1, len(right) + 1)):
        raise Wrong(
            "The model is trained well. These are averages over the batches so far; return each batch's own loss."
        )
    if not agree(losses, right):
        raise Wrong(
            "The model is trained well, the losses are not those of its batches, each measured before its step."
        )
