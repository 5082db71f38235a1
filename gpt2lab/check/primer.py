"""Checks for the primer: cosines with every row of a table, a gradient by nudging, a run of descent."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gpt2lab.check.base import Answer, CheckResult, Wrong, agree, as_tensor, judge
from gpt2lab.check.learner import Learner, examine, explained
from gpt2lab.errors import validates

_OWN = "This exercise is the cosine itself: write it with products, sums and roots."


@validates
def cosines(function: Answer) -> CheckResult:
    """``my_cosines(table, x)`` -> (n,), the cosine of ``x`` with each row of ``table``."""
    return examine("cosines", function, "table x", _cosines, _cosines_sizes)


def _cosines(learner: Learner) -> None:
    learner.forbidden = dict.fromkeys(("cosine_similarity", "CosineSimilarity", "normalize"), _OWN)
    table, x = torch.randn(6, 4) * torch.arange(1.0, 7)[:, None], 3 * torch.randn(4)
    dots, lengths, length = table @ x, table.norm(dim=1), x.norm()
    judge(
        learner.tensor(table, x, shape=(6,), why="There is one cosine for each row of the table."),
        dots / (lengths * length),
        {
            "These are the dot products. A cosine does not grow with the lengths: divide by both.": dots,
            "Divided by the length of x only. Long rows still get large numbers.": dots / length,
            "Divided by the lengths of the rows only. A long x still makes every number large.": dots / lengths,
            "Divided by the squared lengths: the roots are missing.": dots / (lengths * length).square(),
            "Divided by the squared length of x: its root is missing.": dots / (lengths * length**2),
            "Divided by the squared lengths of the rows: their roots are missing.": dots / (lengths**2 * length),
            "The length is taken of the whole table. Each row has its own: sum over the last axis only.": dots
            / (table.norm() * length),
            "The lengths are sums of the numbers, and those can cancel. Sum the squares, then take the root.": dots
            / (table.sum(1) * x.sum()),
            "The lengths are sums without signs. A length is the root of the sum of the squares.": dots
            / (table.abs().sum(1) * x.abs().sum()),
            "The lengths are added. Divide by one and by the other.": dots / (lengths + length),
            "Multiplied by the lengths. Divide.": dots * lengths * length,
            "`a / b * c` divides by b alone and multiplies by c. Put what divides into one pair of brackets.": dots
            / lengths
            * length,
            "`a / b * c` divides by b alone and multiplies by c: the lengths of the rows are multiplied.": dots
            / length
            * lengths,
            "The root is taken of the mean of the squares. A length sums them.": dots / (lengths * length) * 4,
            "The signs are lost. Two vectors can point in opposite directions.": (dots / (lengths * length)).abs(),
        },
        "Not right: a row compared with itself gives 1, with its negative -1, with one at a right angle 0.",
    )


def _cosines_sizes(learner: Learner) -> None:
    for n, width in ((4, 4), (1, 7), (9, 2)):
        table, x = torch.randn(n, width), torch.randn(width)
        right = torch.nn.functional.cosine_similarity(table, x[None], dim=-1)
        judge(
            learner.tensor(table, x, shape=(n,)),
            right,
            {},
            f"Not right for a table {(n, width)}: the sums must run over the numbers *within* a row.",
        )


@validates
def nudge(function: Answer) -> CheckResult:
    """``my_nudge(loss, w, size)`` -> gradient of ``loss`` at ``w``, one nudge of ``size`` for each weight."""
    return examine("nudge", function, "loss w size", _nudge, _nudge_lengths)


def _curve(w: Tensor) -> Tensor:
    """A loss whose slope differs from weight to weight, and depends on all of them."""
    a = torch.arange(1.0, len(w) + 1, dtype=w.dtype)
    return (a * w**2).sum() + w.prod() + 5


def _slopes(w: Tensor) -> Tensor:
    with torch.enable_grad():
        at = w.detach().clone().requires_grad_()
        return torch.autograd.grad(_curve(at), at)[0]


def _by_nudging(w: Tensor, size: float, after: float = 1.0, before: float = 0.0) -> Tensor:
    """(loss(w + after) − loss(w − before)) / size for each weight."""
    nudges = size * torch.eye(len(w), dtype=w.dtype)
    return torch.stack([_curve(w + after * n) - _curve(w - before * n) for n in nudges]) / size


def _nudge(learner: Learner) -> None:
    learner.forbidden = dict.fromkeys(
        ("backward", "grad", "jacobian", "requires_grad_"),
        "This exercise is the nudging: no autograd in it.",
    )
    learner.may_change = frozenset({"w"})  # who nudges in place and takes it back may miss by a rounding error
    w, size = torch.tensor([0.5, -1.5, 2.0], dtype=torch.float64), 1e-4
    right = _by_nudging(w, size)
    steps = size * torch.eye(3, dtype=w.dtype)
    heap = [_curve(w + steps[: i + 1].sum(0)) for i in range(3)]  # nudges that are never taken back
    out = _gradient(learner, w, size)
    if not out.any():
        raise Wrong(
            "Every slope is 0: both losses were measured at the same weights. `moved = w` makes no copy, only a second "
            "name for the same tensor. Nudge a copy."
        )
    if agree(out, _by_nudging(w, size, 0.5, 0.5), 1e-6) or agree(out, _by_nudging(w, size, 0.0, 1.0), 1e-6):
        out = right  # half a nudge to each side, or one to the other side: as good
    judge(
        out,
        right,
        {
            "The change of the loss is right. The slope is the change *per* nudge: divide by its size.": right * size,
            "These are the losses after the nudges. The slope needs what changed: subtract the loss at w.":
                torch.stack([_curve(w + n) for n in steps]),
            "Multiplied by the size of the nudge. Divide.": right * size**2,
            "The sign is turned: a slope is the loss after the nudge minus the loss before.": -right,
            "All weights are nudged together, so every slope is their sum. Nudge one at a time.":
                ((_curve(w + size) - _curve(w)) / size).expand(3),
            "The nudges pile up: put each weight back before you nudge the next.":
                torch.stack([(h - _curve(w)) / size for h in heap]),
            "There are two nudges between the two losses, one to each side. Divide by both.": 2 * _slopes(w),
            "Each slope is also divided by the number of weights.": right / 3,
            "The weight is replaced by the nudge, or multiplied by it. Add the nudge.":
                torch.stack([_curve(torch.where(n > 0, size, w)) - _curve(w) for n in steps]) / size,
        },
        "Not right: entry i is how much the loss changes when weight i alone is nudged, divided by the size of the nudge.",
        tolerance=1e-3,
    )  # fmt: skip


def _nudge_lengths(learner: Learner) -> None:
    for n in (1, 5):
        w = torch.linspace(-1, 2, n, dtype=torch.float64)
        judge(_gradient(learner, w, 1e-5), _slopes(w), {}, f"Not right for {n} weight{'s' * (n > 1)}.", tolerance=1e-2)
    w = torch.tensor([0.5, -1.5], dtype=torch.float64)
    steep = _gradient(learner, w, 1e-3, lambda w: 3 * w[0] - w[1])
    judge(steep, torch.tensor([3.0, -1.0], dtype=w.dtype), {}, "Not right for another loss.", tolerance=1e-3)
    if agree(_gradient(learner, w, 1.0), _slopes(w), 1e-9):
        return  # one nudge to each side is exact here
    stay = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]], dtype=w.dtype)  # nudges that are never taken back
    if agree(_gradient(learner, w, 1.0), torch.stack([_curve(w + n) for n in stay]).diff(), 1e-6):
        raise Wrong(
            "A weight stays nudged while the next one has its turn, so that each slope belongs to another place. "
            "Put it back, or nudge a fresh copy."
        )
    coarse = [_by_nudging(w, 1.0), _by_nudging(w, 1.0, 0.0, 1.0), _by_nudging(w, 1.0, 0.5, 0.5)]
    if not any(agree(_gradient(learner, w, 1.0), slope, 1e-6) for slope in coarse):
        raise Wrong("`size` is ignored: a large nudge must give the coarse slope that belongs to it.")


def _gradient(learner: Learner, w: Tensor, size: float, loss: Callable[[Tensor], Tensor] = _curve) -> Tensor:
    with explained(
        {
            "0-d tensor": "`loss` is a function of all the weights at once, and was given one number. Nudge one, hand over all."
        }
    ):
        out = learner(loss, w, size)
    if isinstance(out, (list, tuple)) and len(out) == len(w):
        raise Wrong(f"{learner.name} must return a tensor: torch.tensor(your list) makes one.")
    return as_tensor(out, learner.name, tuple(w.shape), "There is one slope for each weight.").detach()


# What torch says about a run of descent, and what it means there.
_STOPS = {
    "does not require grad": "the backward pass finds no notes. Was the loss computed under no_grad? Or does "
    "`w = w - …` make a new tensor there, of which torch takes none? Change w itself: `w -= …`.",
    "'NoneType'": "`.grad` is empty when the step needs it. Was it emptied too early? Or is w a new tensor since "
    "`w = w - …`? Torch fills it for the one that was told `requires_grad`.",
    "in-place operation": "the step is no part of the loss, and torch shall take no notes of it. The step of section 5 "
    "stands in a `with` that says so.",
    "backward through the graph a second time": "the notes of a loss serve one backward pass. The weights have moved "
    "anyway: compute the loss anew in every round.",
    "'function' object has no attribute 'backward'": "`loss` is the function. Its value at w, `loss(w)`, has a "
    "backward pass.",
}


@validates
def descend(function: Answer) -> CheckResult:
    """``my_descent(loss, w, learning_rate, steps)`` -> the weights after so many steps of descent."""
    return examine("descend", function, "loss w learning_rate steps", _descend_once, _descend_long, _descend_rest)


def _path(w: Tensor, rate: float, steps: int, piling: bool = False) -> Tensor:
    heap = torch.zeros_like(w)
    for _ in range(steps):
        heap = _slopes(w) + (heap if piling else 0)
        w = w - rate * heap
    return w


def _descend_once(learner: Learner) -> None:
    w, rate = torch.tensor([0.5, -1.5, 2.0]), 0.02
    slopes = _slopes(w)
    judge(
        _weights(learner, w, rate, 1),
        w - rate * slopes,
        {
            "It climbs: the step is added. The gradient points uphill.": w + rate * slopes,
            "The learning rate is missing: the whole gradient is subtracted.": w - slopes,
            "The weights have not moved.": w,
            "This is the gradient. Return the weights.": slopes,
            "This is the step. Return the weights after it.": rate * slopes,
            "Only the sign of the gradient is used. A steep slope makes a long step.": w - rate * slopes.sign(),
            "The gradient is divided by the learning rate. Multiply.": w - slopes / rate,
            "It takes one step too many.": _path(w, rate, 2),
        },
        "After one step it is not where descent leads: subtract the learning rate times the gradient.",
    )


def _descend_long(learner: Learner) -> None:
    w, rate, steps = torch.tensor([0.5, -1.5, 2.0]), 0.02, 6
    judge(
        _weights(learner, w, rate, steps),
        _path(w, rate, steps),
        {
            "The gradients pile up: .grad is never emptied, so each step adds to all steps before.":
                _path(w, rate, steps, piling=True),
            "The gradient is measured once, at the start, and used for every step. Measure it anew: the slope has changed.":
                w - steps * rate * _slopes(w),
            "`steps` is ignored: it takes one step.": _path(w, rate, 1),
            "It takes one step too few.": _path(w, rate, steps - 1),
            "It takes one step too many.": _path(w, rate, steps + 1),
        },
        "The first step is right, the run is not: every step starts where the last one ended.",
    )  # fmt: skip


def _descend_rest(learner: Learner) -> None:
    w = torch.tensor([1.0, -1.0])
    judge(_weights(learner, w, 0.1, 0), w, {}, "With no steps the weights stay as they are.")
    with explained(_STOPS):
        out = learner(lambda w: 3 * w[0] - w[1], w, 0.5, 2)
    moved = as_tensor(out, learner.name, (2,), "Return the weights; their shape stays.").detach()
    judge(moved, torch.tensor([-2.0, 0.0]), {}, "Not right for another loss.")
    out = _run(learner, w, 0.05, 30)
    if isinstance(out, Tensor) and out.grad_fn is not None:
        raise Wrong(
            "The numbers are right, but the result still remembers every step it came from: with many steps the "
            "memory would fill. Change the weights where nothing is remembered."
        )
    judge(_weights(learner, w, 0.05, 30), _path(w, 0.05, 30), {}, "With thirty steps it has left the path.")


def _weights(learner: Learner, w: Tensor, rate: float, steps: int) -> Tensor:
    out = _run(learner, w, rate, steps)
    return as_tensor(out, learner.name, tuple(w.shape), "Return the weights; their shape stays.").detach()


def _run(learner: Learner, w: Tensor, rate: float, steps: int) -> object:
    with explained(_STOPS):
        return learner(_curve, w, rate, steps)
