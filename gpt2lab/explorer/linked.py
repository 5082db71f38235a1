"""The explorer's state as a line of text: ``explorer.state``, and what a link brings along."""

from __future__ import annotations

from collections.abc import Mapping

import traitlets
from traitlets import Bunch

from gpt2lab.errors import InputError, shown, validates
from gpt2lab.explorer import links
from gpt2lab.explorer.running import Running
from gpt2lab.explorer.selection import VIEWS

# What a link says, and the trait that holds it. Text and ids are apart, because they run the model.
TRAITS = {"view": "view", "layer": "layer", "head": "head", "token": "token", "key": "key", "off": "ablated"}
TRAITS |= {"run": "which_run"} | {name: name for name in ("also", "span", "weighted", "patched")}
TRAITS |= {name: name for name in ("temperature", "top_k", "top_p", "presenter", "step", "text_b")}
RUNS = ("off", "patched", "text_b")  # those that run the model


class Linked(Running):
    """An explorer that can be described by a link and opened from one."""

    notice = traitlets.Unicode(help="what of a link could not be shown, in one sentence").tag(sync=True)

    @property
    def state(self) -> str:
        """What is selected, typed and switched off, as the part of a link after its "#".

        Assign one, or a whole link, to see what it says. A link that is damaged or of another model
        changes nothing, and ``notice`` says why; what is not known here is left out, and said as well.
        """
        return links.encode(self._state())

    @state.setter
    @validates
    def state(self, link: str) -> None:
        if not isinstance(link, str):
            raise InputError(f"state must be a link or the part after its #, a text, got {shown(link)}")
        before = self._state()
        try:
            wanted, note = links.decode(link)
            self._open(wanted)
        except InputError as error:
            note = str(error)
            self._open(before)
        self.notice = note

    def _state(self) -> links.State:
        here = self._here()
        state: links.State = {name: getattr(self, trait) for name, trait in TRAITS.items()}
        typed: links.State = {"text": self.text} if self._given is None else {"ids": list(self._given[1])}
        if here.T is not None and self._token_index() == here.T - 1:
            state["token"] = -1
        return {"model": here.model, **state, **typed}

    def _here(self) -> links.Here:
        if not self._runs:
            return links.Here("", VIEWS, [])
        shape = self._grid()
        return links.Here(links.signature(shape, self._pair.vocab_size), VIEWS, shape, self._runs[0].T)

    def _open(self, state: Mapping[str, object]) -> None:
        """Show a state; InputError, with a part of it shown perhaps, if that cannot be."""
        state = {name: state.get(name, start) for name, (_, start) in links.FIELDS.items()}
        with self.hold_sync():
            self._ready = False  # one run for the text and for what is off
            try:
                self._type(state["text"], state["ids"])
                for name in RUNS:
                    setattr(self, TRAITS[name], state[name])
            finally:
                self._ready = True
            self._rerun()
            if self.message:
                raise InputError(f"{links.REFUSED}{self.message}")
            if self._runs and (why := links.misfit(state, self._here())):
                raise InputError(why)
            for name, trait in TRAITS.items():
                setattr(self, trait, state[name])

    def _type(self, text: object, ids: object) -> None:
        if isinstance(ids, list) and ids:
            self._give(ids)
        elif isinstance(text, str):
            self._given, self._tokens = None, []
            self.text = text

    @traitlets.observe("text", *TRAITS.values())
    def _link_is_history(self, change: Bunch) -> None:
        self.notice = ""
