"""The one or two models of an explorer, and their runs on one or two sentences."""

from __future__ import annotations

from collections.abc import Sequence

from gpt2lab.explorer.models import Traceable, as_tensor, context_length, vocab_size, weights_now
from gpt2lab.explorer.patches import check_here, no_other, put
from gpt2lab.explorer.runs import Run

MadeOf = tuple[int, tuple[int, ...], tuple[str, ...]]  # which model, token ids, what is off


class Pair:
    """A model and, for a comparison, a second one.

    Attributes
    ----------
    first : model
        Shown as it is.
    changed : model
        The one whose parts are switched off and patched: the second, if there is one.
    base, donor : Run
        What patches change, and the other sentence that they may take from: unpatched, with what is off.
    """

    def __init__(self, first: Traceable, second: Traceable | None = None) -> None:
        self.first = first
        self.changed = first if second is None else second
        self.compared = second is not None
        # Unpatched runs on screen or behind it, with what they were made of: a change need not run them again.
        self._known: dict[MadeOf, Run] = {}
        self._weights: list[list[tuple[int, int]]] = []
        self.base: Run | None = None
        self.donor: Run | None = None

    @property
    def context_length(self) -> int | None:
        """The longest text that both models take, if one says so."""
        return context_length([self.first, self.changed])

    @property
    def vocab_size(self) -> int | None:
        """How many tokens both models know, if one says so."""
        return vocab_size([self.first, self.changed])

    def runs(
        self,
        ids: list[int],
        ablated: Sequence[str],
        second: list[int] | None = None,
        patched: Sequence[str] = (),
        lengths: tuple[int, int] | None = None,
    ) -> list[Run]:
        """The first model as it is and, if something is changed or compared, the changed one.

        With the ids of a ``second`` sentence: both sentences, in the one model with its parts switched off; if
        something is ``patched``, the first sentence as it is, and changed.

        Parameters
        ----------
        lengths : tokens of both sentences, if they were cut to one length
        """
        counts = lengths or (len(ids), len(second or []))
        patches = check_here(patched, self.changed, len(ids), counts) if patched else []
        weights = self._weights_now()
        if weights != self._weights:
            self._known = {}
        self._weights = weights
        used: dict[MadeOf, Run] = {}

        def kept(model: Traceable, ids: list[int], ablated: Sequence[str]) -> Run:
            made_of = id(model), tuple(ids), tuple(ablated)
            used[made_of] = self._known.get(made_of) or Run(model, as_tensor(model, ids), ablated)
            return used[made_of]

        if second and not patches:
            self.base, self.donor = kept(self.first, ids, ablated), kept(self.first, second, ablated)
            runs = [self.base, self.donor]
        else:
            first = kept(self.first, ids, [])
            self.base = kept(self.changed, ids, ablated) if self.compared or ablated else first
            self.donor = kept(self.first, second, ablated) if second else None
            runs = [first, self.base] if self.base is not first else [first]
        if no_other(*counts):
            self.donor = None  # its positions are other places
        if patches:
            made = put(patches, self.base, self.donor)
            runs = [runs[0], Run(self.changed, as_tensor(self.changed, ids), ablated, made)]
        self._known = used
        return runs

    def forget(self) -> None:
        """Run the models again next time, although their parameters look the same."""
        self._known = {}

    def is_stale(self) -> bool:
        """Whether parameters were written to since the last run."""
        return bool(self._known) and self._weights != self._weights_now()

    def _weights_now(self) -> list[list[tuple[int, int]]]:
        return [weights_now(model) for model in (self.first, self.changed)]
