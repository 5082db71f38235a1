"""The one or two models of an explorer, and their runs on one or two sentences."""

from __future__ import annotations

from collections.abc import Sequence

from gpt2lab.explorer.models import Traceable, as_tensor, context_length, vocab_size, weights_now
from gpt2lab.explorer.runs import Run

MadeOf = tuple[list[int], list[str], list[list[tuple[int, int]]]]  # token ids, what is off, the weights of each model


class Pair:
    """A model and, for a comparison, a second one.

    Attributes
    ----------
    first : model
        Shown as it is.
    changed : model
        The one whose parts are switched off: the second, if there is one.
    """

    def __init__(self, first: Traceable, second: Traceable | None = None) -> None:
        self.first = first
        self.changed = first if second is None else second
        self.compared = second is not None
        # The run of the first model, with what it was made of: an ablation need not run it again.
        self._base: tuple[MadeOf, Run] | None = None

    @property
    def context_length(self) -> int | None:
        """The longest text that both models take, if one says so."""
        return context_length([self.first, self.changed])

    @property
    def vocab_size(self) -> int | None:
        """How many tokens both models know, if one says so."""
        return vocab_size([self.first, self.changed])

    def runs(self, ids: list[int], ablated: Sequence[str], second: list[int] | None = None) -> list[Run]:
        """The first model as it is and, if something is changed or compared, the changed one.

        With the ids of a ``second`` sentence: both sentences, in the one model with its parts switched off.
        """
        if second:
            return [self._kept(ids, ablated), Run(self.first, as_tensor(self.first, second), list(ablated))]
        first = self._kept(ids, [])
        if not self.compared and not ablated:
            return [first]
        return [first, Run(self.changed, as_tensor(self.changed, ids), list(ablated))]

    def _kept(self, ids: list[int], ablated: Sequence[str]) -> Run:
        made_of = self._made_of(ids, ablated)
        if self._base is None or self._base[0] != made_of:
            self._base = (made_of, Run(self.first, as_tensor(self.first, ids), list(ablated)))
        return self._base[1]

    def forget(self) -> None:
        """Run the first model again next time, although its parameters look the same."""
        self._base = None

    def is_stale(self) -> bool:
        """Whether parameters were written to since the last run."""
        return self._base is not None and self._base[0] != self._made_of(*self._base[0][:2])

    def _made_of(self, ids: list[int], ablated: Sequence[str]) -> MadeOf:
        return ids, list(ablated), [weights_now(model) for model in (self.first, self.changed)]
