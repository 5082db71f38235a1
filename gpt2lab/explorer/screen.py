"""What is on screen: all that a view, a picture or a file may know of the explorer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gpt2lab.errors import InputError
from gpt2lab.explorer.models import Encoding
from gpt2lab.explorer.runs import Run
from gpt2lab.explorer.words import half_up
from gpt2lab.figures.drawing import clip


@dataclass(frozen=True)
class Knobs:
    """How the next token is drawn, as the explorer's traits say it."""

    temperature: float = 1.0
    top_k: int = 0  # 0 keeps all
    top_p: float = 1.0  # 1 keeps all

    @property
    def arguments(self) -> tuple[float, int | None, float | None]:
        """The same as ``next_token_probabilities`` takes them."""
        return self.temperature, self.top_k or None, None if self.top_p == 1 else self.top_p

    @property
    def as_trained(self) -> bool:
        """Whether they change nothing."""
        return self == Knobs()

    @property
    def thousandths(self) -> tuple[int, int, int]:
        """Whole numbers for a question; js/store.mjs must write the same. None is no share, so top_p is at least 1."""
        return half_up(self.temperature * 1000), self.top_k, max(1, half_up(self.top_p * 1000))

    @classmethod
    def from_thousandths(cls, temperature: int, top_k: int, top_p: int) -> Knobs:
        """The inverse of ``thousandths``, up to rounding."""
        return cls(temperature / 1000, top_k, top_p / 1000)


RUNS = ("before", "after", "difference")


@dataclass(frozen=True)
class Screen:
    """One moment of an ``Explorer``.

    Attributes
    ----------
    runs : the run as it is and, if something is changed or compared, the second one
    text : str
        What the runs are of; what is being typed may be ahead of it.
    given : bool
        The token ids were set as such; the text is only what they stand for.
    names : what the two runs are called
    named : bool
        The caller has chosen the names.
    view, layer, head, token, key, ablated, patched, presenter, title, also, span, which_run, weighted
        As the traits of the same name; ``token`` counts from the start.
    label : token id -> what to show
    encoding : what made tokens of the text
    text_b : str
        The second sentence, if there is one.
    sentences : bool
        The two runs are of the two sentences, in one model.
    base, donor : the first sentence with nothing patched, and the other sentence, to measure patches with
    no_other : str
        Why a patch cannot take from the other sentence; empty if it can.
    revision : int
        Goes up with every run, so that a late answer is recognised.
    note : str
        What of the text is not shown.
    step, tour : where a guided tour is, and the tour as the browser gets it
    """

    runs: tuple[Run, ...]
    text: str
    names: tuple[str, str]
    view: str
    layer: int
    head: int
    token: int
    key: int
    knobs: Knobs
    label: Callable[[int], str]
    ablated: tuple[str, ...] = ()
    presenter: bool = False
    title: str = ""
    revision: int = 0
    note: str = ""
    given: bool = False
    encoding: Encoding | None = None
    step: int = 0
    tour: Mapping[str, object] = field(default_factory=dict)
    text_b: str = ""
    sentences: bool = False
    also: tuple[str, ...] = ()
    span: int = -1
    which_run: str = "after"
    weighted: bool = False
    patched: tuple[str, ...] = ()
    base: Run | None = None
    donor: Run | None = None
    no_other: str = ""
    named: bool = False

    @property
    def run(self) -> Run:
        """The run that a view of one run shows: the changed one, if there is one and "before" is not chosen."""
        return self.runs[0 if self.which_run == "before" else -1]

    def run_at(self, index: int) -> Run:
        """A run by number; InputError if it is not on screen."""
        if not 0 <= index < len(self.runs):
            raise InputError(f"there is no run {index}: {len(self.runs)} on screen")
        return self.runs[index]

    @property
    def ids(self) -> list[int]:
        """The token ids of ``run``, T of them."""
        return self.run.tokens[0].tolist()

    @property
    def labels(self) -> list[str]:
        """The tokens as they are shown."""
        return self.labels_of(self.run)

    def labels_of(self, run: Run) -> list[str]:
        """A run's tokens as they are shown."""
        return [self.label(i) for i in run.tokens[0].tolist()]

    @property
    def quoted(self) -> str:
        """The selected token, for a title."""
        return f"‘{clip(self.label(self.ids[self.token]), 14)}’"

    @property
    def asked(self) -> str:
        """What a prediction at the selected token is about, for a title."""
        return f"{'In the place of' if self.run.fills_blanks else 'Next after'} {self.quoted}"

    def head_name(self) -> str:
        """The selected head, for a title."""
        name = self.run.layer_name(self.layer) if self.layer < self.run.n_layers else f"layer {self.layer}"
        return f"{name[0].upper()}{name[1:]}, head {self.head}"

    @property
    def which(self) -> str:
        """What a title ends with: which of two runs is shown."""
        return f" · {self.names[self.run is not self.runs[0]]}" if len(self.runs) > 1 else ""
