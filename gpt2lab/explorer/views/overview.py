"""The whole model from text to prediction, each part to be opened in place; a still picture shows them in a row."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from gpt2lab.errors import InputError
from gpt2lab.explorer.maps import hide
from gpt2lab.explorer.screen import Screen
from gpt2lab.explorer.sheet import LAST, PAIR, TOP, Sheet
from gpt2lab.explorer.views.heads import Heads
from gpt2lab.explorer.views.next import predict
from gpt2lab.explorer.words import percent
from gpt2lab.figures.drawing import clip
from gpt2lab.figures.style import FADED, GRID
from gpt2lab.figures.weights import colours, root_scale

LEFT, RIGHT = 16, 660  # of the parts; the prediction stands beside them
MOST_BLOCKS, MOST_LINE = 12, 56
MAPS, FFN = 208, 530  # where the maps of a block begin, and its feed-forward network
TOKENS = 9


class Overview(Heads):
    """Its parts are the other views, so its numbers are those of all heads; its picture is the way through."""

    name: ClassVar[str] = "overview"

    def draw(self, sheet: Sheet, screen: Screen) -> None:
        """A line for each block, from the tokens at the top to the answer at the bottom."""
        run = screen.run
        shown = min(run.n_layers, MOST_BLOCKS)
        line = min(float(MOST_LINE), (LAST - TOP) / (shown + 3))
        sheet.title(f"From text to prediction{screen.which}")
        width = "" if run.stream is None else f", {run.T} vectors of {run.stream.shape[-1]} numbers"
        tokens = "  ".join(clip(label, 9) for label in screen.labels[:TOKENS]) + ("  …" if run.T > TOKENS else "")
        parts = [("Tokens", tokens), ("Token + position", f"the residual stream begins{width}")]
        for at, (name, what) in enumerate(parts):
            self._line(sheet, at, line, name, what, GRID)
        for layer in range(shown):
            self._block(sheet, screen, layer, layer + len(parts), line)
        more = run.n_layers - shown
        end = f"{more} more blocks, then " if more else ""
        self._line(sheet, shown + len(parts), line, "Output", end + self._answer(screen), GRID)

    @staticmethod
    def _line(sheet: Sheet, at: int, line: float, name: str, what: str, edge: str) -> None:
        top = TOP + at * line
        sheet.box(LEFT, top + 2, 5, line - 4, edge)
        sheet.text(LEFT + 14, top + line / 2, name, bold=True)
        sheet.text(MAPS, top + line / 2, clip(what, 62), color=FADED)
        if at:
            sheet.line([LEFT + 2, LEFT + 2], [top - 2, top + 2], FADED)

    @staticmethod
    def _block(sheet: Sheet, screen: Screen, layer: int, at: int, line: float) -> None:
        """The maps of a block's heads, and what of it is switched off."""
        run, top = screen.run, TOP + at * line
        off = set(run.ablated)
        no_attention, no_ffn = f"attention {layer}" in off, f"ffn {layer}" in off
        silent = [head for head in range(run.shape[layer]) if no_attention or f"head {layer}.{head}" in off]
        sheet.box(LEFT, top + 2, 5, line - 4, GRID if no_attention else PAIR[0])
        sheet.line([LEFT + 2, LEFT + 2], [top - 2, top + 2], FADED)
        sheet.text(LEFT + 14, top + line / 2, f"Block {layer}", bold=True)
        sheet.text(LEFT + 94, top + line / 2, "attention", color=FADED)
        each = min(line - 4, (FFN - MAPS - 20) / run.shape[layer] - 3)
        for head, weights in enumerate(run.thumbnails[layer].numpy()):
            x, y = MAPS + head * (each + 3), top + (line - each) / 2
            sheet.image(hide(np.asarray(weights), run.triangular), x, y, each, each, cmap=colours(), norm=root_scale())
            if head in silent:
                for ends in ([y, y + each], [y + each, y]):
                    sheet.line([x, x + each], ends, "#a32000", 2.0)
        sheet.box(FFN, top + 2, 5, line - 4, GRID if no_ffn else PAIR[1])
        sheet.text(FFN + 12, top + line / 2, "feed-forward" + (": off" if no_ffn else ""), color=FADED)

    @staticmethod
    def _answer(screen: Screen) -> str:
        """The likeliest next token, where the model has a say in it."""
        run = screen.run
        if not run.has_logits:
            return "no next token: the trace has no logits"
        try:
            rows = predict([run], screen.token, screen.knobs, screen.label).rows
        except InputError as error:
            return str(error)
        likeliest = max(rows, key=lambda row: row.p[0])
        return f"after {screen.quoted} the likeliest is ‘{clip(likeliest.label, 14)}’, {percent(likeliest.p[0])}"
