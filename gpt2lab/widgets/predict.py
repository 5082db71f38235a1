"""Predict, then measure: a question with a few answers, compared with what the next cell measures.

    guess = Predict("How much of the last row's weight lies on the first token?", {
        "next to nothing": (0, 0.1), "about a third": (0.25, 0.45), "more than half": (0.5, 1)})
    guess
    …
    guess.compare(weights[-1, 0])      # Measured: 0.31, that is "about a third". You predicted …

What is measured stays closed while nothing is chosen, also after all cells were run at once: the question's
panel says nothing of it, and the line below the comparing cell has to be opened. A choice made later is
compared at once.

Predicting before seeing is known to help people to remember; a wrong guess helps as much as a
right one (Richland, Kornell and Kao 2009, "The pretesting effect"). Nothing is graded or sent; in a
learner's copy the answer outlives the kernel (see ``gpt2lab.files.records``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

import ipywidgets
from IPython.core.getipython import get_ipython
from traitlets import Bunch, TraitType

from gpt2lab.errors import InputError, validates
from gpt2lab.figures.style import CSS, spoken
from gpt2lab.files import records
from gpt2lab.widgets.options import TOLERANCE, Options, Rule, listed, said, single

# Answers of this kernel by question: running a cell again makes a new panel, but keeps the answer.
_answers: dict[tuple[str, tuple[str, ...]], str] = {}


@dataclass(frozen=True)
class Comparison:
    """What was measured, the option it fits, and what was predicted. Its text is one line."""

    measured: str  # as people read it
    option: str | None  # None: no option fits
    predicted: str | None  # None: nothing was chosen
    line: ipywidgets.HTML | None = field(default=None, repr=False, compare=False)  # the live one below its cell

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

    @property
    def marked(self) -> str:
        """The line with a mark: whether the prediction came true."""
        return f"{ {True: '✓', False: '✗', None: '·'}[self.correct] } {self!r}"

    def _repr_mimebundle_(self, **options: object) -> dict[str, object]:
        bundle = self.line._repr_mimebundle_(**options) if self.line is not None else None
        return {**(bundle or {}), "text/plain": repr(self)}


_NOTHING = object()  # not measured yet


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
        self._measured: object = _NOTHING
        self._below: ipywidgets.HTML | None = None  # the line below the comparing cell
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
        option = self._options.fitting(measured)
        if self._below is None:
            self._below = ipywidgets.HTML()
            self._below.add_class("gpt2lab-panel")
        comparison = Comparison(said(single(measured)), option, self.choice, self._below)
        self._measured = measured
        self._show(comparison)
        return comparison

    def _show(self, comparison: Comparison) -> None:
        """Say what was measured, in the panel only to who has chosen, and below the comparing cell."""
        trouble = records.keep("predictions", self.question, {"right": comparison.correct}) if self.choice else ""
        self._say(comparison.marked if self.choice else "", trouble)
        assert self._below is not None
        line = escape(comparison.marked)
        if not self.choice:
            closed = "Not predicted yet: choose above, or open what was measured"
            line = f"<details><summary>{closed}</summary><div>{line}</div></details>"
        self._below.value = spoken(line)

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
        if self._measured is not _NOTHING:
            self._show(Comparison(said(single(self._measured)), self._options.fitting(self._measured), self.choice))
        else:
            self._say(f"{self._place()} compares it with what is measured." if self.choice else "", trouble)

    def _place(self) -> str:
        """The cell that will compare, by what stands in it: it need not be the next one."""
        shell = get_ipython()
        names = [name for name, value in (shell.user_ns if shell else {}).items() if value is self and name[0] != "_"]
        return f"The cell with {names[0]}.compare(…)" if names else "A cell below"

    def _say(self, *sentences: str) -> None:
        text = " ".join(filter(None, sentences))
        self._line.value = spoken(escape(text)) if text else ""

    def __repr__(self) -> str:
        lines = [f"({'•' if option == self.choice else ' '}) {option}" for option in self.options]
        return "\n".join([f"Predict: {self.question}", *lines])

    def _repr_mimebundle_(self, **options: object) -> dict[str, object]:
        bundle = super()._repr_mimebundle_(**options) or {}
        return bundle | {"text/plain": repr(self)}
