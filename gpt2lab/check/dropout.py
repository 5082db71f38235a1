"""Check for dropout: how many values are dropped, which, and what becomes of the others."""

from __future__ import annotations

import torch
from torch import Tensor

from gpt2lab.check.base import Answer, CheckResult, Wrong, agree, judge
from gpt2lab.check.learner import Learner, examine
from gpt2lab.errors import validates


@validates
def dropout(function: Answer) -> CheckResult:
    """``my_dropout(x, p, training)``: inverted dropout with a mask for every element."""
    return examine("dropout", function, "x p training", _off, _everywhere, _rate, _fresh, _by_chance, _nothing_dropped)


def _off(learner: Learner) -> None:
    x = torch.randn(50, 40)
    out = learner.tensor(x, 0.3, False, shape=x.shape)
    if agree(out, x, 1e-6):
        return
    if not out.any():
        raise Wrong("Every value is 0, and training is over: dropout is off then, and x comes back as it is.")
    if bool(((out == 0) | ((out - x).abs() < 1e-5) | ((out - x / 0.7).abs() < 1e-5)).all()) and bool((out == 0).any()):
        if agree(learner.tensor(x, 0.3, True), x, 1e-6):
            raise Wrong(
                "`training` is read the wrong way round: values are dropped when it is False, and kept when it is True."
            )
        raise Wrong(
            "`training` is not used: values are dropped with training=False, too. Dropout is off when the model is used."
        )
    judge(
        out,
        x,
        {
            "Without training, everything is multiplied by 1 - p. That is the original way; with inverted dropout the "
            "scaling happens in training, and nothing at all afterwards.": x * 0.7,
            "Without training, everything is divided by 1 - p. The scaling belongs to training.": x / 0.7,
            "Without training, everything is multiplied by p. Nothing happens to x when the model is used.": x * 0.3,
        },
        "With training=False the result must be x itself: dropout is off when the model is used.",
    )


def _everywhere(learner: Learner) -> None:
    out = learner.tensor(torch.ones(60, 50), 0.5, True, shape=(60, 50))
    dropped = out == 0
    if bool(dropped.all()):
        raise Wrong("Every value is dropped. With p=0.5, half of them survive, each twice as large.")
    if not bool(dropped.any()):
        return  # the next trial says so
    if bool((dropped == dropped[:1]).all()):
        raise Wrong("The same columns are dropped in every row. Draw for every element.")
    if bool((dropped == dropped[:, :1]).all()):
        raise Wrong("Whole rows are dropped. Draw for every element.")


def _rate(learner: Learner) -> None:
    x, p = 1 + torch.rand(400, 250), 0.1
    out, half = (learner.tensor(x, share, True, shape=x.shape) for share in (p, 0.5))
    survive = [float((result != 0).float().mean()) for result in (out, half)]
    _judge_shares(survive)
    kept = out != 0
    factor = float((out[kept] / x[kept]).mean())
    if abs(factor - 1) < 1e-3:
        raise Wrong(
            f"The mean falls to {float(out.mean() / x.mean()):.1%} of what it was: the survivors must be divided "
            "by 1 - p, so that the expected value stays."
        )
    if abs(factor - 1 / (1 - p)) > 1e-3:
        raise Wrong(
            f"The survivors are multiplied by {factor:.3g}; with p={p} it takes {1 / (1 - p):.3g} to keep the expected value."
        )
    judge(out[kept], x[kept] / (1 - p), {}, "The survivors must be divided by 1 - p, all alike.")


def _judge_shares(survive: list[float]) -> None:
    """What survives with p=0.1 and with p=0.5."""
    share = survive[0]
    if abs(share - survive[1]) < 0.02 and share < 1:
        raise Wrong(f"{share:.1%} of the values survive with p=0.1, and as many with p=0.5: p is not used.")
    if abs(share - 0.1) < 0.01:
        raise Wrong(
            f"{share:.1%} of the values survive, with p=0.1. p is the probability to *drop*, so most values survive."
        )
    if share == 1:
        raise Wrong("Nothing is dropped in training: 100 % of the values survive, expected 90 % with p=0.1.")
    if abs(share - 0.9) > 0.01:
        raise Wrong(f"{share:.1%} of the values survive, expected 90 % with p=0.1.")


def _fresh(learner: Learner) -> None:
    x = torch.ones(20, 20)
    if torch.equal(learner.tensor(x, 0.5, True), learner.tensor(x, 0.5, True)):
        raise Wrong("Two calls drop the same elements. Draw anew each time; do not set a seed inside.")


def _by_chance(learner: Learner) -> None:
    """Each element on its own: how many are dropped varies from call to call and from row to row."""
    dropped = torch.stack([learner.tensor(torch.ones(20, 20), 0.5, True) == 0 for _ in range(8)])  # (calls, 20, 20)
    for axes, of in (((1, 2), "of the 400 values"), (2, "of each row's 20 values"), (1, "of each column's 20 values")):
        counts = dropped.sum(axes)
        if bool((counts == counts.flatten()[0]).all()):
            raise Wrong(
                f"Every call drops exactly {int(counts.flatten()[0])} {of}. Each value must be dropped on its own, "
                "with probability p: then the number varies from call to call, and only its mean is fixed."
            )


def _nothing_dropped(learner: Learner) -> None:
    x: Tensor = torch.randn(50, 40)
    judge(learner.tensor(x, 0.0, True, shape=x.shape), x, {}, "With p=0 nothing may be dropped.")
