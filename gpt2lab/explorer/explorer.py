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

from torch import Tensor, nn

from gpt2lab.errors import InputError, validates
from gpt2lab.explorer import answers, files, picture
from gpt2lab.explorer.assemble import css, esm
from gpt2lab.explorer.linked import Linked
from gpt2lab.explorer.models import Encoding, Traceable, check_names, sentence, taken
from gpt2lab.explorer.pair import Pair
from gpt2lab.explorer.roles import listed
from gpt2lab.explorer.script import script
from gpt2lab.explorer.tours.base import as_data
from gpt2lab.explorer.tours.fitting import fit
from gpt2lab.explorer.tours.reading import read_tour
from gpt2lab.explorer.views import VIEWS
from gpt2lab.explorer.views.base import Answer
from gpt2lab.figures.style import as_base64
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
            fit(guide, self._encoding, self.model, self._grid(), list(VIEWS))
            self._tour = as_data(guide)
        for name, value in selection.items():
            setattr(self, name, value)
        if state:
            self.state = state

    def roles(self) -> list[dict[str, object]]:
        """What each head does on this text, by score, best first; see ``gpt2lab.explorer.roles``."""
        return listed(self.screen.run.roles)

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
