"""The ripple panel: replace one token and see which columns, at which height, notice it.

The model runs on two texts that differ in one token. A cell shows by how much the stream of that
token, after that block, differs between the two. Grey means: not by a single bit.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import torch

from gpt2lab.figures.drawing import clip
from gpt2lab.figures.style import AMOUNT, FADED, SMALL, VERMILION, Picture, letters
from gpt2lab.interventions import ablate_attention, without_causal_mask
from gpt2lab.model import evaluating
from gpt2lab.tokenizer import token_label
from gpt2lab.widgets.text_panel import TextPanel
from gpt2lab.widgets.traits import Switch, Whole


@dataclass(frozen=True)
class Ripple:
    """Which tokens noticed the change, and which did not."""

    replaced: str
    reached: tuple[str, ...]  # labels of the tokens whose final vector differs
    untouched: tuple[str, ...]

    def __repr__(self) -> str:
        reached, untouched = " ".join(self.reached), " ".join(self.untouched)
        return f"reached:   {reached or 'none'}\nuntouched: {untouched or 'none'}"


class RipplePanel(TextPanel[Ripple]):
    """Replace the token at ``position`` and compare the two streams.

    Attributes
    ----------
    position : int
        The token that is replaced (by the token with the next id).
    attention, causal_mask : bool
        Both are on in GPT-2.
    result : Ripple
    """

    max_tokens = 12

    position = Whole(3, high=lambda panel: panel.last_token, label="Replace token")
    attention = Switch(True, label="Attention")
    causal_mask = Switch(True, label="Causal mask")
    rows = (("text",), ("position", "attention", "causal_mask"))

    def settle(self) -> None:
        self.position = min(self.position, self.last_token)

    @torch.no_grad()
    def measure(self) -> Ripple:
        model = self.model
        replaced = list(self.tokens)
        replaced[self.position] = (replaced[self.position] + 1) % model.config.vocab_size
        with ExitStack() as switched_off:
            switched_off.enter_context(evaluating(model))
            if not self.attention:
                switched_off.enter_context(ablate_attention(model))
            if not self.causal_mask:
                switched_off.enter_context(without_causal_mask(model))
            # One after the other: rows of one batch may be summed in another order.
            before = self._heights(self.tokens)  # (n_layers + 1, T, d_model)
            after = self._heights(replaced)
        self.change = ((after - before).norm(dim=-1) / before.norm(dim=-1)).numpy()  # (n_layers + 1, T)
        moved = self.change[-1] > 0
        return Ripple(
            replaced=token_label(self.encoding, replaced[self.position]),
            reached=tuple(label for label, yes in zip(self.labels, moved, strict=True) if yes),
            untouched=tuple(label for label, yes in zip(self.labels, moved, strict=True) if not yes),
        )

    def _heights(self, ids: list[int]) -> torch.Tensor:
        """The stream before the first block and after each: (n_layers + 1, T, d_model)."""
        heights = [self.model.embed(torch.tensor([ids]))]
        for block in self.model.blocks:
            heights.append(block(heights[-1]))
        return torch.cat(heights)

    def draw(self) -> Picture:
        n_rows, T = self.change.shape
        height = 1.4 + 0.36 * n_rows
        picture = Picture(9.2, height, "Which columns notice a changed token")
        axes = picture.add_axes((0.125, 0.85 / height, 0.76, 0.36 * n_rows / height))
        shown = np.where(self.change > 0, np.sqrt(self.change), np.nan)
        axes.set_facecolor("#e4e4e4")
        image = axes.imshow(shown, cmap=AMOUNT, vmin=0, vmax=1.2, aspect="auto", origin="lower")
        axes.set_yticks(range(n_rows), ["embedding"] + [f"block {i}" for i in range(n_rows - 1)])
        labels = [clip(label, 9) for label in self.labels]
        axes.set_xticks(range(T), labels, fontsize=SMALL if T < 10 else 10)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        for edge in range(1, T):
            axes.axvline(edge - 0.5, color="white", linewidth=4)
        for edge in range(1, n_rows):
            axes.axhline(edge - 0.5, color="white", linewidth=1.5)
        axes.get_xticklabels()[self.position].set(color=letters(VERMILION), fontweight="bold")
        old, new = clip(self.labels[self.position], 12), clip(self.result.replaced, 12)
        axes.set_title(f"“{old}” becomes “{new}”: who notices?")
        bar = picture.colorbar(image, ax=axes, fraction=0.03, pad=0.02, ticks=[0, 0.5, 1])
        bar.ax.set_yticklabels(["0", "25 %", "100 %"], fontsize=SMALL)
        bar.outline.set_visible(False)
        note = "grey: not changed by a single bit · colour: change, as a share of the vector’s length"
        note += f" · {self.weights}" if self.weights else ""
        picture.text(0.02, 0.12 / height, note, fontsize=SMALL, color=FADED)
        return picture


__all__ = ["Ripple", "RipplePanel"]
