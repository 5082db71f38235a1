"""Checks for the optimiser: the learning rate, clipping, one step of AdamW."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gpt2lab.check.base import Answer, CheckResult, Wrong, agree, as_number, as_tensors, judge
from gpt2lab.check.learner import Learner, examine
from gpt2lab.errors import validates
from gpt2lab.training.optimizer import learning_rate_at

ADAM = "theta gradient m v t lr betas eps decay"


@validates
def learning_rate(function: Answer) -> CheckResult:
    """``my_rate(step, steps, peak, warmup)`` -> number: a straight rise to ``peak``, then half a cosine to 0."""
    return examine("learning_rate", function, "step steps peak warmup", _schedule, _another, _no_warmup)


def _schedule(learner: Learner) -> None:
    steps, peak, warmup = 100, 0.006, 20
    x = torch.arange(steps, dtype=torch.float64)
    after = (x - warmup) / (steps - warmup)
    rise = torch.minimum((x + 1) / warmup, torch.ones(()))

    def falls(curve: Tensor) -> Tensor:
        return peak * torch.where(x < warmup, rise, curve)

    half = 0.5 * (1 + (math.pi * after).cos())
    right = torch.tensor(
        [learning_rate_at(i, steps, peak, warmup, floor=0.0) for i in range(steps)], dtype=torch.float64
    )
    rates = torch.stack([_number(learner, i, steps, peak, warmup) for i in range(steps)])
    if not agree(rates, right, 1e-6):
        _name_the_fall(rates, warmup)
    judge(
        rates,
        right,
        {
            "The rise is right, the fall is missing: after the warm-up the rate stays.": falls(torch.ones(steps)),
            "After the warm-up it falls in a straight line. Use half a cosine.": falls(1 - after),
            "The cosine counts from step 0, so the rate jumps when the warm-up ends. Count from the end of the warm-up.":
                falls(0.5 * (1 + (math.pi * x / steps).cos())),
            "The cosine goes all the way round: the rate comes back up. Half a turn is π, not 2π.":
                falls(0.5 * (1 + (2 * math.pi * after).cos())),
            "The cosine swings below 0. Shift and halve it.": falls((math.pi * after).cos()),
            "Step 0 has the rate 0 and teaches nothing. The rise begins at peak / warmup.":
                peak * torch.where(x < warmup, x / warmup, half),
            "The fall is one step ahead: the first step after the warm-up should still have peak.":
                falls(0.5 * (1 + (math.pi * (x + 1 - warmup) / (steps - warmup)).cos())),
            "The fall is one step short: it reaches 0 at the last step. Steps count from 0, and 0 would come at step "
            "number `steps`, after the last.": falls(0.5 * (1 + (math.pi * (x - warmup) / (steps - warmup - 1)).cos())),
            "The fall is one step too long.": falls(0.5 * (1 + (math.pi * (x - warmup) / (steps - warmup + 1)).cos())),
            "The fall takes `steps` steps and does not arrive: the warm-up has used some of them.":
                falls(0.5 * (1 + (math.pi * (x - warmup) / steps).cos())),
            "The rise is one step too long: it passes peak. Steps count from 0, so the warm-up is over at step "
            "number `warmup`.": peak * torch.where(x <= warmup, (x + 1) / warmup, half),
            "The rise ends one step short of peak: its last step, number warmup - 1, has peak.":
                peak * torch.where(x < warmup, (x + 1) / (warmup + 1), half),
            "There is no warm-up: step 0 has the highest rate.": peak * 0.5 * (1 + (math.pi * x / steps).cos()),
            "The highest rate is 1. Multiply by peak.": right / peak,
            "It ends at a tenth of peak, as `learning_rate_at` does by default. Here it falls to 0.":
                falls(0.1 + 0.9 * half),
        },
        "Not right. The first steps rise in equal steps, the last of them to peak; then half a cosine falls from peak to 0 over the steps that are left.",
        tolerance=1e-6,
    )  # fmt: skip


def _name_the_fall(rates: Tensor, warmup: int) -> None:
    """Recognise other schedules by their form, whatever numbers they have."""
    fall = rates[warmup:]
    if len(rates.unique()) == 1:
        raise Wrong("The rate is the same at every step. It rises, then falls.")
    if 2 <= len(fall.unique()) <= 12:
        raise Wrong("After the warm-up the rate falls in stairs. Use half a cosine, which changes at every step.")
    shrinks, roots = fall[1:] / fall[:-1], fall * torch.arange(warmup + 1, len(rates) + 1).sqrt()
    if float(shrinks.max()) < 1 and agree(shrinks, shrinks[:1].expand_as(shrinks), 1e-6):
        raise Wrong(
            "After the warm-up the rate falls by the same factor at each step, and never arrives. Use half a cosine."
        )
    if agree(roots, roots[:1].expand_as(roots), 1e-6):
        raise Wrong(
            "After the warm-up the rate falls like one over the root of the step, as in 2017. Use half a cosine."
        )


def _another(learner: Learner) -> None:
    steps, peak, warmup = 12, 2.0, 3

    def rates(steps: int, peak: float, warmup: int) -> Tensor:
        return torch.tensor(
            [learning_rate_at(i, steps, peak, warmup, floor=0.0) for i in range(12)], dtype=torch.float64
        )

    judge(
        torch.stack([_number(learner, i, steps, peak, warmup) for i in range(steps)]),
        rates(steps, peak, warmup),
        {
            "100 steps are fixed in your function. How many there are, `steps` says.": rates(100, peak, warmup),
            "A warm-up of 20 steps is fixed in your function. How long it is, `warmup` says.":
                peak * (torch.arange(1.0, 13, dtype=torch.float64) / 20),
            "0.006 is fixed in your function. How high the rate rises, `peak` says.": rates(steps, 0.006, warmup),
        },
        "Right for 100 steps, not for 12 with a warm-up of 3: is a number fixed in your function?",
        tolerance=1e-6,
    )  # fmt: skip


def _no_warmup(learner: Learner) -> None:
    judge(
        _number(learner, 0, 10, 1.0, 0), torch.tensor(1.0), {}, "With warmup = 0 the first step has the highest rate."
    )


@validates
def clip(function: Answer) -> CheckResult:
    """``my_clip(gradients, limit)`` -> list of tensors, shortened together if their common norm exceeds ``limit``."""
    return examine("clip", function, "gradients limit", _clip_large, _clip_small)


def _clip_large(learner: Learner) -> None:
    ready = "This exercise is the clipping itself: write it without torch's own function for it."
    learner.forbidden = dict.fromkeys(("clip_grad_norm_", "clip_grads_with_norm_", "get_total_norm"), ready)
    gradients = [torch.tensor([[0.3, -1.2], [0.6, 0.2]]), torch.tensor([0.8, -0.1]), torch.tensor([3.0, -4.0])]
    every = _flat(gradients)
    norms = [g.norm() for g in gradients]
    judge(
        _clipped(learner, gradients, 1.0),
        every / every.norm(),
        {
            "Each tensor is clipped by its own norm, which turns the direction. Use one norm over all of them.":
                _flat([g * (1 / n).clamp(max=1) for g, n in zip(gradients, norms, strict=True)]),
            "Each number is cut on its own (that is clip_grad_value_). Clip by the norm, so that the direction stays.":
                every.clamp(-1, 1),
            "The norms of the tensors are added. Add the squares, then take the root.": every / torch.stack(norms).sum(),
            "The largest norm of a tensor decides. One norm is taken over all numbers: add the squares of all.": every
            / torch.stack(norms).max(),
            "The mean of the tensors' norms decides. One norm is taken over all numbers.": every / torch.stack(norms).mean(),
            "The largest number decides. The norm is the root of the sum of all squares.": every / every.abs().max(),
            "The numbers are added without signs. The norm is the root of the sum of the squares.": every / every.abs().sum(),
            "Long gradients are set to 0: then nothing is learned from them. Shorten them.": 0 * every,
            "The factor is used twice: divide by the norm once.": every / every.norm() ** 2 * 1.0 / every.norm(),
            "Divided by the norm squared: the root is missing.": every / every.norm() ** 2,
            "The root is taken of the mean of the squares. A norm sums them.": every / every.square().mean().sqrt(),
            "Nothing is clipped.": every,
        },
        "Not right: one number multiplies all gradients, so that their common norm becomes the limit.",
    )  # fmt: skip
    judge(_clipped(learner, gradients, 2.0), 2 * every / every.norm(), {"`limit` is ignored.": every / every.norm()},
          "With limit 2 the common norm is 2 afterwards.")  # fmt: skip


def _clip_small(learner: Learner) -> None:
    gradients = [torch.tensor([1e-3, 2e-3]), torch.tensor([-1e-3])]
    every = _flat(gradients)
    judge(
        _clipped(learner, gradients, 1.0),
        every,
        {
            "Small gradients are lifted to the limit. Clipping only shortens: the factor is at most 1.": every
            / every.norm()
        },
        "Gradients within the limit stay as they are.",
        tolerance=1e-6,
    )
    if not agree(_clipped(learner, [torch.zeros(2)], 1.0), torch.zeros(2)):
        raise Wrong("Gradients of zero give no number: 0 / 0. Mind the case that the norm is 0.")


@validates
def adamw(function: Answer) -> CheckResult:
    """``my_adamw(theta, gradient, m, v, t, lr, betas, eps, decay)`` -> (theta, m, v) after step t = 1, 2, …"""
    return examine("adamw", function, ADAM, _adamw_averages, _adamw_weights, _adamw_path)


def _step(
    theta: Tensor,
    g: Tensor,
    m: Tensor,
    v: Tensor,
    t: int,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    decay: float,
) -> tuple[Tensor, Tensor, Tensor]:
    m = betas[0] * m + (1 - betas[0]) * g
    v = betas[1] * v + (1 - betas[1]) * g**2
    m_hat, v_hat = m / (1 - betas[0] ** t), v / (1 - betas[1] ** t)
    return theta - lr * (m_hat / (v_hat.sqrt() + eps) + decay * theta), m, v


def _example() -> tuple[Tensor, ...]:
    return (
        torch.tensor([1.0, -2.0, 0.5]),
        torch.tensor([0.3, -0.1, 2.0]),
        torch.tensor([0.1, 0.2, -0.4]),
        torch.tensor([0.2, 0.1, 0.9]),
    )


def _adamw_averages(learner: Learner) -> None:
    theta, g, m, v = _example()
    right_m, right_v = 0.9 * m + 0.1 * g, 0.95 * v + 0.05 * g**2
    new_theta, own_m, own_v = _three(learner, theta, g, m, v, 3, 0.1, (0.9, 0.95), 1e-8, 0.1)
    if agree(new_theta, right_m) or agree(new_theta, right_v):
        raise Wrong("First come the averages. Return theta, m, v, in this order.")
    judge(own_m, right_m, {
        "m is returned with its bias correction. Correct a copy: the next step needs the plain average.":
            (0.9 * m + 0.1 * g) / (1 - 0.9**3),
        "Second comes v. Return theta, m, v, in this order.": 0.95 * v + 0.05 * g**2,
        "m uses betas[1]. Its memory is betas[0], that of v is betas[1].": 0.95 * m + 0.05 * g,
        "In m the two shares are exchanged: the old average keeps betas[0], the gradient gets the rest.": 0.1 * m + 0.9 * g,
        "In m the gradient is added whole. It gets the share that the old average leaves.": 0.9 * m + g,
        "m has not moved.": m,
        "In m the decay is mixed into the gradient: that is Adam with L2, not AdamW.": 0.9 * m + 0.1 * (g + 0.1 * theta),
    }, "m is not right: it keeps the share betas[0] of what it was, and the gradient gets the rest.")  # fmt: skip
    judge(own_v, right_v, {
        "v is returned with its bias correction. Correct a copy.": (0.95 * v + 0.05 * g**2) / (1 - 0.95**3),
        "v averages the gradient. It averages the *square* of the gradient.": 0.95 * v + 0.05 * g,
        "v uses betas[0]. It has a memory of its own: betas[1].": 0.9 * v + 0.1 * g**2,
        "v has not moved.": v,
    }, "v is not right: it keeps the share betas[1] of what it was, and the squared gradient gets the rest.")  # fmt: skip


def _adamw_weights(learner: Learner) -> None:
    theta, g, m0, v0 = _example()
    lr, betas, eps, decay, t = 0.1, (0.9, 0.95), 0.1, 0.2, 3
    new, m, v = _step(theta, g, m0, v0, t, lr, betas, eps, decay)
    m_hat, v_hat = m / (1 - betas[0] ** t), v / (1 - betas[1] ** t)
    step = m_hat / (v_hat.sqrt() + eps)
    judge(_three(learner, theta, g, m0, v0, t, lr, betas, eps, decay)[0], new, {
        "The bias correction is missing: early averages are too small.": theta - lr * (m / (v.sqrt() + eps) + decay * theta),
        "The corrections are a step ahead: t counts from 1 already.":
            theta - lr * (m / (1 - betas[0] ** (t + 1)) / ((v / (1 - betas[1] ** (t + 1))).sqrt() + eps) + decay * theta),
        "The corrections are a step late: t counts from 1.":
            theta - lr * (m / (1 - betas[0] ** (t - 1)) / ((v / (1 - betas[1] ** (t - 1))).sqrt() + eps) + decay * theta),
        "Only m is corrected for its start. v begins at 0 as well.":
            theta - lr * (m_hat / (v.sqrt() + eps) + decay * theta),
        "Only v is corrected for its start. m begins at 0 as well.":
            theta - lr * (m / (v_hat.sqrt() + eps) + decay * theta),
        "This is plain descent: the gradient times lr. Both averages make the step.": theta - lr * g,
        "The step is m alone. It is divided by the root of v.": theta - lr * (m_hat + decay * theta),
        "theta has not moved.": theta,
        "The learning rate is not used.": theta - (step + decay * theta),
        "eps stands inside the root. It is added to the root.": theta - lr * (m_hat / (v_hat + eps).sqrt() + decay * theta),
        "The root of v is missing.": theta - lr * (m_hat / (v_hat + eps) + decay * theta),
        "The weight decay is missing.": theta - lr * step,
        "The decay is not multiplied by the learning rate.": theta - lr * step - decay * theta,
        "The decay pulls on the new weights. Both parts of the step are taken from the old ones.": (theta - lr * step) * (1 - lr * decay),
        "The decay has the wrong sign: weights grow.": theta - lr * (step - decay * theta),
        "It climbs: the step is added. Subtract it.": theta + lr * (step - decay * theta),
        "m is not used: the gradient itself is divided.": theta - lr * (g / (v_hat.sqrt() + eps) + decay * theta),
    }, "theta is not right. Both averages are corrected for their start; the step is one over the root of the other, and the decay pulls on theta beside it, at the same learning rate.")  # fmt: skip


def _adamw_path(learner: Learner) -> None:
    """Twenty steps beside torch's own."""
    weight = torch.nn.Parameter(torch.tensor([1.0, -1.0]))
    optimizer = torch.optim.AdamW([weight], lr=0.05, betas=(0.8, 0.9), eps=1e-8, weight_decay=0.1)
    theta, m, v = weight.detach().clone(), torch.zeros(2), torch.zeros(2)
    for t in range(1, 21):
        gradient = torch.randn(2)
        weight.grad = gradient.clone()
        optimizer.step()
        theta, m, v = _three(learner, theta, gradient, m, v, t, 0.05, (0.8, 0.9), 1e-8, 0.1)
    judge(theta, weight.detach(), {}, "After twenty steps it has left the path of torch.optim.AdamW.")


def _number(learner: Learner, *arguments: object) -> Tensor:
    return torch.tensor(as_number(learner(*arguments), "one number"), dtype=torch.float64)


def _clipped(learner: Learner, gradients: list[Tensor], limit: float) -> Tensor:
    learner.may_change = frozenset({"gradients"})  # as torch.nn.utils.clip_grad_norm_ does
    out = learner([g.clone() for g in gradients], limit)
    if not isinstance(out, (list, tuple)) or len(out) != len(gradients) or not all(isinstance(g, Tensor) for g in out):
        raise Wrong(f"{learner.name} must return a list with one tensor for each of the {len(gradients)} gradients.")
    if [g.shape for g in out] != [g.shape for g in gradients]:
        raise Wrong("The shapes of the gradients have changed.")
    return _flat(list(out))


def _flat(tensors: list[Tensor]) -> Tensor:
    return torch.cat([t.detach().flatten() for t in tensors])


def _three(learner: Learner, *arguments: object) -> tuple[Tensor, Tensor, Tensor]:
    out = learner(*arguments)
    theta, m, v = as_tensors(out, learner.name, ("theta", "m", "v"))
    return theta.detach(), m.detach(), v.detach()
