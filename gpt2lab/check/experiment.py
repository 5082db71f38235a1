"""Check for an experiment of one's own: a prediction, an intervention, a control, and the verdict that follows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from torch import Tensor

from gpt2lab.check.base import Answer, CheckResult, NotDone, Wrong, as_number, describe
from gpt2lab.check.learner import Learner, examine
from gpt2lab.errors import validates

HOLDS, REFUTED, UNDECIDED = "holds", "refuted", "undecided"
LEAST_VALUES = 3
MINUTES = 15  # that an experiment may take


@validates
def experiment(function: Answer) -> CheckResult:
    """``my_experiment()`` -> dict with ``prediction``, ``intervention``, ``control`` and ``verdict``.

    ``prediction`` is an interval (low, high) for the values that the intervention will give; ``intervention``
    and ``control`` are lists of three or more measured values each (seeds, texts or models). The verdict follows:

    * "holds" if every value of the intervention lies in the interval and no value of the control does;
    * "refuted" if no value of the intervention lies in it;
    * "undecided" otherwise.
    """
    return examine("experiment", function, "", _judged)


def _judged(learner: Learner) -> None:
    learner.seconds = MINUTES * 60.0  # it may train or run several models
    found = learner()
    if not isinstance(found, Mapping):
        raise Wrong(f"Return a dict with four entries, got {describe(found)}.")
    wanted = ("prediction", "intervention", "control", "verdict")
    if missing := [name for name in wanted if name not in found]:
        raise Wrong(f"The dict lacks {', '.join(missing)}.")
    if any(value is ... or (isinstance(value, (list, tuple)) and ... in value) for value in found.values()):
        raise NotDone
    low, high = _interval(found["prediction"])
    measured, control = (_values(name, found[name]) for name in ("intervention", "control"))
    inside = [low <= value <= high for value in measured]
    if measured == control:
        raise Wrong("Intervention and control have the same values: was the same thing measured twice?")
    if not any(inside):
        verdict, why = REFUTED, "no value of the intervention lies in your interval"
    elif not all(inside):
        verdict, why = UNDECIDED, f"{sum(inside)} of {len(inside)} values of the intervention lie in your interval"
    elif any(low <= value <= high for value in control):
        verdict, why = UNDECIDED, "the control gives values in your interval, too: something else may be the cause"
    else:
        verdict, why = HOLDS, "every value of the intervention lies in your interval, and none of the control"
    said = found["verdict"]
    if said not in (HOLDS, REFUTED, UNDECIDED):
        raise Wrong(f"The verdict is one of the words {HOLDS!r}, {REFUTED!r} and {UNDECIDED!r}, got {describe(said)}.")
    if said != verdict:
        raise Wrong(f"You write {said!r}, but {why}. Read the three rules again.")


def _interval(value: object) -> tuple[float, float]:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise Wrong(f"The prediction is an interval (low, high), got {describe(value)}.")
    low, high = (-math.inf if end is None and i == 0 else math.inf if end is None else _end(end)
                 for i, end in enumerate(value))  # fmt: skip
    if not low <= high:
        raise Wrong(f"The interval ({low:g}, {high:g}) is empty: the smaller number comes first.")
    if (low, high) == (-math.inf, math.inf):
        raise Wrong("An interval without ends cannot be refuted. A prediction forbids something.")
    return low, high


def _end(value: object) -> float:
    if isinstance(value, float) and math.isinf(value):
        return value
    return as_number(value, "an interval of two numbers")


def _values(name: str, value: object) -> list[float]:
    if isinstance(value, Tensor):
        value = value.flatten().tolist()
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise Wrong(f"{name} is a list of measured values, got {describe(value)}. One run shows what one run does.")
    if len(value) < LEAST_VALUES:
        raise Wrong(
            f"{name} has {len(value)} value{'s' * (len(value) != 1)}; measure at least {LEAST_VALUES} seeds or texts."
        )
    return [as_number(one, f"numbers in {name}") for one in value]
