"""Checks for reading the lab: when a model had learned, and which learning rate its tuning chose."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from gpt2lab.check.base import Answer, CheckResult, Wrong, as_number, as_tensor, judge
from gpt2lab.check.learner import Learner, examine
from gpt2lab.errors import as_real, is_number, validates

NEVER = 1e9  # stands for infinity while two answers are compared


@validates
def steps_to(function: Answer) -> CheckResult:
    """``my_steps_to(eval_steps, letters, share)`` -> for each seed the first step with that share; inf if never."""
    return examine("steps_to", function, "eval_steps letters share", _steps_to, _another_share)


def _steps_to(learner: Learner) -> None:
    nan = math.nan
    eval_steps = torch.tensor([10, 20, 30, 50])
    letters = torch.tensor(
        [  # first evaluation, exactly the share, never, there and gone again, diverged, later
            [0.9500, 0.1000, 0.1000, 0.1000, 0.2000, 0.1000],
            [0.9600, 0.7500, 0.2000, 0.9000, nan, 0.3000],
            [0.9700, 0.7500, 0.3000, 0.2000, nan, 0.8000],
            [1.0000, 0.9900, 0.4000, 0.3000, nan, 0.9900],
        ]
    )  # (n, seeds)
    share = 0.75
    result = _numbers(learner(eval_steps, letters, share))
    if isinstance(result, Tensor) and result.shape == (4,):
        raise Wrong("There is one number for each evaluation. The evaluations are rows; each seed is a column.")
    answer = as_tensor(result, learner.name, (6,), "One number for each seed is wanted.")
    if answer.dtype == torch.bool:
        raise Wrong("These say whether a seed had the share. Asked is when: the first step.")
    right = _first(eval_steps, letters >= share)
    judge(
        _finite(answer.double()),
        _finite(right),
        {
            "A seed that never had the share gets its first evaluation: argmax is 0 where nothing is True. Give it infinity.":
                _finite(eval_steps[(letters >= share).int().argmax(dim=0)].double()),
            "These are places in the list, not steps.": _finite(_first(torch.arange(4), letters >= share)),
            "The share itself counts as reached: at least, not more than.": _finite(_first(eval_steps, letters > share)),
            "0.9 is fixed in your function. The share is an argument.": _finite(_first(eval_steps, letters >= 0.9)),
            "This is the last evaluation with that share, not the first.": _finite(_last(eval_steps, letters >= share)),
            "A seed that diverged counts as one that learned: NaN is not below the share, and not above it either.":
                _finite(_first(eval_steps, ~(letters < share))),
            "This is the step from which the share was kept up to the end; asked is when it was first reached.":
                _finite(_kept(eval_steps, letters >= share)),
            "A seed that never had the share gets -1. Give it infinity: a step that comes after all others.":
                torch.where(right == math.inf, -1.0, right),
            "A seed that never had the share gets 0, and so looks like the fastest. Give it infinity.":
                torch.where(right == math.inf, 0.0, right),
            "A seed that diverged gets NaN; it never had the share, so infinity.":
                _finite(torch.where(letters.isnan().any(dim=0), torch.nan, right)),
        },
        "The steps are not right (a seed that never had the share is compared as 1e9).",
    )  # fmt: skip


def _another_share(learner: Learner) -> None:
    eval_steps, letters = torch.tensor([5, 15, 40]), torch.tensor([[0.3, 0.0], [0.8, 0.6], [1.0, 0.7]])
    for share in (0.5, 0.95):
        answer = as_tensor(_numbers(learner(eval_steps, letters, share)), learner.name, (2,))
        judge(
            _finite(answer.double()),
            _finite(_first(eval_steps, letters >= share)),
            {"0.75 is fixed in your function. The share is an argument.": _finite(_first(eval_steps, letters >= 0.75))},
            f"Right for one table, not for another with share={share}: is a number fixed in your function?",
        )


def _numbers(value: object) -> object:
    """A list or an array of numbers as a tensor, since the table is only read; anything else as it is."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "bif":
        return torch.tensor(value)
    if isinstance(value, (list, tuple)) and all(is_number(_plain(part)) for part in value):
        return torch.tensor([as_real(_plain(part)) for part in value], dtype=torch.float64)
    return value


def _plain(value: object) -> object:
    """The number in a tensor of one element; anything else as it is."""
    return value.item() if isinstance(value, Tensor) and value.numel() == 1 else value


def _first(steps: Tensor, reached: Tensor) -> Tensor:
    """(n,), (n, seeds) -> (seeds,), infinity where nothing is reached."""
    return torch.where(reached, steps[:, None].double(), math.inf).amin(dim=0)


def _last(steps: Tensor, reached: Tensor) -> Tensor:
    last = torch.where(reached, steps[:, None].double(), -1.0).amax(dim=0)
    return torch.where(last < 0, math.inf, last)


def _kept(steps: Tensor, reached: Tensor) -> Tensor:
    return _first(steps, reached.flip(0).cumprod(dim=0).flip(0).bool())


def _finite(values: Tensor) -> Tensor:
    return torch.where(values == math.inf, NEVER, values)


@validates
def best_rate(function: Answer) -> CheckResult:
    """``my_best_rate(rates, scores)`` -> the rate with the best mean over the seeds; NaN, diverged, counts as 0."""
    return examine("best_rate", function, "rates scores", _best_rate)


def _best_rate(learner: Learner) -> None:
    nan = math.nan
    rates = torch.tensor([0.001, 0.003, 0.01, 0.03, 0.1], dtype=torch.float64)
    scores = torch.tensor([[0.2, 0.3], [0.6, 0.6], [0.95, 0.05], [0.97, nan], [nan, nan]], dtype=torch.float64)
    answer = as_number(learner(rates, scores), "one of the rates")
    if answer in range(len(rates)) and answer != float(rates[1]):
        raise Wrong(f"{answer:g} is a place in the list; return the rate that stands there.")
    _decide(
        answer,
        0.003,
        {
            0.03: "One of the two runs at 0.03 diverged. Counted as 0 its mean is 0.49: leaving it out, or "
            "taking the best run, rewards a rate that breaks half of the time.",
            0.01: "At 0.01 one seed did very well and the other failed. The mean over the seeds counts, not the best run.",
            0.1: "Both runs at 0.1 diverged. A mean that is NaN has won, because NaN was compared.",
            0.001: "That rate has the lowest scores that did not fail. Look for the highest mean.",
        },
    )
    better = torch.tensor([[0.5, 0.55], [0.2, 0.3], [0.45, 0.9], [0.9, 0.1], [0.95, nan]], dtype=torch.float64)
    _decide(
        as_number(learner(2 * rates, better), "one of the rates"),
        0.02,
        {
            0.002: "This is the rate whose worst run is best. The mean over the seeds counts.",
            0.003: "The answer is always the same: it does not follow the scores.",
            0.006: "The answer does not follow the scores.",
            0.01: "The rates are fixed in your function. Read them off the argument.",
        },
    )


def _decide(answer: float, right: float, mistakes: dict[float, str]) -> None:
    for rate, message in mistakes.items():
        if math.isclose(answer, rate, rel_tol=1e-6):
            raise Wrong(message)
    if not math.isclose(answer, right, rel_tol=1e-6):
        raise Wrong(f"The best rate on average is {right:g}, yours is {answer:g}; it must be one of the rates.")
