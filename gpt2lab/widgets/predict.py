"""Predict first, then look: a question with a few answers, compared with what the next cell measures.

    guess = Predict("By how much does the norm of the stream change?", ["not at all", "10 ×", "1000 ×"])
    guess
    …
    guess.compare("10 ×")      # in the next cell, with the option that the measurement gives

Predicting before seeing is known to help people to remember; a wrong guess helps as much as a
right one (Richland, Kornell and Kao 2009, "The pretesting effect"). Nothing is graded or sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import ipywidgets
from traitlets import Bunch, TraitType

from gpt2lab.errors import InputError
from gpt2lab.figures.style import CSS, spoken

# Answers of this kernel by question: running a cell again makes a new panel, but keeps the answer.
_answers: dict[tuple[str, tuple[str, ...]], str] = {}


@dataclass(frozen=True)
class Comparison:
    """What was measured beside what was predicted."""

    measured: str
    predicted: str | None

    @property
    def correct(self) -> bool | None:
        """Whether the prediction came true; None if there was none."""
        return None if self.predicted is None else self.predicted == self.measured

    def __repr__(self) -> str:
        if self.predicted is None:
            return f"Measured: {self.measured}\nYou made no prediction."
        verdict = "as you predicted." if self.correct else f"you predicted: {self.predicted}."
        return f"Measured: {self.measured}\n{verdict[0].upper()}{verdict[1:]}"


class _Option(TraitType[str | None, str | None]):
    """One of the options, or None while nothing is chosen."""

    def validate(self, obj: Predict, value: object) -> str | None:
        if value is not None and (not isinstance(value, str) or value not in obj.options):
            raise InputError(f"choice must be one of {_listed(obj.options)}, or None; got {value!r}")
        return value


class Predict(ipywidgets.VBox):
    """A question with options, one of which the learner may choose.

    Attributes
    ----------
    choice : str or None
        The learner's answer. Can be set from Python.

    Raises
    ------
    ValueError
        If there are fewer than two options, or two that are the same.
    """

    choice = _Option(default_value=None, allow_none=True)

    def __init__(self, question: str, options: Sequence[str]) -> None:
        super().__init__()
        self.question = str(question)
        self.options = tuple(str(option) for option in options)
        if len(set(self.options)) != len(self.options) or len(self.options) < 2:
            raise InputError(f"Predict needs at least two different options, got {_listed(self.options)}")
        self._key = (self.question, self.options)
        self.choice = _answers.get(self._key)
        self._buttons = ipywidgets.RadioButtons(
            options=self.options, value=self.choice, layout={"width": "auto"}, orientation="vertical"
        )
        self._line = ipywidgets.HTML()
        self._buttons.observe(self._button_pressed, names="value")
        self.observe(self._chosen, names="choice")
        self.add_class("gpt2lab-panel")
        asked = f'<div style="font-size:16px"><b>Predict.</b> {escape(self.question)}</div>'
        self.children = [ipywidgets.HTML(f"<style>{CSS}</style>{asked}"), self._buttons, self._line]

    def compare(self, measured: object) -> Comparison:
        """Set the measured option beside the learner's choice, which stays as it is.

        Raises ValueError if ``measured`` is none of the options.
        """
        measured = str(measured)
        if measured not in self.options:
            raise InputError(f"compare needs one of the options {_listed(self.options)}, got {measured!r}")
        comparison = Comparison(measured, self.choice)
        mark = {True: "✓", False: "✗", None: "·"}[comparison.correct]
        said = f"{mark} {escape(repr(comparison))}".replace("\n", "<br>")
        self._line.value = spoken(said)
        return comparison

    def _button_pressed(self, change: Bunch) -> None:
        self.choice = change.new

    def _chosen(self, change: Bunch) -> None:
        if change.new is None:
            _answers.pop(self._key, None)
        else:
            _answers[self._key] = change.new
        self._buttons.value = change.new
        if self._line.value:  # it compares the answer before this one
            self._line.value = spoken("Run the next cell again to compare.")

    def __repr__(self) -> str:
        lines = [f"({'•' if option == self.choice else ' '}) {option}" for option in self.options]
        return "\n".join([f"Predict: {self.question}", *lines])

    def _repr_mimebundle_(self, **options: object) -> dict[str, object]:
        bundle = super()._repr_mimebundle_(**options) or {}
        return bundle | {"text/plain": repr(self)}


def _listed(options: Sequence[str]) -> str:
    return ", ".join(map(repr, options))
