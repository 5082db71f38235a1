"""Milliseconds from a moved control to the new picture, for every panel in its usual size.

A redraw is all that happens in Python: the model's run where the setting needs one, measuring,
drawing, and encoding the PNG. The way to the browser comes on top. It is processor time on one
thread: what a redraw takes on a computer that has nothing else to do. Here "other" is the time that
a redraw may take, and the ratio says how many times as fast it was.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import time

import torch
from _timing import Row, arguments, provenance, report

import gpt2lab.widgets
from gpt2lab.widgets import Panel
from gpt2lab.widgets.traits import Choice, Number, Switch, Whole

AT_MOST_S = 0.1
ROUNDS = 16  # each of two values as often


def panels() -> list[type[Panel]]:
    """Every panel that the package offers."""
    offered = [getattr(gpt2lab.widgets, name) for name in dir(gpt2lab.widgets)]
    return [kind for kind in offered if issubclass(kind, Panel) and kind is not Panel]


def other_value(panel: Panel, name: str) -> object:
    """A value of the setting that it does not have now; None if there is no other."""
    trait, now = type(panel).class_traits()[name], getattr(panel, name)
    if isinstance(trait, Switch):
        return not now
    if isinstance(trait, Choice):
        listed = trait.control(panel).options  # where a name of its own stands for an option: (name, option)
        options = [option if isinstance(option, str) else option[1] for option in listed]
        return next((option for option in options if option != now), None)
    if isinstance(trait, Number):
        return trait.high if now < trait.high else trait.low
    if isinstance(trait, Whole):
        control = trait.control(panel)
        return next((value for value in (now + 1, now - 1) if control.min <= value <= control.max), None)
    return None


def seconds(panel: Panel, name: str, rounds: int) -> float:
    """Median time of a redraw after moving a setting to and fro."""
    values = itertools.cycle([other_value(panel, name), getattr(panel, name)])
    taken = []
    for turn in range(rounds + 2):
        start = time.process_time()
        setattr(panel, name, next(values))
        if turn >= 2:  # the first of each value warms up
            taken.append(time.process_time() - start)
    return statistics.median(taken)


def slowest_setting(kind: type[Panel]) -> Row:
    """Find the setting that takes longest, then time that one."""
    panel = kind()
    names = [name for name in panel.setting_names() if other_value(panel, name) is not None]
    name = max(names, key=lambda name: seconds(panel, name, 2))
    median = seconds(panel, name, ROUNDS)
    return {
        "name": f"{kind.__name__}.{name}",
        "ours_s": median,
        "theirs_s": AT_MOST_S,
        "ratio": AT_MOST_S / median,
        "target": 1.0,
        "met": median <= AT_MOST_S,
    }


def main() -> int:
    arguments(__doc__)
    torch.set_num_threads(1)
    origin = provenance("matplotlib", "ipywidgets")
    return report("panels", [slowest_setting(kind) for kind in panels()], origin)


if __name__ == "__main__":
    sys.exit(main())
