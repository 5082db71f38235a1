"""The cross-attention panel: a translation, token by token, and where each token looks in the source.

One row per written token, one column per word of the source. Rows that are not written yet stay empty.
On the right, what the model holds likeliest at the chosen step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.patches import Rectangle
from torch import Tensor

from gpt2lab.errors import InputError, validates
from gpt2lab.family.translation import translate
from gpt2lab.figures.drawing import label_sides
from gpt2lab.figures.style import BLUE, CARD, FADED, INK, ORANGE, SMALL, Picture
from gpt2lab.figures.weights import draw_scale, draw_weights
from gpt2lab.tasks.pairs import PairTask
from gpt2lab.tokenizer.labels import left_out, token_labels
from gpt2lab.widgets.base import Panel
from gpt2lab.widgets.traits import Whole, Words
from gpt2lab.zoo.toys import PairToy, load_toy

CANDIDATES = 4
END = "end"


@dataclass(frozen=True)
class Looked:
    """One step of a translation."""

    written: tuple[str, ...]  # before this step
    token: str  # the likeliest one, which is written now
    probability: float
    looks_at: str  # the source word with the largest weight
    weight: float

    def __repr__(self) -> str:
        so_far = " ".join(self.written) or "nothing yet"
        return (
            f"written: {so_far} · now: {self.token} ({self.probability:.0%}) · "
            f"looks at: {self.looks_at} ({self.weight:.0%})"
        )


class CrossAttentionPanel(Panel[Looked]):
    """A model that translates, one step after the other.

    Parameters
    ----------
    toy : PairToy, optional
        A trained encoder–decoder with its task; number words into digits by default.
    **settings
        Start values.

    Attributes
    ----------
    text : str
        The source, in the words that the model knows.
    step : int
        Which token is being written, counted from 0.
    layer, head : int
        Which map of cross-attention; the last layer at the start.
    result : Looked
    weights : (n_written, S) tensor
        The map, one row per token of the whole translation, the end included.

    Raises
    ------
    ValueError
        For another kind of model, or a text that the model cannot read.
    """

    text = Words("three thousand forty two", label="Source")
    layer = Whole(10**6, high=lambda panel: panel.toy.model.config.n_layers - 1, label="Layer")
    head = Whole(0, high=lambda panel: panel.toy.model.config.n_heads - 1, label="Head")
    step = Whole(0, high=lambda panel: len(panel.target) - 1, label="Step")
    rows = (("text",), ("step", "layer", "head"))

    @validates
    def __init__(self, toy: PairToy | None = None, **settings: object) -> None:
        toy = load_toy("words-to-digits") if toy is None else toy  # type: ignore[assignment]
        if not isinstance(toy, PairToy) or not isinstance(toy.task, PairTask):
            raise InputError(
                "CrossAttentionPanel needs a toy that translates, such as load_toy('words-to-digits'), "
                f"got {type(toy).__name__}"
            )
        self.toy, self.task = toy, toy.task
        self._made: tuple[str, list[int], list[Tensor], Tensor] | None = None
        if "text" not in settings and self._refused(type(self).text.default_value):
            settings["text"] = self.task.examples(1)[0].split("=")[0]
        super().__init__(**settings)

    def _refused(self, text: str) -> str:
        """Why the model cannot read a text; empty if it can."""
        encoding, limit = self.toy.encoding, self.task.source_length
        unknown = [part.strip() for part in left_out(encoding, text) if part.strip()]
        if unknown:
            return f"text must be made of the words that the model knows, got {unknown[0][:40]!r}: leave it out"
        n = len(encoding.encode_ordinary(text))
        if n == 0:
            return "text must have at least one token, got an empty string"
        return f"text must have at most {limit} tokens here, got {n}: shorten it" if n > limit else ""

    def accept_text(self, text: str) -> None:
        if sentence := self._refused(text):
            raise InputError(sentence)

    @torch.no_grad()
    def _translation(self) -> tuple[str, list[int], list[Tensor], Tensor]:
        """The text, its whole translation with its end, the maps of each layer, and the probabilities."""
        if self._made is None or self._made[0] != self.text:
            model, start, end = self.toy.model, self.task.start, self.task.end
            source = torch.tensor([self.toy.encoding.encode_ordinary(self.text)])  # (1, S)
            most = min(self.task.length - self.task.source_length, model.config.context_length)
            written = translate(model, source, start=start, end=end, max_new_tokens=most)[0]
            target = written + [end] * (len(written) < most)
            trace = model.trace(source, torch.tensor([[start, *target[:-1]]]))
            maps = [block.cross_attn.attn_weights[0] for block in trace.decoder.blocks]  # each (n_heads, T, S)
            self._made = self.text, target, maps, trace.logits[0].softmax(dim=-1)
        return self._made

    def forget(self) -> None:
        self._made = None

    @property
    def target(self) -> list[int]:
        """Ids of the whole translation, its end included."""
        return self._translation()[1]

    @property
    def weights(self) -> Tensor:
        return self._translation()[2][self.layer][self.head]  # (T, S)

    @property
    def words(self) -> list[str]:
        """The words of the source, without their spaces."""
        encoding = self.toy.encoding
        return [label.strip("␣") for label in token_labels(encoding, encoding.encode_ordinary(self.text))]

    def _names(self, ids: list[int]) -> list[str]:
        end = self.task.end
        labels = token_labels(self.toy.encoding, ids)
        return [END if one == end else label.strip("␣") for one, label in zip(ids, labels, strict=True)]

    def settle(self) -> None:
        self.step = min(self.step, len(self.target) - 1)

    def measure(self) -> Looked:
        names, row = self._names(self.target), self.weights[self.step]
        probability = float(self._translation()[3][self.step].max())
        best = int(row.argmax())
        return Looked(
            tuple(names[: self.step]), names[self.step], round(probability, 2), self.words[best],
            round(float(row[best]), 2),
        )  # fmt: skip

    def draw(self) -> Picture:
        names, weights, now = self._names(self.target), self.weights.numpy().copy(), self.step
        n = len(names)
        height = 2.05 + (0.4 if n <= 6 else 0.28) * max(n, 5)
        picture = Picture(9.6, height, "Cross-attention, step by step")
        bottom, tall = 1.2 / height, (height - 1.75) / height  # inches of the picture to parts of it
        axes = picture.add_axes((0.13, bottom, 0.56, tall))
        weights[now + 1 :] = 0.0  # not written yet
        draw_weights(axes, weights, hidden=CARD)
        label_sides(axes, [name if t <= now else "" for t, name in enumerate(names)], self.words)
        lengths = [len(word) for word in self.words]
        closest = max((a + b for a, b in zip(lengths, lengths[1:], strict=False)), default=0)
        crowded = 0.05 * closest > 0.56 * 9.6 / len(lengths) - 0.1  # inches between the middles of two labels
        axes.tick_params(axis="x", rotation=30 if crowded else 0)
        axes.set_title(f"Layer {self.layer}, head {self.head}: where each written token looks")
        for edge in np.arange(0.5, n - 1):  # rows of one colour stay rows
            axes.axhline(edge, color=CARD, lw=2)
        for edge in np.arange(0.5, weights.shape[1] - 1):
            axes.axvline(edge, color=CARD, lw=2)
        width = weights.shape[1] - 0.04
        frame = Rectangle((-0.48, now - 0.48), width, 0.96, fill=False, edgecolor=ORANGE, lw=3, zorder=3)
        axes.add_patch(frame)
        frame.set_clip_on(False)
        for j, weight in enumerate(weights[now]):
            picture.write(axes, j, now, f"{weight:.2f}", at="mm", color=CARD if weight > 0.3 else INK)
        self._draw_candidates(picture, bottom, tall)
        draw_scale(picture, 0.13, 0.42 / height, 0.25, 0.14 / height)
        picture.write(None, 0.12, 0.49 / height, "weight", color=FADED, at="rm")
        picture.write(None, 0.42, 0.49 / height, repr(self.result), at="lm")
        return picture

    def _draw_candidates(self, picture: Picture, bottom: float, tall: float) -> None:
        """The likeliest tokens of the present step as bars."""
        probability, ids = self._translation()[3][self.step].topk(CANDIDATES)
        axes = picture.add_axes((0.79, bottom, 0.15, tall))
        axes.barh(range(CANDIDATES), probability.numpy(), color=BLUE)
        axes.set(xlim=(0, 1), ylim=(max(len(self.target), 5) - 0.4, -0.6), xticks=[])
        axes.set_yticks(range(CANDIDATES), labels=self._names(ids.tolist()))
        axes.tick_params(axis="y", length=0)
        axes.spines[:].set_visible(False)
        axes.set_title("next token")
        for i, share in enumerate(probability.numpy()):
            text = f"{share:.0%}" if share >= 0.005 else "<1%"
            axes.text(float(np.float64(share)) + 0.04, i, text, va="center", fontsize=SMALL, color=FADED)
