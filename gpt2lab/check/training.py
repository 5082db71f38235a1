"""Checks for training: loss, first loss and perplexity, the learning rate, clipping, one step of AdamW."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from gpt2lab.check.base import Answer, CheckResult, Wrong, agree, as_number, judge
from gpt2lab.check.learner import Learner, examine
from gpt2lab.errors import validates
from gpt2lab.training.optimizer import learning_rate_at

ADAM = "theta gradient m v t lr betas eps decay"


@validates
def perplexity(function: Answer) -> CheckResult:
    """``my_perplexity(losses)`` -> number: the perplexity of a text from the loss of each token, in nats."""
    return examine("perplexity", function, "losses", _perplexity)


def _perplexity(learner: Learner) -> None:
    losses = torch.tensor([0.5, 3.0, 1.0, 6.0])
    mean = losses.mean()
    judge(
        _number(learner, losses),
        mean.exp(),
        {
            "exp comes before the mean, so that one hard token decides. Average the losses first.": losses.exp().mean(),
            "The losses are in nats: take e to that power, not 2.": 2**mean,
            "This is the loss itself. Take exp of it.": mean,
            "The losses are summed: this is one over the probability of the whole text. Average.": losses.sum().exp(),
            "The sign is turned: this is the mean probability (geometric), 1 / perplexity.": (-mean).exp(),
        },
        "Not right: average the losses, then go from nats to a number of tokens.",
    )
    uniform = torch.full((3,), math.log(50257.0))
    judge(
        _number(learner, uniform),
        torch.tensor(50257.0),
        {},
        "A model that guesses hesitates between all 50,257 tokens.",
    )


@validates
def learning_rate(function: Answer) -> CheckResult:
    """``my_rate(step, steps, peak, warmup)`` -> number: a straight rise to ``peak``, then half a cosine to 0."""
    return examine("learning_rate", function, "step steps peak warmup", _schedule, _no_warmup)


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
    judge(
        torch.stack([_number(learner, i, steps, peak, warmup) for i in range(steps)]),
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
            "There is no warm-up: step 0 has the highest rate.": peak * 0.5 * (1 + (math.pi * x / steps).cos()),
            "The highest rate is 1. Multiply by peak.": right / peak,
        },
        "Not right. The first steps rise in equal steps, the last of them to peak; then half a cosine falls from peak to 0 over the steps that are left.",
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
    gradients = [torch.tensor([[0.3, -1.2], [0.6, 0.2]]), torch.tensor([0.8, -0.1]), torch.tensor([5.0])]
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
            "Divided by the norm squared: the root is missing.": every / every.norm() ** 2,
            "The root is taken of the mean of the squares. A norm sums them.": every / every.square().mean().sqrt(),
            "Nothing is clipped.": every,
        },
        "All gradients times limit / norm, where norm is the root of the sum of all squares.",
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
    _, own_m, own_v = _three(learner, theta, g, m, v, 3, 0.1, (0.9, 0.95), 1e-8, 0.1)
    judge(own_m, 0.9 * m + 0.1 * g, {
        "m is returned with its bias correction. Correct a copy: the next step needs the plain average.":
            (0.9 * m + 0.1 * g) / (1 - 0.9**3),
        "In m the two shares are exchanged: the old average keeps betas[0], the gradient gets the rest.": 0.1 * m + 0.9 * g,
        "In m the gradient is added whole. It gets the share 1 - betas[0].": 0.9 * m + g,
        "m has not moved.": m,
        "In m the decay is mixed into the gradient: that is Adam with L2, not AdamW.": 0.9 * m + 0.1 * (g + 0.1 * theta),
    }, "m is not right: it keeps the share betas[0] of what it was, and the gradient gets the rest.")  # fmt: skip
    judge(own_v, 0.95 * v + 0.05 * g**2, {
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
        "eps stands inside the root. It is added to the root.": theta - lr * (m_hat / (v_hat + eps).sqrt() + decay * theta),
        "The root of v is missing.": theta - lr * (m_hat / (v_hat + eps) + decay * theta),
        "The weight decay is missing.": theta - lr * step,
        "The decay is not multiplied by the learning rate.": theta - lr * step - decay * theta,
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
    if not isinstance(out, (list, tuple)) or len(out) != 3 or not all(isinstance(x, Tensor) for x in out):
        raise Wrong(f"{learner.name} must return three tensors: theta, m, v.")
    return out[0].detach(), out[1].detach(), out[2].detach()


@validates
def next_token_loss(function: Answer) -> CheckResult:
    """``my_loss(logits, tokens)`` -> mean cross-entropy in nats of predicting token t + 1 at position t."""
    return examine("next_token_loss", function, "logits tokens", _loss, _loss_when_sizes_agree, _loss_extremes)


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def _loss(learner: Learner) -> None:
    logits, tokens = torch.randn(2, 6, 9), torch.randint(9, (2, 6))
    right = _cross_entropy(logits[:, :-1], tokens[:, 1:])
    out = learner.tensor(logits, tokens)
    if out.numel() == 10:
        raise Wrong("There is one loss per token. Return their mean.")
    judge(
        learner.tensor(logits, tokens, shape=(), why="The loss is one number."),
        right,
        {
            "Nothing is shifted: position t is asked for token t, which it can see. The target of position t is token t + 1.": _cross_entropy(
                logits, tokens
            ),
            "The shift goes the wrong way: position t is asked for token t - 1.": _cross_entropy(
                logits[:, 1:], tokens[:, :-1]
            ),
            "It is shifted twice: position t is asked for token t + 2.": _cross_entropy(logits[:, :-2], tokens[:, 2:]),
            "The tokens are rolled around: the last position is asked for the first token, which is no continuation.": _cross_entropy(
                logits, tokens.roll(-1, 1)
            ),
            "The softmax is applied twice: cross_entropy takes logits, not probabilities.": _cross_entropy(
                logits[:, :-1].softmax(-1), tokens[:, 1:]
            ),
            "The losses are summed. Return their mean.": right * 10,
            "The sign is wrong: the loss is *minus* the log-probability.": -right,
            "This is in bits. Use the natural logarithm: nats.": right / math.log(2),
            "This is the perplexity, exp(loss).": right.exp(),
        },
        "The mean of -log p(token t + 1 | tokens up to t).",
    )


def _loss_when_sizes_agree(learner: Learner) -> None:
    logits, tokens = torch.randn(1, 8, 7), torch.randint(7, (1, 8))
    right = _cross_entropy(logits[:, :-1], tokens[:, 1:])
    judge(
        learner.tensor(logits, tokens, shape=()),
        right,
        {},
        "Not right when there are as many positions as tokens in the "
        "vocabulary: are the ids mistaken for probabilities?",
    )


def _loss_extremes(learner: Learner) -> None:
    tokens = torch.tensor([[0, 1, 2]])
    logits = 2000.0 * F.one_hot(torch.tensor([[3, 3, 3]]), 4)  # sure of what does not come
    judge(
        learner.tensor(logits, tokens, shape=()),
        torch.tensor(2000.0),
        {},
        "Large logits break it. Use log_softmax or cross_entropy, not log(softmax).",
    )


@validates
def first_loss(function: Answer) -> CheckResult:
    """``my_first_loss(vocab_size)`` -> loss in nats of a model that finds all tokens equally likely."""
    return examine("first_loss", function, "vocab_size", _first_loss)


def _first_loss(learner: Learner) -> None:
    for vocab_size in (50257, 2, 1000):
        given = as_number(learner(vocab_size))
        right = math.log(vocab_size)
        if math.isclose(given, right, rel_tol=1e-4):
            continue
        for message, wrong in {
            "That is the logarithm to base 2, in bits. Losses are in nats: the natural logarithm.": math.log2(
                vocab_size
            ),
            "That is the logarithm to base 10. Losses are in nats: the natural logarithm.": math.log10(vocab_size),
            "That is the probability of one token. The loss is minus its logarithm.": 1 / vocab_size,
            "The sign is wrong: the logarithm of a probability is negative, the loss is minus that.": -right,
            "That is the perplexity, exp(loss).": float(vocab_size),
        }.items():
            if math.isclose(given, wrong, rel_tol=1e-4):
                raise Wrong(message)
        raise Wrong(f"For {vocab_size} equally likely tokens each has probability 1/{vocab_size}; got {given:.4g}.")
