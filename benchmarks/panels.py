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
from _timing import provenance, report

import gpt2lab.widgets
from gpt2lab.widgets import Panel
from gpt2lab.widgets.traits import Choice, Number, Switch, Whole

AT_MOST_S = 0.1
ROUNDS = 15


def panels() -> list[type[Panel]]:
    """Every panel that the package offers."""
    offered = [getattr(gpt2lab.widgets, name) for name in gpt2lab.widgets.__all__]
    return [kind for kind in offered if issubclass(kind, Panel) and kind is not Panel]


def other_value(panel: Panel, name: str):
    """A value of the setting that it does not have now; None if there is no other."""
    trait, now = type(panel).class_traits()[name], getattr(panel, name)
    if isinstance(trait, Switch):
        return not now
    if isinstance(trait, Choice):
        return next((option for option in trait.options if option != now), None)
    if isinstance(trait, Number):
        return trait.high if now < trait.high else trait.low
    if isinstance(trait, Whole):
        control = trait.control(panel)
        return next((value for value in (now + 1, now - 1) if control.min <= value <= control.max), None)
    return None


def slowest_setting(kind: type[Panel]) -> dict:
    """Move each setting to and fro; report the one that takes longest."""
    panel = kind()
    rows = []
    for name in panel.setting_names():
        other = other_value(panel, name)
        if other is None:
            continue
        values = itertools.cycle([other, getattr(panel, name)])
        seconds = []
        for turn in range(2 * (ROUNDS // 2) + 4):
            start = time.process_time()
            setattr(panel, name, next(values))
            if turn >= 2:  # the first of each value warms up
                seconds.append(time.process_time() - start)
        rows.append((statistics.median(seconds), name))
    median, name = max(rows)
    ratio = AT_MOST_S / median
    return {
        "name": f"{kind.__name__}.{name}",
        "ours_s": median,
        "theirs_s": AT_MOST_S,
        "ratio": ratio,
        "target": 1.0,
        "met": ratio >= 1,
    }


def main() -> int:
    torch.set_num_threads(1)
    origin = provenance("matplotlib", "ipywidgets")
    return report("panels", [slowest_setting(kind) for kind in panels()], origin)


if __name__ == "__main__":
    sys.exit(main())
