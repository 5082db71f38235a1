"""All heads: every attention map as a small picture, a row per layer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from torch import Tensor

from gpt2lab.explorer.maps import SIZE, hide, legend
from gpt2lab.explorer.screen import Screen
from gpt2lab.explorer.sheet import TOP, Sheet
from gpt2lab.explorer.views.base import Row, View
from gpt2lab.figures.style import FADED
from gpt2lab.figures.weights import colours, root_scale

LEFT = 78


class Heads(View):
    """It needs the attention weights, which every trace has. The browser gets the thumbnails with the scene."""

    name: ClassVar[str] = "heads"
    with_prediction: ClassVar[bool] = True
    code: ClassVar[tuple[str, ...]] = (
        "shown = {f'attn_weights {i}': block.attn.attn_weights[0] for i, block in enumerate(trace.blocks)}",
    )

    def tensors(self, screen: Screen) -> dict[str, Tensor]:
        run = screen.run
        return {f"attn_weights {i}": run.block(i).attn.attn_weights[0] for i in range(run.n_layers)}

    def rows(self, screen: Screen) -> Iterator[Row]:
        yield "layer", "head", "role", "score", "chance"
        for i, heads in enumerate(screen.run.roles):
            for j, role in enumerate(heads):
                yield i, j, role["role"], role["score"], role["chance"]

    def draw(self, sheet: Sheet, screen: Screen) -> None:
        """Every head of every layer as one image: a hundred small axes would take seconds."""
        run = screen.run
        S, heads, layers = run.thumbnails[0].shape[-1], max(run.shape), run.n_layers
        gap = max(1, S // 8)
        mosaic = np.full((layers * (S + gap) - gap, heads * (S + gap) - gap), np.nan)
        for layer, thumbnails in enumerate(run.thumbnails):
            for head, weights in enumerate(thumbnails.numpy()):
                row, column = layer * (S + gap), head * (S + gap)
                mosaic[row : row + S, column : column + S] = hide(weights, run.triangular)
        width = min(580.0, 1.6 * SIZE * mosaic.shape[1] / mosaic.shape[0])
        sheet.image(mosaic, LEFT, TOP, width, SIZE, cmap=colours("#ffffff"), norm=root_scale())
        sheet.title(f"Where every head looks{screen.which}")
        sheet.text(LEFT - 8, TOP - 14, "head", color=FADED, at="rm")
        named = run.layer_name(0) != "layer 0"
        if not named:
            sheet.text(16, TOP + SIZE / 2, "layer", color=FADED, at="mm", upright=True)
        for head in range(heads):
            x = LEFT + width * (head * (S + gap) + S / 2) / mosaic.shape[1]
            sheet.text(x, TOP - 14, str(head), at="mm")
        for layer in range(layers):
            y = TOP + SIZE * (layer * (S + gap) + S / 2) / mosaic.shape[0]
            sheet.text(LEFT - 10, y, run.layer_name(layer) if named else str(layer), at="rm")
        legend(sheet, hidden=False)
