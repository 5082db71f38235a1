"""Whether a tour fits a model: that what it names is there, and that what it states is so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch

from gpt2lab.errors import InputError
from gpt2lab.explorer import changes
from gpt2lab.explorer.models import Encoding, Traceable, as_tensor
from gpt2lab.explorer.runs import Run
from gpt2lab.explorer.text import safe_label
from gpt2lab.explorer.tours.base import Figure, Step, Tour, bare, find


def fit(tour: Tour, encoding: Encoding, model: object, grid: Sequence[int], views: Sequence[str]) -> None:
    """Refuse a tour that names what is not there; the first step that does is told.

    Parameters
    ----------
    grid : heads per layer
    """
    for number, step in enumerate(tour.steps, 1):
        where = f"tour {tour.name}, step {number}"
        labels = _labels(encoding, step.text)
        if (view := step.until.get("view", views[0])) not in views:
            raise InputError(f"{where}: there is no view {view!r}; known are {', '.join(views)}")
        try:
            changes.check(list(step.off), model)
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
        figures = _figures(step)
        heads = [(figure.layer, figure.head) for figure in figures if figure.kind == "weight"]
        if isinstance(head := step.until.get("head"), list):
            heads.append((head[0], head[1]))
        for layer, at in heads:
            if layer >= len(grid) or at >= grid[layer]:
                raise InputError(f"{where}: this model has no head {layer}.{at}")
        places = [step.until[name] for name in ("token", "key") if name in step.until]
        places += [
            place for one in figures for place in ((one.start, one.end) if one.kind == "weight" else (one.start,))
        ]
        for place in places:
            if isinstance(place, tuple) and find(place, labels) is None:
                named = place[0] if place[1] < 2 else f"{place[0]}:{place[1]}"
                raise InputError(f"{where}: no token says {named!r}; there are {', '.join(map(bare, labels))}")


def untrue(tour: Tour, model: Traceable, encoding: Encoding) -> list[str]:
    """What the tour expects and the model does not do: one line each, with the step and the figure."""
    lines = []
    for number, step in enumerate(tour.steps, 1):
        if step.expect:
            value = measure(step, model, encoding)
            for one in step.expect:
                if not one.holds(found := value(one.figure)):
                    sign = ">" if one.above else "<"
                    lines.append(f"step {number}: {one.figure} is {found:.3f}, expected {sign} {one.limit}")
    return lines


def measure(step: Step, model: Traceable, encoding: Encoding) -> Callable[[Figure], float]:
    """What reads the figures of a step once it is done: attention weights and probabilities, in [0, 1]."""
    ids = encoding.encode_ordinary(step.text)
    labels = _labels(encoding, step.text)
    runs = [Run(model, as_tensor(model, ids))]
    if step.off:
        runs.append(Run(model, as_tensor(model, ids), list(step.off)))

    def value(figure: Figure) -> float:
        run = runs[0 if figure.before else -1]
        start = find(figure.start, labels)
        assert start is not None, "fit has looked"
        if figure.kind == "weight":
            return float(run.weights(figure.layer, figure.head)[start, find(figure.end, labels)])
        p = torch.softmax(run.logits(start).detach().float(), dim=-1)
        return sum(float(chance) for i, chance in enumerate(p) if bare(safe_label(encoding, i)) == figure.end[0])

    return value


def _figures(step: Step) -> list[Figure]:
    return [*(part for part in step.said if isinstance(part, Figure)), *(one.figure for one in step.expect)]


def _labels(encoding: Encoding, text: str) -> list[str]:
    return list(_each_label(encoding, text))


def _each_label(encoding: Encoding, text: str) -> Iterator[str]:
    return (safe_label(encoding, token) for token in encoding.encode_ordinary(text))
