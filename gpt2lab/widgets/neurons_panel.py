"""The neurons panel: the feed-forward neurons most active at a token, and one of them in detail.

Left, the neurons that are most active at the chosen token. Right, one of them along the text, and
the tokens towards which it pushes the prediction.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from gpt2lab.figures.plots import clip, short
from gpt2lab.figures.style import BLUE, FADED, ORANGE, SMALL, VERMILION, Picture, letters
from gpt2lab.tokenizer import token_labels
from gpt2lab.widgets.text_panel import TokenPanel
from gpt2lab.widgets.traits import Whole

TOP = 8
RANDOM_DIRECTIONS = 400  # random directions, for the cosine that chance gives


@dataclass(frozen=True)
class Neurons:
    """The most active neurons at one token, and one neuron in detail."""

    token: str
    top: tuple[tuple[int, float], ...]  # (neuron, activation), strongest first
    neuron: int
    along: tuple[tuple[str, float], ...]  # (token, activation) along the text
    promotes: tuple[str, ...]  # tokens whose logits its output direction raises most
    likeness: float  # highest cosine of its output direction with a token's embedding
    chance: float  # what 19 of 20 random directions stay below

    @property
    def verdict(self) -> str:
        """Whether the direction is closer to a token than chance."""
        return f"19 of 20 random directions stay below {self.chance:.2f}"

    def __repr__(self) -> str:
        strongest = ", ".join(f"{neuron} ({value:.2f})" for neuron, value in self.top[:3])
        peak, value = max(self.along, key=lambda pair: pair[1])
        return (
            f"at {self.token}: neurons {strongest}\nneuron {self.neuron}: highest at {peak} ({value:.2f}), "
            f"pushes towards {' '.join(self.promotes)}; highest cosine {self.likeness:.2f} ({self.verdict})"
        )


class NeuronsPanel(TokenPanel[Neurons]):
    """The neurons of one layer on a text. For model and text see ``TextPanel``.

    Attributes
    ----------
    layer, token : int
    rank : int, 1 to 8
        Which of the token's most active neurons is shown in detail.
    result : Neurons
    """

    layer = Whole(0, high=lambda panel: panel.last_layer, label="Layer")
    token = Whole(0, high=lambda panel: panel.last_token, label="Token")
    rank = Whole(1, low=1, high=TOP, label="Neuron (rank)")
    rows = (("text",), ("layer", "token", "rank"))
    _table: Tensor | None  # embeddings of length 1, kept while the model stays
    _chance: float  # what 19 of 20 random directions stay below

    def measure(self) -> Neurons:
        post = self.blocks[self.layer].ffn.post[0]  # (T, d_ff)
        values, order = post[self.token].topk(TOP)
        neuron = int(order[self.rank - 1])
        # Its output direction, compared with every token's embedding: the direct effect on the logits.
        direction = self.model.blocks[self.layer].ffn.down.weight[:, neuron]  # (d_model,)
        with torch.no_grad():
            favoured = self.model.unembed(direction).topk(5).indices
            if self._table is None:  # the same for all neurons, and most of the time of a redraw
                self._table = F.normalize(self.model.token_embedding.weight, dim=-1)  # (vocab_size, d_model)
                random = torch.randn(RANDOM_DIRECTIONS, len(direction), generator=torch.Generator().manual_seed(0))
                self._chance = float(_likeness(random, self._table).quantile(0.95))
            likeness = _likeness(direction[None], self._table)
        return Neurons(
            token=self.labels[self.token],
            top=tuple((int(i), float(v)) for i, v in zip(order, values, strict=True)),
            neuron=neuron,
            along=tuple(zip(self.labels, post[:, neuron].tolist(), strict=True)),
            promotes=tuple(token_labels(self.encoding, favoured)),
            likeness=float(likeness),
            chance=self._chance,
        )

    def forget(self) -> None:
        super().forget()
        self._table = None
        self._chance = 0.0

    def draw(self) -> Picture:
        result, labels = self.result, [clip(label, 11) for label in self.labels]
        height = max(4.2, 0.28 * len(labels) + 1.9)
        picture = Picture(9.6, height, "Neurons")
        bottom, tall = 1.15 / height, (height - 1.75) / height  # inches of the picture to parts of it
        left, right = picture.add_axes((0.13, bottom, 0.31, tall)), picture.add_axes((0.6, bottom, 0.38, tall))
        names = [f"neuron {neuron}" for neuron, _ in result.top]
        colors = [VERMILION if neuron == result.neuron else BLUE for neuron, _ in result.top]
        drawn = left.barh(names, [value for _, value in result.top], color=colors)
        left.bar_label(drawn, [short(value) for _, value in result.top], padding=4, fontsize=SMALL)
        left.set_title(f"Most active at {clip(result.token)}")
        values = [value for _, value in result.along]
        colors = [ORANGE if value > 0 else FADED for value in values]
        drawn = right.barh(range(len(values)), values, color=colors)
        right.set_yticks(range(len(values)), labels=labels)
        right.get_yticklabels()[self.token].set(color=letters(VERMILION), fontweight="bold")
        right.axvline(0, color=FADED, linewidth=1)
        right.set_title(f"Neuron {result.neuron} along the text")
        for axes in (left, right):
            axes.invert_yaxis()
            axes.tick_params(axis="y", length=0)
            axes.margins(x=0.18)
            axes.set_xlabel("activation, after the GELU")
        towards = "  ".join(clip(token) for token in result.promotes)
        note = f"neuron {result.neuron} pushes towards:  {towards}"
        picture.text(0.012, 0.32 / height, note, fontsize=SMALL + 1)
        chance = f"highest cosine with a token {result.likeness:.2f}; {result.verdict}"
        below = "   ·   ".join(filter(None, (chance, self.weights)))
        picture.text(0.012, 0.08 / height, below, fontsize=SMALL, color=FADED)
        return picture


def _likeness(directions: Tensor, table: Tensor) -> Tensor:
    """Of each direction (n, d_model) the highest cosine with a row of length 1 of the table, (n,)."""
    return (F.normalize(directions, dim=-1) @ table.T).amax(-1)
