"""What an explorer runs: its sentences or token ids, its one or two models, and what is on screen of them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace

import traitlets
from torch import Tensor
from traitlets import Bunch

from gpt2lab.errors import InputError, validates
from gpt2lab.explorer.models import Encoding, Traceable, sentence
from gpt2lab.explorer.patches import no_other
from gpt2lab.explorer.runs import Run
from gpt2lab.explorer.scene import make_scene
from gpt2lab.explorer.screen import Screen
from gpt2lab.explorer.selection import Selection
from gpt2lab.explorer.sentences import called
from gpt2lab.explorer.shown import read_and_run
from gpt2lab.explorer.text import HINT, check_ids, safe_label, text_of
from gpt2lab.tokenizer import whole_characters


class Running(Selection):
    """The traits of an ``Explorer``, and the runs that follow them: a change of what is run shows at once.

    A model that fails raises nothing: ``message`` says why, and what is on screen stays.
    """

    _scene = traitlets.Dict().tag(sync=True)
    _tour = traitlets.Dict(help="a guided tour, or nothing").tag(sync=True)
    _answered = traitlets.Int(0, help="goes up with every run, so that a failure is an answer too").tag(sync=True)

    _encoding: Encoding
    _names: Sequence[str]  # of the two runs
    _named = False  # by the caller
    _given: tuple[str, list[int]] | None = None  # ids that were set as such, and the text they stand for
    _revision = 0
    _ready = False  # else a change of a trait runs nothing

    def refresh(self) -> None:
        """Run the model again, after it was changed in a way that its parameters do not show."""
        self._pair.forget()
        self._rerun()

    @property
    def runs(self) -> list[Run]:
        """The run that is on screen and, after a change, the changed one behind it."""
        return list(self._runs)

    @property
    def screen(self) -> Screen:
        """All that is on screen at this moment; what views, pictures and files are made of."""
        now = self._shown
        if not now.runs:
            raise InputError(f"there is nothing on screen yet: {self.message or HINT}")
        return Screen(
            runs=now.runs,
            text=now.text,
            given=now.given,
            encoding=self._encoding,
            text_b=now.text_b,
            sentences=now.sentences,
            names=self._shown_names(),
            named=self._named,
            view=self.view,
            layer=self.layer,
            head=self.head,
            token=self._token_index(),
            key=self.key,
            knobs=self._knobs(),
            label=self._label,
            ablated=tuple(self._off),
            patched=now.patched,
            base=self._pair.base,
            donor=self._pair.donor,
            no_other=no_other(*now.lengths),
            presenter=self.presenter,
            title=self.title,
            revision=self._revision,
            note=now.note,
            step=self.step,
            tour=self._tour,
            also=tuple(map(str, self.also)),
            span=self.span,
            which_run=self.which_run,
            weighted=self.weighted,
        )

    @property
    def model(self) -> Traceable:
        """The model that ``code()`` runs: of two the one that is shown; of a transformers GPT-2 the ``GPT2``."""
        return self._pair.first if self.which_run == "before" else self._pair.changed

    @property
    def encoding(self) -> Encoding:
        """What makes tokens of the text; of a transformers tokenizer an ``Encoding`` of the same tokens."""
        return self._encoding

    @property
    def tokens(self) -> Tensor:
        """The token ids on screen, (1, T). Assign others, such as ``generate``'s, to see them as they are.

        The text becomes what they stand for; once it is edited, its own tokens are shown again.
        """
        return self.screen.runs[0].tokens

    @tokens.setter
    @validates
    def tokens(self, ids: Sequence[int] | Tensor) -> None:
        before = self.text
        self._give(ids)
        if self.text == before:  # else the new text has run them
            self._rerun()

    @validates
    def _give(self, ids: Sequence[int] | Tensor) -> None:
        checked = check_ids(ids, self._pair.vocab_size)
        words = whole_characters(text_of(self._encoding, checked))
        self._given = words, checked
        self._tokens = list(checked)
        self.text = words

    @traitlets.observe("_tokens")
    def _tokens_changed(self, change: Bunch) -> None:
        """Ids from the browser: a token that was clicked or drawn, or one that was taken back."""
        ids = change["new"]
        if ids == ([] if self._given is None else self._given[1]):
            return
        try:
            if ids:
                self.tokens = ids
            else:
                self._given = None
                self._rerun()
        except InputError as error:
            self.message = sentence(error)

    @traitlets.observe("text", "text_b", "ablated", "patched")
    def _input_changed(self, change: Bunch) -> None:
        if self._given is not None and self.text != self._given[0]:
            self._given, self._tokens = None, []  # edited
        if self._ready:
            self._rerun()

    def _rerun(self) -> None:
        with self.hold_sync():
            self._answered += 1
            ids = None if self._given is None else self._given[1]
            try:
                new = read_and_run(self._pair, self._encoding, self.text, ids, self.text_b, self._off, self._put)
            except Exception as error:  # the model may be the learner's own: it may raise anything
                self.message = sentence(error)
                self._scene = {**self._scene, "hint": ""}
                return
            if not new.runs:
                self.message = ""
                self._scene = {**self._scene, "hint": new.hint, "note": ""}
                self._shown = replace(self._shown, note="")
                return
            was_last = not self._runs or self._token_index() == self._runs[0].T - 1
            self._shown = new
            self._revision += 1
            self._settle(new.runs[0].T, was_last)
            self.message = ""
            self._scene = make_scene(self.screen)

    def _shown_names(self) -> tuple[str, str]:
        if self._shown.sentences and not self._named:
            return called(self._runs[0].tokens[0].tolist(), list(self._shown.second), self._label)
        return self._names[0], self._names[1]

    @functools.cached_property
    def _label(self) -> Callable[[int], str]:
        return functools.cache(functools.partial(safe_label, self._encoding))
