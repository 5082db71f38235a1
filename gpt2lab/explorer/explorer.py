"""The explorer widget: one sentence, one model, one selection, several views.

    explorer = Explorer(model, course_encoding(), text="for i in range(10):")
    explorer                        # click, type, or press Tab and the arrow keys
    explorer.layer, explorer.head   # what is selected; assign to select something else
    explorer.ablated = ["head 0.3"] # switch a part off: before and after appear side by side
    explorer.state                  # all of that as a line of text, for Explorer(model, encoding, state=…)
    explorer.text_b = "…"           # a second sentence beside the first
    explorer.patched = ["head 0.3 9 other"]  # put another value into a place: from the other sentence, zero or mean
    explorer.tokens = ids           # token ids instead of a text: what a model generated, <|endoftext|>
    explorer.selection_trace()      # the tensors of what is on screen
    print(explorer.code())          # the Python that computes them

The browser asks for what it shows and gets bytes (``answers``); small things and the first picture
travel in ``_scene``. Text is shown as text nodes, never as HTML.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import traitlets
from torch import Tensor, nn
from traitlets import Bunch

from gpt2lab.errors import InputError, validates
from gpt2lab.explorer import answers, files, picture, together
from gpt2lab.explorer.assemble import css, esm
from gpt2lab.explorer.linked import Linked
from gpt2lab.explorer.models import Encoding, Traceable, check_names, sentence, taken
from gpt2lab.explorer.pair import Pair
from gpt2lab.explorer.patches import no_other
from gpt2lab.explorer.runs import Run
from gpt2lab.explorer.scene import grid, make_scene
from gpt2lab.explorer.screen import Screen
from gpt2lab.explorer.script import script
from gpt2lab.explorer.sentences import aligned, called
from gpt2lab.explorer.text import HINT, UNKNOWN, check_ids, fitting, read, safe_label, text_of, typed_ids
from gpt2lab.explorer.tours.base import as_data
from gpt2lab.explorer.tours.fitting import fit
from gpt2lab.explorer.tours.reading import read_tour
from gpt2lab.explorer.views import VIEWS
from gpt2lab.explorer.views.base import Answer
from gpt2lab.figures.style import as_base64
from gpt2lab.tokenizer import whole_characters
from gpt2lab.tokenizer.foreign import TransformersTokenizer


class Explorer(Linked):
    """Look into a model that is running here.

    Parameters
    ----------
    model : GPT2, a relative of it, a transformers GPT-2, or any object with ``trace(tokens)``
        The least that ``trace`` must return is ``.blocks[i].attn.attn_weights`` (1, n_heads, T, T);
        views that need more say so. A transformers GPT-2 is copied: training it later does not show.
        An encoder–decoder reads source, start token and target as one line; see ``SourceAndTarget``.
    encoding : tiktoken.Encoding or a transformers tokenizer
    text : str, or the token ids themselves: a list, or a tensor (T,) or (1, T)
        Ids are shown as they are, also where their text would be cut into other tokens. They can be typed as
        well: ``ids: 50256 318``.
    text_b : str, optional
        A second sentence in the same model, shown beside the first, position by position.
    other : model, optional
        A second model for the same text, shown as "after" beside the first.
    names : two str, optional
        What to call the two. Two sentences that differ in one token are called by it.
    state : str, optional
        A link that was copied from an explorer, or the part after its "#": what to show; see ``state``.
    tour : str or path, optional
        A guided tour: "robot", "induction", or a file in the form of ``gpt2lab.explorer.tours.base``. Without
        a text of its own the explorer takes the tour's.
    **selection
        ``layer, head, token, key, view, ablated, patched, presenter, temperature, top_k, top_p``, ``also`` (heads
        drawn with the selected one), ``span`` (the other end of a span of queries), ``which_run`` (of two runs:
        before, after, difference), ``weighted`` (weight x length of what is taken), and
        ``title``, shown at the top, such as "random weights".

    Raises
    ------
    InputError
        For a model without ``trace``, an encoding with more tokens than the model, and a selection that
        does not exist. A model that fails on a text raises nothing: the explorer shows the message and
        keeps the last picture.
    """

    _esm = esm()
    _css = css()

    _scene = traitlets.Dict().tag(sync=True)
    _tour = traitlets.Dict(help="a guided tour, or nothing").tag(sync=True)
    _answered = traitlets.Int(0, help="goes up with every run, so that a failure is an answer too").tag(sync=True)

    @validates
    def __init__(
        self,
        model: Traceable | nn.Module,
        encoding: Encoding | TransformersTokenizer,
        text: str | Sequence[int] | Tensor = "",
        *,
        text_b: str = "",
        other: Traceable | nn.Module | None = None,
        names: Sequence[str] | None = None,
        state: str = "",
        tour: str | os.PathLike[str] | None = None,
        **selection: object,
    ) -> None:
        unknown = set(selection) - {name for name in self.class_traits(sync=True) if name[0] != "_"}
        if unknown:
            raise InputError(f"Explorer has no setting {sorted(unknown)[0]!r}")
        models, self._encoding = taken([model] if other is None else [model, other], encoding)
        self._pair = Pair(*models)
        usual = ("before", "after") if other is None else ("first model", "second model")
        self._names = check_names(usual if names is None else names)
        self._named = names is not None
        self._second: list[int] = []  # the ids of the second sentence, if there is one
        self._text_b_shown = ""
        self._put_shown: list[str] = []
        self._lengths = (0, 0)  # tokens of both sentences, before they are brought to one length
        self._runs: list[Run] = []
        self._given: tuple[str, list[int]] | None = None  # ids that were set as such, and the text they stand for
        self._text_shown, self._given_shown = "", False
        self._note = ""
        self._labels: dict[int, str] = {}
        self._revision = 0
        self._ready = False
        super().__init__()
        self.on_msg(self._asked)
        guide = None if tour is None else read_tour(tour)
        if isinstance(text, str):
            self.text = text or (guide.text if guide else "")
        else:
            self._give(text)
        self.text_b = text_b
        self._rerun()
        self._ready = True
        if guide is not None:
            fit(guide, self._encoding, self.model, grid([run.shape for run in self._runs]), list(VIEWS))
            self._tour = as_data(guide)
        for name, value in selection.items():
            setattr(self, name, value)
        if state:
            self.state = state

    # The runs

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
        if not self._runs:
            raise InputError(f"there is nothing on screen yet: {self.message or HINT}")
        return Screen(
            runs=tuple(self._runs),
            text=self._text_shown,
            given=self._given_shown,
            encoding=self._encoding,
            text_b=self._text_b_shown,
            sentences=bool(self._second) and not self._put_shown,
            names=self._shown_names(),
            view=self.view,
            layer=self.layer,
            head=self.head,
            token=self._token_index(),
            key=self.key,
            knobs=self._knobs(),
            label=self._label,
            ablated=tuple(self._off),
            patched=tuple(self._put_shown),
            base=self._pair.base,
            donor=self._pair.donor,
            no_other=no_other(*self._lengths),
            presenter=self.presenter,
            title=self.title,
            revision=self._revision,
            note=self._note,
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

    def roles(self) -> list[dict[str, object]]:
        """What each head does on this text, by score, best first; see ``gpt2lab.explorer.roles``."""
        found = [
            (role["score"], {"layer": layer, "head": head, **role})
            for layer, row in enumerate(self.screen.run.roles)
            for head, role in enumerate(row)
            if role["role"]
        ]
        return [row for _, row in sorted(found, key=lambda pair: -pair[0])]

    def selection_trace(self) -> dict[str, Tensor]:
        """The tensors behind the present view, by name; of the changed run, if there is one.

        Shapes follow the view: a head is ``attn_weights`` (T, T), all heads are (n_heads, T, T) under
        ``attn_weights 0`` and so on, one per layer; ``code()`` computes the same.
        """
        return VIEWS[self.view].tensors(self.screen)

    def code(self) -> str:
        """Python that computes what is on screen, given ``model`` and ``encoding``: those of this explorer."""
        return script(self.screen)

    def save(self, path: str | os.PathLike[str], recorded: bool | None = None) -> None:
        """Write what is on screen: ``.png`` or ``.svg`` picture, ``.csv`` numbers, ``.html`` the explorer itself.

        Parameters
        ----------
        path : str or Path
            Its ending picks the kind.
        recorded : bool, optional
            Of a page: False holds the model and runs it in the browser, without Python; it takes a ``GPT2`` of
            at most 4 million weights. True holds answers that are computed now, and takes every model.
            By default the model, where the page can run it.

        Raises
        ------
        InputError
            For another ending, and for a page that was to run what it cannot run.
        """
        files.save(self.screen, path, recorded)

    # What happens when something changes

    @traitlets.observe("text", "text_b", "ablated", "patched")
    def _input_changed(self, change: Bunch) -> None:
        if self._given is not None and self.text != self._given[0]:
            self._given, self._tokens = None, []  # edited
        if self._ready:
            self._rerun()

    def _rerun(self) -> None:
        with self.hold_sync():
            self._answered += 1
            try:
                ids, note = self._ids()
                second, note_b = self._read(self.text_b) if ids else ([], "")
                lengths = len(ids), len(second)
                ids, second, cut = aligned(ids, second)
                runs = self._pair.runs(ids, self._off, second, self._put, lengths) if ids else []
            except Exception as error:  # the model may be the learner's own: it may raise anything
                self.message = sentence(error)
                self._scene = {**self._scene, "hint": ""}
                return
            if not ids:
                self.message = ""
                self._scene = {**self._scene, "hint": UNKNOWN if note else HINT, "note": ""}
                self._note = ""
                return
            was_last = not self._runs or self._token_index() == self._runs[0].T - 1
            self._runs, self._text_shown, self._note = runs, self.text, " ".join(filter(None, (note, note_b, cut)))
            self._second, self._text_b_shown = second, self.text_b
            self._put_shown, self._lengths = self._put, lengths
            self._given_shown = self._given is not None or typed_ids(self.text, None) is not None
            self._revision += 1
            self._settle(len(ids), was_last)
            self.message = ""
            self._scene = make_scene(self.screen)

    def _ids(self) -> tuple[list[int], str]:
        """The token ids to run, and what of them is not shown."""
        return self._read(self.text) if self._given is None else fitting(self._given[1], self._pair.context_length)

    def _read(self, text: str) -> tuple[list[int], str]:
        return read(self._encoding, text, self._pair.context_length, self._pair.vocab_size)

    def _shown_names(self) -> tuple[str, str]:
        if self._second and not self._named and not self._put_shown:
            return called(self._runs[0].tokens[0].tolist(), self._second, self._label)
        return self._names[0], self._names[1]

    def _settle(self, T: int, was_last: bool) -> None:
        """Bring the selection back onto the new text."""
        self.token = T - 1 if was_last else min(self._token_index(), T - 1)
        if self.key >= T:
            self.key = -1
        if self.span >= T:
            self.span = -1
        shape = grid([run.shape for run in self._runs])
        self.also = [word for word in self.also if not together.why_not([word], shape)]
        self.layer = min(self.layer, self._last("layer"))
        self.head = min(self.head, self._last("head"))

    def _label(self, token: int) -> str:
        if token not in self._labels:
            self._labels[token] = safe_label(self._encoding, token)
        return self._labels[token]

    # What the browser sees

    def answer(self, question: str) -> Answer:
        """What the browser gets when it asks, for instance, ``"map/0/3/5"``; see ``answers``."""
        screen = self.screen
        return files.file_answer(screen, question) if question in files.FILES else answers.answer(screen, question)

    def _asked(self, widget: object, content: object, buffers: object) -> None:
        if not isinstance(content, dict) or "want" not in content:
            return
        if self._pair.is_stale():
            self._rerun()  # trained since: an answer of the new weights does not belong to the old picture
        for question in content["want"]:
            reply: dict[str, object] = {"question": question, "rev": self._revision}
            data: list[bytes] = []
            try:
                reply["meta"], data = self.answer(question)
            except Exception as error:
                reply["error"] = sentence(error).removeprefix("The model could not be run. ")
            self.send(reply, data)

    # Without a browser

    def __repr__(self) -> str:
        place = f"layer={self.layer}, head={self.head}, token={self.token}"
        return f"Explorer(text={self.text!r}, view={self.view!r}, {place})"

    def _repr_mimebundle_(self, **options: dict) -> tuple[dict, dict]:
        bundle = super()._repr_mimebundle_(**options)
        data = dict(bundle[0] if bundle is not None else {})
        data["text/plain"] = repr(self)
        if not self._runs:
            return data, {}
        image = picture.draw(self.screen)
        return data | {"image/png": as_base64(image.png())}, {"image/png": image.display_size()}
