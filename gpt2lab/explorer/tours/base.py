"""What a tour is: steps for a learner to take, and what is to be seen after each, with figures of the model.

A tour is a file in TOML; ``robot.toml`` is one. It begins with a title, the text that it starts with, and the
toy model for which it was written, and has a table for each step::

    title = "it → robot"
    model = "reference"                       # gpt2lab explore --tour FILE opens it
    text = "the robot … it means the"

    [[step]]
    do = "Choose head 1.0 …"                  # what to do
    look = "Where does the last “the” look?"  # what to look at, or to ask oneself
    until = { head = "1.0", token = "last" }  # what must hold for the step to be done; none: it is only read
    said = "It gives “robot” {weight 1.0 last robot}."    # what was to be seen
    expect = ["weight 1.0 last robot > 0.95"] # what must be so, or the tour says that it is different here

``until`` knows view, head (layer.head), token, key, text, and off (a list of words as in ``ablated``; []: all
parts are on). What a step does not name stays as the step before left it.

Figures, in braces in ``said`` and with < or > in ``expect``::

    weight 1.0 it:2 robot     how much of its attention the second “it” gives to the first “robot” in head 1.0
    chance last robot         how probable “robot” is as the token after the last one
    before chance last robot  the same before the parts were switched off

A token is named by its letters without blanks; the second of them is ``it:2``, and ``last`` is the last token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Place = tuple[str, int]  # letters, and which of the tokens with these letters; ("", 0) is the last token


@dataclass(frozen=True)
class Figure:
    """A number of the model: an attention weight, or the probability of a next token.

    Attributes
    ----------
    kind : "weight" or "chance"
    before : bool
        Whether it is of the run before parts were switched off.
    start : the query, or the token after which
    end : the key; of a chance only its letters count
    layer, head : of a weight
    """

    kind: str
    before: bool
    start: Place
    end: Place
    layer: int = 0
    head: int = 0


@dataclass(frozen=True)
class Expectation:
    """That a figure lies above or below a limit."""

    figure: Figure
    above: bool
    limit: float

    def holds(self, value: float) -> bool:
        return value > self.limit if self.above else value < self.limit


@dataclass(frozen=True)
class Step:
    """One step; ``text`` and ``off`` are what holds once it is done, as ``until`` of this and earlier steps say."""

    do: str
    look: str
    until: Mapping[str, object]
    said: Sequence[str | Figure]
    expect: Sequence[Expectation]
    text: str
    off: Sequence[str]


@dataclass(frozen=True)
class Tour:
    """A tour; ``name`` is what messages call it."""

    name: str
    title: str
    text: str
    model: str = ""
    steps: Sequence[Step] = field(default_factory=tuple)


def bare(label: str) -> str:
    """A token's letters without blanks, from its label; js/tour.mjs must do the same."""
    return label.strip(" ␣")


def find(place: Place, labels: Sequence[str]) -> int | None:
    """The position of a token; None if there is none."""
    letters, which = place
    if not which:
        return len(labels) - 1 if labels else None
    found = [i for i, label in enumerate(labels) if bare(label) == letters]
    return found[which - 1] if which <= len(found) else None


def as_data(tour: Tour) -> dict[str, object]:
    """The tour as the browser gets it; empty fields are left out."""

    def plain(value: object) -> object:
        if isinstance(value, (Figure, Expectation, Step)):
            return {name: plain(one) for name, one in vars(value).items()}
        if isinstance(value, (tuple, list)):
            return [plain(one) for one in value]
        return dict(value) if isinstance(value, Mapping) else value

    return {"title": tour.title, "text": tour.text, "steps": [plain(step) for step in tour.steps]}
