"""Predict, then measure: a question with a few answers, compared with what the next cell measures.

    guess = Predict("How much of the last row's weight lies on the first token?", {
        "next to nothing": (0, 0.1), "about a third": (0.25, 0.45), "more than half": (0.5, 1)})
    guess
    …
    guess.compare(weights[-1, 0])      # Measured: 0.31, that is "about a third". You predicted …

Predicting before seeing is known to help people to remember; a wrong guess helps as much as a
right one (Richland, Kornell and Kao 2009, "The pretesting effect"). Nothing is graded or sent; in a
learner's copy the answer outlives the kernel (see ``gpt2lab.records``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import ipywidgets
from traitlets import Bunch, TraitType

from gpt2lab import records
from gpt2lab.errors import InputError, validates
from gpt2lab.figures.style import CSS, spoken
from gpt2lab.widgets.options import TOLERANCE, Options, Rule, listed, said, single

# Answers of this kernel by question: running a cell again makes a new panel, but keeps the answer.
_answers: dict[tuple[str, tuple[str, ...]], str] = {}


@dataclass(frozen=True)
class Comparison:
    """What was measured, the option it fits, and what was predicted. Its text is one line."""

    measured: str  # as people read it
    option: str | None  # None: no option fits
    predicted: str | None  # None: nothing was chosen

    @property
    def correct(self) -> bool | None:
        """Whether the prediction came true; None if there was none, or if no option fits."""
        return None if self.predicted is None or self.option is None else self.predicted == self.option

    def __repr__(self) -> str:
        if self.option is None:
            line = f"Measured: {self.measured}; none of the options fits."
        elif self.option == self.measured:
            line = f"Measured: {self.measured}."
        else:
            line = f'Measured: {self.measured}, that is "{self.option}".'
        if self.predicted is None:
            return line
        return f"{line} As you predicted." if self.correct else f'{line} You predicted "{self.predicted}".'


class _Option(TraitType[str | None, str | None]):
    """One of the options, or None while nothing is chosen."""

    def validate(self, obj: Predict, value: object) -> str | None:
        if value is not None and (not isinstance(value, str) or value not in obj.options):
            raise InputError(f"choice must be one of {listed(obj.options)}, or None; got {value!r}")
        return value


class Predict(ipywidgets.VBox):
    """A question with options, one of which the learner may choose.

    Parameters
    ----------
    question : str
    options : sequence of str, or mapping of str to a rule
        Labels alone, one of which ``compare`` is given. Or each label with what makes it the right one: a
        value (equal; floats to ``tolerance``), an interval ``(low, high)`` meaning low ≤ v < high (the
        highest interval includes its upper end; None is an open end), or a function of the measured value.
    tolerance : float
        Relative, for floats that are compared with a value.

    Attributes
    ----------
    choice : str or None
        The learner's answer. Can be set from Python.
    options : tuple of str
        The labels.

    Raises
    ------
    InputError
        If there are fewer than two options, or two that are the same, or a rule without meaning.
    """

    choice = _Option(default_value=None, allow_none=True)

    @validates
    def __init__(
        self, question: str, options: Sequence[object] | Mapping[str, Rule], *, tolerance: float = TOLERANCE
    ) -> None:
        super().__init__()
        self.question = str(question)
        self._options = Options.of(options, tolerance)
        self.options = tuple(self._options.rules)
        self._key = (self.question, self.options)
        self._compared = False
        self.choice = _answers.get(self._key) or self._kept()
        self._buttons = ipywidgets.RadioButtons(
            options=self.options, value=self.choice, layout={"width": "auto"}, orientation="vertical"
        )
        self._line = ipywidgets.HTML()
        self._buttons.observe(self._button_pressed, names="value")
        self.observe(self._chosen, names="choice")
        self.add_class("gpt2lab-panel")
        asked = f'<div class="gpt2lab-question"><b>Predict.</b> {escape(self.question)}</div>'
        self.children = [ipywidgets.HTML(f"<style>{CSS}</style>{asked}"), self._buttons, self._line]

    @validates
    def compare(self, measured: object) -> Comparison:
        """Set what was measured beside the learner's choice, which stays as it is.

        Parameters
        ----------
        measured : object
            A number, a string, True or False, a tensor or NumPy array with one element; anything that the
            options' functions take. With labels alone: one of the labels.

        Returns
        -------
        Comparison
            One line of text. That no option fits is part of the text, not an error.

        Raises
        ------
        InputError
            If two options fit, which the author of the question has to correct.
        """
        comparison = Comparison(said(single(measured)), self._options.fitting(measured), self.choice)
        mark = {True: "✓", False: "✗", None: "·"}[comparison.correct]
        self._compared = True
        trouble = records.keep("predictions", self.question, {"right": comparison.correct}) if self.choice else ""
        self._say(f"{mark} {repr(comparison)}", trouble)
        return comparison

    def _kept(self) -> str | None:
        """The answer of an earlier kernel, if the question still has the same options."""
        entry = records.kept("predictions", self.question) or {}
        choice = entry.get("choice")
        same = entry.get("options") == list(self.options)
        return choice if same and isinstance(choice, str) and choice in self.options else None

    def _button_pressed(self, change: Bunch) -> None:
        self.choice = change.new

    def _chosen(self, change: Bunch) -> None:
        if change.new is None:
            _answers.pop(self._key, None)
        else:
            _answers[self._key] = change.new
        self._buttons.value = change.new
        entry = {"choice": change.new, "options": list(self.options), "right": None, "time": records.now()}
        trouble = records.keep("predictions", self.question, entry)
        # The line compares the answer before this one.
        self._say("Run the next cell again to compare." if self._compared else "", trouble)

    def _say(self, *sentences: str) -> None:
        text = " ".join(filter(None, sentences))
        self._line.value = spoken(escape(text)) if text else ""

    def __repr__(self) -> str:
        lines = [f"({'•' if option == self.choice else ' '}) {option}" for option in self.options]
        return "\n".join([f"Predict: {self.question}", *lines])

    def _repr_mimebundle_(self, **options: object) -> dict[str, object]:
        bundle = super()._repr_mimebundle_(**options) or {}
        return bundle | {"text/plain": repr(self)}
