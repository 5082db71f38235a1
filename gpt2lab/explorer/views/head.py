"""One head: who looks at whom, as a matrix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, cast

import torch
from torch import Tensor

from gpt2lab.errors import InputError
from gpt2lab.explorer import packing
from gpt2lab.explorer.maps import SIZE, hide, legend
from gpt2lab.explorer.runs import Run, is_gpt2
from gpt2lab.explorer.screen import Screen
from gpt2lab.explorer.sheet import TOP, Sheet
from gpt2lab.explorer.views.base import MAPS, ROWS, Answer, Likely, Row, View, no_nan
from gpt2lab.explorer.words import amount
from gpt2lab.figures.drawing import clip
from gpt2lab.figures.style import FADED, SMALL
from gpt2lab.figures.weights import colours, root_scale
from gpt2lab.studies.attribution import taken_lengths
from gpt2lab.trace import AttentionTrace

MOST_LABELS = 40


def weights(run: Run, layer: int, head: int) -> Tensor:
    """Attention weights of a head that is there: (T, T)."""
    run.need_head(layer, head)
    return run.weights(layer, head)


def taken(run: Run, layer: int) -> Answer:
    """How much each head of a layer takes: weight times the length of what is taken, ‖v_j W_O‖.

    The answer: small pictures as in the scene, of shares of the largest product in this layer (``most``); then
    the lengths (n_heads, T), to be multiplied with exact weights.
    """
    run.need_layer(layer)
    if not is_gpt2(run.model):
        raise InputError("this model has no values and no output layer to look into, only attention weights")
    attn = cast(AttentionTrace, run.block(layer).attn)  # the model is a GPT-2
    with torch.no_grad():
        lengths = taken_lengths(run.model.blocks[layer].attn, attn)
    products = attn.attn_weights[0].detach().float() * lengths[0, :, None].float()  # (n_heads, T, T)
    most = float(no_nan(products, "lengths of what is taken").max())
    small = packing.thumbnail(products / (most or 1.0))
    return {"most": most}, [packing.pack(small, run.triangular), packing.floats(lengths[0])]


class Head(View):
    """It needs the attention weights, which every trace has."""

    name: ClassVar[str] = "head"
    asked: ClassVar[tuple[str, ...]] = ("map/run/layer/head", "row/run/layer/head/token", "taken/run/layer")
    with_prediction: ClassVar[bool] = True
    code: ClassVar[tuple[str, ...]] = ("shown = {'attn_weights': trace.blocks[{layer}].attn.attn_weights[0, {head}]}",)

    def ask(self, screen: Screen) -> tuple[str, str]:
        """The questions about the selected head, in the run that is shown: its map, and the query's row."""
        place = f"{len(screen.runs) - 1}/{screen.layer}/{screen.head}"
        return f"map/{place}", f"row/{place}/{screen.token}"

    def answer(self, screen: Screen, word: str, numbers: Sequence[int]) -> Answer:
        """A map in bytes is exact enough for colours; numbers are written from a row of floats."""
        if word == "taken":
            return taken(screen.run_at(numbers[0]), numbers[1])
        run, layer, head, *token = numbers
        found = weights(screen.run_at(run), layer, head)
        if word == "row":
            return {}, [packing.floats(found[token[0]])]
        triangular = screen.runs[run].triangular
        return {"triangular": triangular}, [packing.pack(found, triangular)]

    def questions(self, screen: Screen, run: int, positions: Sequence[int], read: Sequence[int]) -> Iterator[Likely]:
        yield from ((MAPS, f"taken/{run}/{layer}") for layer in range(screen.runs[run].n_layers))
        places = [(layer, head) for layer, heads in enumerate(screen.runs[run].shape) for head in range(heads)]
        yield from ((MAPS, f"map/{run}/{layer}/{head}") for layer, head in places)
        yield from ((ROWS, f"row/{run}/{layer}/{head}/{t}") for t in read for layer, head in places)

    def tensors(self, screen: Screen) -> dict[str, Tensor]:
        return {"attn_weights": weights(screen.run, screen.layer, screen.head)}

    def rows(self, screen: Screen) -> Iterator[Row]:
        yield "query", "query_token", "key", "key_token", "attn_weight"
        labels = screen.labels
        for i, row in enumerate(weights(screen.run, screen.layer, screen.head).tolist()):
            for j, weight in enumerate(row):
                yield i, labels[i], j, labels[j], weight

    def draw(self, sheet: Sheet, screen: Screen) -> None:
        run, layer, head = screen.run, screen.layer, screen.head
        matrix = weights(run, layer, head).detach().float().cpu().numpy()
        role = run.roles[layer][head]
        earned = f": {role['role']} {amount(role['score'])}" if role["role"] else ""
        sheet.title(f"{screen.head_name()}{earned}{screen.which}")
        few = run.T <= MOST_LABELS
        left, top = (150, 162) if few else (78, TOP)
        size = TOP + SIZE - top
        width = size * 1.25 if few else 520
        sheet.image(hide(matrix, run.triangular), left, top, width, size, cmap=colours(), norm=root_scale())
        if few:
            self._label(sheet, screen, left, top, width, size)
        else:
            sheet.text(left + width / 2, top - 14, "key: looked at", color=FADED, at="mm")
            sheet.text(left - 16, top + size / 2, "query: looks", color=FADED, at="mm", upright=True)
        legend(sheet, hidden=run.triangular)

    @staticmethod
    def _label(sheet: Sheet, screen: Screen, left: int, top: int, width: float | int, size: int) -> None:
        T = screen.run.T
        points = min(SMALL, 0.66 * size / T)
        for i, label in enumerate(screen.labels):
            y, x = top + size * (i + 0.5) / T, left + width * (i + 0.5) / T
            sheet.text(left - 8, y, clip(label, 12), size=points, at="rm", bold=i == screen.token)
            sheet.text(x, top - 6, clip(label, 10), size=points, at="mb", upright=True)
