"""Checks for experiments that judge: tests that tell right from wrong, and a refutation of one's own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from gpt2lab.check.base import Answer, CheckResult, NotDone, Wrong, as_number, as_truth, describe
from gpt2lab.check.learner import Learner, examine
from gpt2lab.errors import validates

SEEDS = (0, 1, 2)
LEAST_WORDS = 4  # of a statement

Dropout = Callable[[Tensor, float, bool], Tensor]
Norm = Callable[[Tensor], Tensor]


@validates
def dropout_test(function: Answer) -> CheckResult:
    """``my_test(dropout)`` -> True if ``dropout(x, p, training)`` is right, False if it is not.

    It is called several times with three right ones and with six that are wrong.
    """
    return examine("dropout_test", function, "dropout", *_trials(_RIGHT_DROPOUTS, _WRONG_DROPOUTS))


@validates
def layer_norm_test(function: Answer) -> CheckResult:
    """``my_test(norm)`` -> True if ``norm(x)`` is layer norm without gain and bias; x is (batch, tokens, features).

    It is called with three right ones and with six that are wrong; torch's own layer norm is forbidden.
    """
    return examine("layer_norm_test", function, "norm", _no_library, *_trials(_RIGHT_NORMS, _WRONG_NORMS))


def _no_library(learner: Learner) -> None:
    advice = "Do not compare with torch's own layer norm: for most claims there is no such key. Test what must hold."
    learner.forbidden = {"layer_norm": advice, "LayerNorm": advice}


def _trials(
    right: Iterable[Callable[..., Tensor]], wrong: Mapping[str, Callable[..., Tensor]]
) -> Iterable[Callable[[Learner], None]]:
    def accepts(learner: Learner) -> None:
        answers = [as_truth(learner(candidate)) for candidate in right for _ in SEEDS]
        if not any(answers):
            raise Wrong(
                "Your test refuses everything, also what is right. Try it on a version of your own that you trust."
            )
        if not all(answers):
            raise Wrong(
                f"Your test refuses a right version in {answers.count(False)} of {len(answers)} calls. "
                "Chance and rounding need room: is a tolerance too narrow, or is the sample small?"
            )

    def refuses(learner: Learner) -> None:
        let_pass = [say for say, candidate in wrong.items() if any(as_truth(learner(candidate)) for _ in SEEDS)]
        if len(let_pass) == len(wrong):
            raise Wrong("Your test lets everything pass. What would have to come out if the code were wrong?")
        if let_pass:
            raise Wrong(f"Your test lets pass a version that {let_pass[0]}")

    return accepts, refuses


def _inverted(x: Tensor, p: float, training: bool) -> Tensor:
    return x * (torch.rand(x.shape) >= p) / (1 - p) if training and p < 1 else x * (p < 1 or not training)


def _by_torch(x: Tensor, p: float, training: bool) -> Tensor:
    return F.dropout(x, p, training)


def _by_bernoulli(x: Tensor, p: float, training: bool) -> Tensor:
    return torch.where(torch.bernoulli(torch.full_like(x, p)) > 0, 0.0, x / (1 - p)) if training and p < 1 else x


_RIGHT_DROPOUTS: tuple[Dropout, ...] = (_inverted, _by_torch, _by_bernoulli)
_WRONG_DROPOUTS: dict[str, Dropout] = {
    "keeps what it should drop. With one value of p that cannot be seen; is it the one that you use?": (
        lambda x, p, training: x * (torch.rand(x.shape) < p) / (1 - p) if training else x
    ),
    "drops the right share, and does nothing about the size of what stays.": (
        lambda x, p, training: x * (torch.rand(x.shape) >= p) if training else x
    ),
    "drops in evaluation, too.": lambda x, p, training: x * (torch.rand(x.shape) >= p) / (1 - p),
    "drops nothing.": lambda x, p, training: x.clone(),
    "draws once for each row, so that whole rows vanish.": (
        lambda x, p, training: x * (torch.rand(*x.shape[:-1], 1) >= p) / (1 - p) if training else x
    ),
    "draws the same numbers at every call.": (lambda x, p, training: x * _same_draw(x, p) / (1 - p) if training else x),
}


def _same_draw(x: Tensor, p: float) -> Tensor:
    return torch.rand(x.shape, generator=torch.Generator().manual_seed(5)) >= p


def _moments(x: Tensor, dim: int | tuple[int, ...] = -1, n_minus: int = 0) -> Tensor:
    variance, mean = torch.var_mean(x, dim, correction=n_minus, keepdim=True)
    return (x - mean) / (variance + 1e-5).sqrt()


def _by_hand(x: Tensor) -> Tensor:
    mean = x.mean(-1, keepdim=True)
    return (x - mean) * torch.rsqrt(((x - mean) ** 2).mean(-1, keepdim=True) + 1e-5)


_RIGHT_NORMS: tuple[Norm, ...] = (_moments, _by_hand, lambda x: _moments(x.double()).to(x.dtype))
_WRONG_NORMS: dict[str, Norm] = {
    "takes mean and variance of everything at once. Change one sample: who else moves?": lambda x: _moments(
        x, tuple(range(x.dim()))
    ),
    "takes mean and variance over the batch. Change one sample: who else moves?": lambda x: _moments(x, 0),
    "takes mean and variance over the tokens. Change one token: who else moves?": lambda x: _moments(x, -2),
    "takes mean and variance of a whole sample. Change one token: who else moves?": lambda x: _moments(x, (-2, -1)),
    "leaves the mean as it is. What must the mean of each token be afterwards?": (
        lambda x: x * torch.rsqrt((x**2).mean(-1, keepdim=True) + 1e-5)
    ),
    "takes the mean away and leaves the size as it is.": lambda x: x - x.mean(-1, keepdim=True),
}


@validates
def refutation(function: Answer) -> CheckResult:
    """``my_refutation(seed)`` -> dict with ``statement``, ``forbids``, ``measured`` and ``control``.

    ``forbids`` is an interval (low, high): what cannot come out if the statement is right; None is an open end.
    ``measured`` is a number, and ``control`` the same measure in a case in which the statement holds. It is
    called with several seeds.
    """
    return examine("refutation", function, "seed", _refuted)


def _refuted(learner: Learner) -> None:
    found = [_entries(learner(seed)) for seed in (*SEEDS, SEEDS[0])]
    low, high = _interval(found[0]["forbids"])
    measured, controls = ([as_number(entry[name], f"a number as {name!r}") for entry in found]
                          for name in ("measured", "control"))  # fmt: skip
    if (measured[0], controls[0]) != (measured.pop(), controls.pop()):
        raise Wrong("Two calls with one seed give two results. Make all random numbers from the seed.")
    if outside := [value for value in measured if not low <= value <= high]:
        raise Wrong(
            f"With {len(outside)} of {len(SEEDS)} seeds the measured value ({outside[0]:.3g}) is one that the "
            "statement allows: so far it is not refuted. Is the statement right, or the interval too narrow?"
        )
    if inside := [value for value in controls if low <= value <= high]:
        raise Wrong(
            f"The control gives {inside[0]:.3g}, which the statement forbids as well: then your measure would refute "
            "it even where it holds. Find a case in which the statement is right, and measure that."
        )


def _entries(found: object) -> Mapping[str, object]:
    if not isinstance(found, Mapping):
        raise Wrong(f"Return a dict with four entries, got {describe(found)}.")
    wanted = ("statement", "forbids", "measured", "control")
    if any(value is ... for value in found.values()):
        raise NotDone
    if missing := [name for name in wanted if name not in found]:
        raise Wrong(f"The dict lacks {', '.join(missing)}.")
    statement = found["statement"]
    if not isinstance(statement, str) or len(statement.split()) < LEAST_WORDS:
        raise Wrong(f"The statement is a sentence that can be right or wrong, got {describe(statement)}.")
    return found


def _interval(value: object) -> tuple[float, float]:
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise Wrong(f"What the statement forbids is an interval (low, high), got {describe(value)}.")
    ends = [end if isinstance(end, float) and math.isinf(end) else None if end is None else
            as_number(end, "an interval of two numbers") for end in value]  # fmt: skip
    low = -math.inf if ends[0] is None else ends[0]
    high = math.inf if ends[1] is None else ends[1]
    if (low, high) == (-math.inf, math.inf):
        raise Wrong("An interval without ends forbids everything: no statement does.")
    if low > high:
        raise Wrong(f"The interval ({low:g}, {high:g}) is empty: the smaller number comes first.")
    return low, high
