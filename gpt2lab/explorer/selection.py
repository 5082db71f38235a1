"""What is selected in an explorer: its public traits, and the limits each must keep."""

from __future__ import annotations

import anywidget
import traitlets
from traitlets import Bunch

from gpt2lab.errors import InputError, shown, whole_number
from gpt2lab.explorer import changes, patches, together
from gpt2lab.explorer.pair import Pair
from gpt2lab.explorer.runs import Run
from gpt2lab.explorer.scene import grid
from gpt2lab.explorer.screen import RUNS, Knobs
from gpt2lab.explorer.settings import ListOfWords, Real, Switch, Whole, Words
from gpt2lab.explorer.shown import Shown
from gpt2lab.explorer.views import VIEWS as _VIEWS
from gpt2lab.generation import check_sampling
from gpt2lab.tokenizer import whole_characters

VIEWS = tuple(_VIEWS)


class Selection(anywidget.AnyWidget):
    """The traits of an ``Explorer``; assigning one that does not exist is an InputError."""

    _pair: Pair
    _shown = Shown()

    text = Words().tag(sync=True)
    text_b = Words(help="a second sentence, shown beside the first; empty: none").tag(sync=True)
    _tokens = traitlets.List(traitlets.Any(), help="ids given as such; empty: the text's own").tag(sync=True)
    layer = Whole(0).tag(sync=True)
    head = Whole(0).tag(sync=True)
    token = Whole(-1, help="position of the query; negative counts from the end").tag(sync=True)
    key = Whole(-1, help="position attended to; -1 is the strongest").tag(sync=True)
    also = ListOfWords(traitlets.Any(), help='heads drawn with the selected one, such as "head 0.3"').tag(sync=True)
    span = Whole(-1, help="the other end of a span of queries; -1: the one query").tag(sync=True)
    view = Words("heads").tag(sync=True)
    which_run = Words("after", help="of two runs: before, after or difference").tag(sync=True)
    weighted = Switch(False, help="maps show weight x length of what is taken").tag(sync=True)
    ablated = ListOfWords(traitlets.Any(), help="parts switched off; see gpt2lab.explorer.changes").tag(sync=True)
    patched = ListOfWords(traitlets.Any(), help="see gpt2lab.studies.patch_words").tag(sync=True)
    presenter = Switch(False, help="larger letters, for a projector").tag(sync=True)
    step = Whole(0, help="of the tour, from 0").tag(sync=True)
    temperature = Real(1.0).tag(sync=True)
    top_k = Whole(0, help="0 keeps all").tag(sync=True)
    top_p = Real(1.0, help="1 keeps all").tag(sync=True)
    message = traitlets.Unicode(help="what went wrong, in one sentence").tag(sync=True)
    title = Words().tag(sync=True)

    @traitlets.validate("text_b")
    def _one_comparison(self, proposal: Bunch) -> str:
        if proposal["value"] and self._pair.compared:
            raise InputError("an explorer compares two models or two sentences, not both: leave other or text_b out")
        return whole_characters(proposal["value"])

    @traitlets.validate("text", "title")
    def _whole_characters(self, proposal: Bunch) -> str:
        return whole_characters(proposal["value"])

    @traitlets.validate("view")
    def _known_view(self, proposal: Bunch) -> str:
        view = proposal["value"]
        if view not in VIEWS:
            raise InputError(f"view must be one of {', '.join(VIEWS)}, got {shown(view)}")
        return view

    @traitlets.validate("temperature")
    def _possible_temperature(self, proposal: Bunch) -> float:
        check_sampling(proposal["value"])
        return proposal["value"]

    @traitlets.validate("step")
    def _possible_step(self, proposal: Bunch) -> int:
        return whole_number("step", proposal["value"])

    @traitlets.validate("top_k")
    def _possible_top_k(self, proposal: Bunch) -> int:
        if proposal["value"] < 0:
            raise InputError(f"top_k must be at least 1, or 0 for all tokens, got {shown(proposal['value'])}")
        return proposal["value"]

    @traitlets.validate("top_p")
    def _possible_top_p(self, proposal: Bunch) -> float:
        check_sampling(1.0, None, proposal["value"])
        return proposal["value"]

    @traitlets.validate("ablated")
    def _known_parts(self, proposal: Bunch) -> list[str]:
        return changes.check(proposal["value"], self._pair.changed)

    @traitlets.validate("which_run")
    def _known_run(self, proposal: Bunch) -> str:
        if proposal["value"] not in RUNS:
            raise InputError(f"which_run must be one of {', '.join(RUNS)}, got {shown(proposal['value'])}")
        return proposal["value"]

    @traitlets.validate("also")
    def _existing_heads(self, proposal: Bunch) -> list[str]:
        return together.check(proposal["value"], self._grid() if self._runs else None)

    @traitlets.validate("patched")
    def _known_places(self, proposal: Bunch) -> list[str]:
        return patches.check(proposal["value"], self._pair.changed)

    @traitlets.validate("layer", "head", "token", "key", "span")
    def _existing_place(self, proposal: Bunch) -> int:
        name, value = proposal["trait"].name, proposal["value"]
        least = {"layer": 0, "head": 0, "key": -1, "span": -1}.get(name)
        if not self._runs:  # the end is not known yet; the first run brings it back
            if least is not None and value < least:
                raise InputError(f"{name} must be at least {least}, got {shown(value)}")
            return value
        last = self._last(name)
        if not (-1 - last if least is None else least) <= value <= last:
            raise InputError(f"{name} must lie in 0 … {last}, got {shown(value)}")
        return value % self._runs[0].T if name == "token" else value

    @property
    def _runs(self) -> tuple[Run, ...]:
        return self._shown.runs

    def _grid(self) -> list[int]:
        return grid([run.shape for run in self._runs])

    def _settle(self, T: int, was_last: bool) -> None:
        """Bring the selection back onto a new text of T tokens; ``was_last``: onto its last one."""
        self.token = T - 1 if was_last else min(self._token_index(), T - 1)
        if self.key >= T:
            self.key = -1
        if self.span >= T:
            self.span = -1
        self.also = [word for word in self.also if not together.why_not([word], self._grid())]
        self.layer = min(self.layer, self._last("layer"))
        self.head = min(self.head, self._last("head"))

    def _last(self, name: str) -> int:
        if name == "layer":
            return max(r.n_layers for r in self._runs) - 1
        if name == "head":
            return max(max(r.shape) for r in self._runs) - 1
        return self._runs[0].T - 1

    @property
    def _off(self) -> list[str]:
        """The words of ``ablated``, which ``changes.check`` has seen."""
        return [str(word) for word in self.ablated]

    @property
    def _put(self) -> list[str]:
        """The words of ``patched``, which ``patches.check`` has seen."""
        return [str(word) for word in self.patched]

    def _token_index(self) -> int:
        return self.token % self._runs[0].T if self.token < 0 else self.token

    def _knobs(self) -> Knobs:
        return Knobs(self.temperature, self.top_k, self.top_p)
