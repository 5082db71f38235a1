"""The explorer widget: one sentence, one model, one selection, eight ways to look at it.

    explorer = Explorer(model, course_encoding(), text="for i in range(10):")
    explorer                        # click, type, or press Tab and the arrow keys
    explorer.layer, explorer.head   # what is selected; assign to select something else
    explorer.ablated = ["head 0.3"] # switch a part off: before and after appear side by side
    explorer.selection_trace()      # the tensors of what is on screen
    print(explorer.code())          # the Python that computes them

The browser asks for what it shows and gets bytes (``answers``); small things and the first picture
travel in ``_scene``. Text is shown as text nodes, never as HTML.
"""

from __future__ import annotations

from typing import Any

import traitlets
from torch import Tensor

from gpt2lab.errors import InputError
from gpt2lab.explorer import picture, scene, shown
from gpt2lab.explorer.assemble import css, esm
from gpt2lab.explorer.runs import Run
from gpt2lab.explorer.selection import Selection
from gpt2lab.explorer.text import (
    HINT,
    UNKNOWN,
    as_tensor,
    check_model,
    check_names,
    context_length,
    safe_label,
    sentence,
    tokenize,
    weights_now,
)
from gpt2lab.figures.style import as_base64


class Explorer(Selection):
    """Look into a model that is running here.

    Parameters
    ----------
    model : GPT2 or any object with ``trace(tokens)``
        The least that ``trace`` must return is ``.blocks[i].attn.attn_weights`` (1, n_heads, T, T);
        views that need more say so.
    encoding : tiktoken.Encoding
    text : str
    other : model, optional
        A second model for the same text, shown as "after" beside the first.
    names : tuple of two str, optional
        What to call the two.
    title : str, optional
        Shown at the top, such as "random weights".
    **selection
        ``layer, head, token, key, view, ablated, presenter, temperature, top_k, top_p``.

    Raises
    ------
    ValueError
        For a model without ``trace``, and for a selection that does not exist. A model that fails
        on a text raises nothing: the explorer shows the message and keeps the last picture.
    """

    _esm = esm()
    _css = css()

    _scene = traitlets.Dict().tag(sync=True)
    _answered = traitlets.Int(0, help="goes up with every run, so that a failure is an answer too").tag(sync=True)

    def __init__(
        self,
        model: Any,
        encoding: Any,
        text: str = "",
        *,
        other: Any = None,
        names: Any = None,
        **selection: Any,
    ) -> None:
        unknown = set(selection) - {name for name in self.class_traits(sync=True) if name[0] != "_"}
        if unknown:
            raise InputError(f"Explorer has no setting {sorted(unknown)[0]!r}")
        self._model, self._other, self._encoding = model, other, encoding
        for candidate in self._models:
            check_model(candidate, encoding)
        usual = ("before", "after") if other is None else ("first model", "second model")
        self._names = check_names(usual if names is None else names)
        self._runs: list[Run] = []
        self._text_shown = ""
        # (what it was made of, Run) of the unchanged model: an ablation need not run it again.
        self._base: Any = None
        self._labels: dict[int, str] = {}
        self._revision = 0
        self._ready = False
        super().__init__()
        self.on_msg(self._asked)
        self.text = str(text)
        self._rerun()
        self._ready = True
        for name, value in selection.items():
            setattr(self, name, value)

    # The runs

    def refresh(self) -> None:
        """Run the model again, after it was changed in a way that its parameters do not show."""
        self._base = None
        self._rerun()

    @property
    def runs(self) -> list[Run]:
        """The run that is on screen and, after a change, the changed one behind it."""
        return list(self._runs)

    @property
    def tokens(self) -> Tensor:
        """The token ids on screen, (1, T)."""
        self._need_run()
        return self._runs[0].tokens

    def roles(self) -> list[dict]:
        """What each head does on this text, by score, best first; see ``gpt2lab.explorer.roles``."""
        self._need_run()
        table = [
            {"layer": layer, "head": head, **role}
            for layer, row in enumerate(self._runs[-1].roles)
            for head, role in enumerate(row)
            if role["role"]
        ]
        return sorted(table, key=lambda row: -row["score"])

    def selection_trace(self) -> dict[str, Tensor]:
        """The tensors behind the present view, by name; of the changed run, if there is one.

        Shapes follow the view: a head is ``attn_weights`` (T, T), all heads a list of (n_heads, T, T)
        per layer under ``attn_weights``, and so on; ``code()`` computes the same.
        """
        self._need_run()
        return shown.tensors(self._runs[-1], self.view, self.layer, self.head, self._token_index(), self._sampling())

    def code(self) -> str:
        """Python that computes what is on screen, given ``model`` and ``encoding``.

        With a second model on screen, ``model`` stands for that one.
        """
        self._need_run()
        run = self._runs[-1]
        return shown.code(
            run, self._text_shown, self.view, self.layer, self.head, self._token_index(), self._sampling()
        )

    # Files

    def save(self, path: Any) -> None:
        """Write what is on screen: ``.png`` or ``.svg`` picture, ``.csv`` numbers, ``.html`` the explorer itself."""
        from gpt2lab.explorer.files import save

        self._need_run()
        save(self, path)

    # What happens when something changes

    @traitlets.observe("text", "ablated")
    def _input_changed(self, change: Any) -> None:
        if self._ready:
            self._rerun()

    def _rerun(self) -> None:
        with self.hold_sync():
            self._answered += 1
            try:
                ids, note = tokenize(self._encoding, self.text, context_length(self._models))
                runs = self._make_runs(ids) if ids else []
            except Exception as error:  # the model may be the learner's own: it may raise anything
                self.message = sentence(error)
                self._scene = {**self._scene, "hint": ""}
                return
            if not ids:
                self.message = ""
                self._scene = {**self._scene, "hint": UNKNOWN if note else HINT, "note": ""}
                return
            was_last = not self._runs or self._token_index() == self._runs[0].T - 1
            self._runs, self._text_shown = runs, self.text
            self._revision += 1
            self._settle(len(ids), was_last)
            self.message = ""
            self._scene = scene.make_scene(self, note)

    @property
    def _models(self) -> list[Any]:
        return [model for model in (self._model, self._other) if model is not None]

    def _made_of(self, ids: list[int]) -> tuple:
        return ids, [weights_now(model) for model in self._models]

    def _make_runs(self, ids: list[int]) -> list[Run]:
        made_of = self._made_of(ids)
        if self._base is None or self._base[0] != made_of:
            self._base = (made_of, Run(self._model, as_tensor(self._model, ids)))
        if self._other is None and not self.ablated:
            return [self._base[1]]
        changed = self._changed_model
        return [self._base[1], Run(changed, as_tensor(changed, ids), self.ablated)]

    def _settle(self, T: int, was_last: bool) -> None:
        """Bring the selection back onto the new text."""
        self.token = T - 1 if was_last else min(self._token_index(), T - 1)
        if self.key >= T:
            self.key = -1
        self.layer = min(self.layer, self._last("layer"))
        self.head = min(self.head, self._last("head"))

    def _label(self, token: int) -> str:
        if token not in self._labels:
            self._labels[token] = safe_label(self._encoding, token)
        return self._labels[token]

    def _need_run(self) -> None:
        if not self._runs:
            raise InputError(f"there is nothing on screen yet: {self.message or HINT}")

    # What the browser sees

    def answer(self, question: str) -> tuple[dict, list[bytes]]:
        """What the browser gets when it asks, for instance, ``"map/0/3/5"``; see ``scene``."""
        self._need_run()
        return scene.answer(self, question)

    def _asked(self, widget: Any, content: Any, buffers: Any) -> None:
        if not isinstance(content, dict) or "want" not in content:
            return
        if self._base is not None and self._base[0] != self._made_of(self._base[0][0]):
            self._rerun()  # trained since: an answer of the new weights does not belong to the old picture
        for question in content["want"]:
            reply = {"question": question, "rev": self._revision}
            try:
                reply["meta"], data = self.answer(question)
            except Exception as error:
                reply["error"], data = sentence(error).removeprefix("The model could not be run. "), []
            self.send(reply, data)

    # Without a browser

    def __repr__(self) -> str:
        place = f"layer={self.layer}, head={self.head}, token={self.token}"
        return f"Explorer(text={self.text!r}, view={self.view!r}, {place})"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle = super()._repr_mimebundle_(**options)
        data = dict(bundle[0] if isinstance(bundle, tuple) else bundle or {})
        data["text/plain"] = repr(self)
        if not self._runs:
            return data, {}
        image = picture.draw(self)
        return data | {"image/png": as_base64(image.png())}, {"image/png": image.display_size()}
