"""The views of the explorer, in the order of their tabs: the one table that lists them.

A view NAME is this entry, ``views/NAME.py`` and ``js/views/NAME.mjs``, whose ``NAMEView`` draws it in
the browser; see ``base.View``.
"""

from __future__ import annotations

from gpt2lab.explorer.views.attribution import Attribution
from gpt2lab.explorer.views.base import View
from gpt2lab.explorer.views.head import Head
from gpt2lab.explorer.views.heads import Heads
from gpt2lab.explorer.views.lens import Lens
from gpt2lab.explorer.views.neurons import Neurons
from gpt2lab.explorer.views.next import Next
from gpt2lab.explorer.views.overview import Overview
from gpt2lab.explorer.views.patch import Patch
from gpt2lab.explorer.views.scores import Scores
from gpt2lab.explorer.views.stream import Stream

_ALL: tuple[View, ...] = (
    Overview(), Heads(), Head(), Scores(), Stream(), Neurons(), Lens(), Attribution(), Patch(), Next(),
)  # fmt: skip
VIEWS: dict[str, View] = {view.name: view for view in _ALL}
