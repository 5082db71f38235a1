"""The lab's models side by side: GPT-2 as it is and a changed one, at work on the same letters.

Above, what each writes. Below, an attention map of each, large, and all its heads, small. ``LabPanel``
shows how the same rows of the lab were trained.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from gpt2lab.errors import InputError, validates
from gpt2lab.figures.drawing import clip
from gpt2lab.figures.style import BLUE, CARD, FADED, FONT, INK, ORANGE, VERMILION, Picture, letters
from gpt2lab.figures.weights import colours, draw_scale, root_scale, without_future
from gpt2lab.generation import generate
from gpt2lab.studies.lab.rows import GROUPS, ROWS
from gpt2lab.studies.lab.trained import load_trained, trained_names
from gpt2lab.tasks.reverse import Reverse
from gpt2lab.tokenizer import token_labels
from gpt2lab.widgets.base import Panel
from gpt2lab.widgets.heads_panel import mosaic, mosaic_gap
from gpt2lab.widgets.lab_panel import LabPanel
from gpt2lab.widgets.text_panel import recorded
from gpt2lab.widgets.traits import Choice, Words
from gpt2lab.zoo import ToyModel
from gpt2lab.zoo.head_scores import copy_scores, reading_scores

BEST = "each one's best"


@dataclass(frozen=True)
class Sample:
    """What one model does with the letters."""

    title: str
    written: tuple[str, ...]  # generated one by one, the likeliest each time
    right: tuple[bool, ...]
    cases_right: int  # of the held-out cases, all letters right and written by itself
    cases: int
    layer: int  # the head that is shown large
    head: int
    copies: float  # its mean weight on the letter to be copied, over held-out cases
    reads: float  # its mean weight on the answer itself; 0 behind a causal mask
    reading_right: int | None = None  # without a mask: cases right with the answers in its input

    def __repr__(self) -> str:
        text = (
            f"{clip(self.title, 32):32} {''.join(self.written)}  {sum(self.right)} of {len(self.right)} letters, "
            f"{self.cases_right} of {self.cases} held-out cases"
        )
        if self.reading_right is not None:
            text += f" ({self.reading_right} with the answers in its input)"
        looks = f"weight {self.copies:.2f} on the letter to copy"
        looks += f", {self.reads:.2f} on the answer itself" * (self.reading_right is not None)
        return f"{text}\n{'':32} layer {self.layer}, head {self.head}: {looks}"


@dataclass(frozen=True)
class SideBySide:
    """Two models on the same letters."""

    task: str
    letters: str
    answer: str
    samples: tuple[Sample, Sample]

    def __repr__(self) -> str:
        first, second = self.samples
        return f"{self.task} {self.letters}, right: {self.answer}\n{first!r}\n{second!r}"


class LabModelsPanel(Panel[SideBySide]):
    """Two trained models of the ablation lab on letters that you type.

    Each is the median seed of its row. The model to compare with is the first of the group that does
    the same task with as many layers. The maps show the letters together with the right answer, as in
    training and in the evaluation; the cells of the letters to be copied are outlined.

    Parameters
    ----------
    models : dict of ToyModel, optional
        By name of their row; the shipped ones by default.

    Attributes
    ----------
    group : str
        A question of the lab for which models are shipped.
    part : str
        What is different: the second half of the row's name, such as "no-residual".
    letters : str
        Eight letters from a to p.
    head : str
        "each one's best" (over held-out cases, the head that looks most at the letters to be copied or,
        without a mask, at the answers), or one that both have, such as "layer 1, head 2".
    result : SideBySide
    """

    group = Choice(lambda panel: panel.groups(), label="Question")
    part = Choice(lambda panel: panel.parts(), label="Row")
    letters = Words("mandible", label="Letters")
    head = Choice(lambda panel: panel.heads(), label="Head")
    rows = (("group", "part", "head"), ("letters",))

    @validates
    def __init__(self, models: Mapping[str, ToyModel] | None = None, **settings: object) -> None:
        self._models: dict[str, ToyModel] = dict(models or {})
        self.names = list(self._models) if models is not None else trained_names()
        if unknown := [name for name in self.names if name not in ROWS]:
            raise InputError(f"LabModelsPanel needs models by the names of rows of the lab, got {unknown[0]!r}")
        self._known: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}  # what does not change with the letters
        if not self.groups():
            raise InputError(
                "LabModelsPanel needs two models of one group, task and depth at least, got "
                f"{', '.join(self.names) or 'none'}; run: gpt2lab train-lab ROW --checkpoint"
            )
        super().__init__(**settings)

    # What can be chosen

    def groups(self) -> tuple[str, ...]:
        """The groups in which there is something to compare."""
        return tuple(group for group in GROUPS if self.parts(group))

    def parts(self, group: str | None = None) -> tuple[str, ...]:
        """What can be picked in this group: every row that has another one to be compared with."""
        group = self.group if group is None else group
        mine = [name for name in self.names if ROWS[name].group == group]
        return tuple(name.split("/", 1)[1] for name in mine if self._baseline(name) != name)

    def heads(self) -> tuple[str, ...]:
        """The best of each, or one that both models have."""
        shapes = [toy.model.config for toy in self.pair]
        n_layers, n_heads = (min(getattr(s, key) for s in shapes) for key in ("n_layers", "n_heads"))
        return (BEST, *(f"layer {i}, head {j}" for i in range(n_layers) for j in range(n_heads)))

    def _baseline(self, name: str) -> str:
        def alike(other: str) -> bool:
            one, two = ROWS[name], ROWS[other]
            return (one.group, one.task, one.shape["n_layers"]) == (two.group, two.task, two.shape["n_layers"])

        return next(other for other in self.names if alike(other))

    @property
    def pair(self) -> tuple[ToyModel, ToyModel]:
        """The model to compare with, and the changed one."""
        name = f"{self.group}/{self.part}"
        return self._model(self._baseline(name)), self._model(name)

    def _model(self, name: str) -> ToyModel:
        if name not in self._models:
            self._models[name] = load_trained(name)
        return self._models[name]

    def follow(self, lab: LabPanel) -> None:
        """Show what a ``LabPanel`` shows, from now on, as far as there are models of it."""
        lab.observe(lambda change: self._follow(lab.group, lab.part), names=["group", "part"])
        self._follow(lab.group, lab.part)

    def _follow(self, group: str, part: str) -> None:
        if group in self.groups() and part in self.parts(group):
            self.set(group=group, part=part)
        elif f"{group}/{part}" in ROWS:  # else the other panel is still changing its row
            self._say(f"No model of {group}/{part} comes with the course; {self.group}/{self.part} is shown.")

    def accept_text(self, text: str) -> None:
        """Raise a ValueError with one sentence for anything but the letters of the task."""
        task = _letters_task(self.pair[0])
        alphabet = [task.encoding.decode([i]) for i in range(task.alphabet)]
        if len(text) != task.n_letters or not set(text) <= set(alphabet):
            raise InputError(
                f"letters must be exactly {task.n_letters} letters from {alphabet[0]} to {alphabet[-1]}, "
                f"got {clip(repr(text), 30)}"
            )

    def settle(self) -> None:
        if self.part not in self.parts():
            self.part = self.parts()[0]
        if self.head not in self.heads():
            self.head = BEST

    # What is shown

    def tokens(self) -> torch.Tensor:
        """The letters, the sign and the right answer: (1, T + 1)."""
        task = _letters_task(self.pair[0])
        start = task.encode(f"{self.letters}>")
        return torch.cat([start, task.answer(start[:, :-1])], dim=1)

    def measure(self) -> SideBySide:
        tokens, task = self.tokens(), _letters_task(self.pair[0])
        answer = task.encoding.decode(tokens[0, task.n_letters + 1 :].tolist())
        first, second = (self._sample(toy, tokens) for toy in self.pair)
        return SideBySide(task.name, self.letters, answer, (first, second))

    def _sample(self, toy: ToyModel, tokens: torch.Tensor) -> Sample:
        n_letters = _letters_task(toy).n_letters
        start = n_letters + 1
        written = generate(toy.model, tokens[:, :start], n_letters, temperature=0)[0, start:]
        facts, (layer, head) = toy.provenance, self._head(toy)
        cases = facts["evaluation"]["n"]
        copies, reads = self._scores(toy)
        return Sample(
            ROWS[toy.name].title,
            tuple(token_labels(toy.encoding, written.tolist())),
            tuple((written == tokens[0, start:]).tolist()),
            round(facts["value"] * cases), cases, layer, head, float(copies[layer, head]), float(reads[layer, head]),
            None if toy.model.causal else round(facts["scores"]["accuracy"] * cases),
        )  # fmt: skip

    def _scores(self, toy: ToyModel) -> tuple[torch.Tensor, torch.Tensor]:
        """Each head's mean weight on the letters to be copied, and on the answer itself."""
        if toy.name not in self._known:
            n = 64
            reads = torch.zeros(toy.model.config.n_layers, toy.model.config.n_heads)
            if not toy.model.causal:
                reads = reading_scores(toy.model, toy.task, n)
            self._known[toy.name] = copy_scores(toy.model, _letters_task(toy), n), reads
        return self._known[toy.name]

    def _head(self, toy: ToyModel) -> tuple[int, int]:
        if self.head == BEST:
            found = torch.maximum(*self._scores(toy))  # (n_layers, n_heads)
            return divmod(int(found.argmax()), found.shape[1])
        layer, head = (int(word.strip(",")) for word in self.head.split()[1::2])
        return layer, head

    def forget(self) -> None:
        self._known = {}

    def weights(self, toy: ToyModel) -> np.ndarray:
        """All attention maps on the letters with the right answer: (n_layers, n_heads, T, T)."""
        with torch.no_grad():
            blocks = recorded(toy.model.trace(self.tokens()[:, :-1]))
        return torch.stack([block.attn.attn_weights[0] for block in blocks]).numpy()

    # The picture: one canvas, in inches from the left and from the top

    def draw(self) -> Picture:
        wide, high = 9.3, 5.35
        picture = Picture(wide, high, f"Side by side: {self.result.samples[1].title}")
        canvas = picture.add_axes((0, 0, 1, 1))
        self._draw_samples(picture, canvas)
        sides = zip((0.15, 4.85), (ORANGE, BLUE), self.pair, self.result.samples, strict=True)
        for left, color, toy, sample in sides:
            self._draw_maps(picture, canvas, left, color, toy, sample)
        note = "input: the letters and the right answer · rows: queries · columns: keys · "
        note += "outlined: the letter to be copied"
        picture.write(canvas, 0.15, high - 0.14, note, color=FADED, at="lm", size=10)
        canvas.set(xlim=(0, wide), ylim=(high, 0))  # images have moved the limits
        canvas.set_axis_off()
        draw_scale(picture, 7.85 / wide, 0.24 / high, 1.3 / wide, 0.11 / high)
        picture.axes[-1].set_xticks([value**0.5 for value in (0, 0.1, 0.5, 1)], labels=["0", ".1", ".5", "1"])
        picture.write(canvas, 7.85, high - 0.46, "weight", color=FADED, size=10)
        return picture

    def _draw_samples(self, picture: Picture, canvas: Axes) -> None:
        result, side, left = self.result, 0.38, 3.3
        right = left + len(result.answer) * side + 0.2
        picture.write(canvas, 0.15, 0.3, f"{result.task}: {result.letters}", size=FONT + 1, bold=True)
        picture.write(canvas, right, 0.3, "this one", color=FADED)
        picture.write(canvas, right + 0.95, 0.3, "held-out cases right", color=FADED)
        for i, letter in enumerate(result.answer):
            x = left + (i + 0.5) * side
            picture.write(canvas, x, 0.3, letter, size=FONT + 1, color=FADED, at="mm", bold=True)
        for y, sample, color in zip((0.68, 1.14), result.samples, (ORANGE, BLUE), strict=True):
            picture.write(canvas, 0.15, y, clip(sample.title, 30), color=letters(color), size=FONT, bold=True)
            for i, (letter, good) in enumerate(zip(sample.written, sample.right, strict=True)):
                x = left + i * side
                tile = Rectangle((x + 0.03, y - 0.2), side - 0.06, 0.4, fc=color if good else "white", ec=color, lw=1.6)
                canvas.add_patch(tile)
                ink = "white" if good and color == BLUE else INK
                picture.write(canvas, x + side / 2, y, clip(letter, 2), size=FONT + 2, color=ink, at="mm", bold=True)
                if not good:  # told by form, not by colour alone
                    canvas.plot([x + 0.05, x + side - 0.05], [y + 0.18, y - 0.18], color=VERMILION, lw=1.8)
            picture.write(canvas, right, y, f"{sum(sample.right)} of {len(sample.right)}", size=FONT, bold=True)
            cases = f"{sample.cases_right:,} of {sample.cases:,}"
            picture.write(canvas, right + 0.95, y, cases, size=FONT, bold=True)
        last = result.samples[1]
        if last.reading_right is not None:
            text = f"No mask: with the answers in its input {last.reading_right:,} of {last.cases:,} cases are right. "
            text += "Above, it writes them itself."
            picture.write(canvas, 0.15, 1.48, text, color=letters(VERMILION), size=11)

    def _draw_maps(
        self, picture: Picture, canvas: Axes, left: float, color: str, toy: ToyModel, sample: Sample
    ) -> None:
        weights, inputs = self.weights(toy), self.tokens()[:, :-1]  # (n_layers, n_heads, T, T) and (1, T)
        n_layers, n_heads, T, _ = weights.shape
        picture.write(canvas, left, 1.76, clip(sample.title, 34), size=FONT, bold=True, color=letters(color))
        looks, size = f"weight {sample.copies:.2f} on the letter to copy", 11
        if sample.reading_right is not None:
            looks, size = f"{sample.copies:.2f} on the letter to copy, {sample.reads:.2f} on the answer", 10
        picture.write(canvas, left, 1.99, f"layer {sample.layer}, head {sample.head}: {looks}", size=size)
        x, y, side = left + 0.3, 2.34, 2.45
        _image(canvas, without_future(weights[sample.layer, sample.head]), x, y, side, side)
        cell = side / T
        for i, label in enumerate(token_labels(toy.encoding, inputs[0].tolist())):
            picture.write(canvas, x - 0.14, y + (i + 0.5) * cell, label, at="mm", size=11)
            picture.write(canvas, x + (i + 0.5) * cell, y + side + 0.1, label, at="mm", size=11)
        sources = _letters_task(toy).sources(inputs)[0].nonzero().tolist()
        _frames(canvas, [(x + key * cell, y + query * cell) for query, key in sources], cell, 1.8)
        # All heads small: layers across, heads down.
        gap = mosaic_gap(T)
        x, small = left + side + 0.5, min(1.1 / n_layers, side / n_heads)
        part = small * T / (T + gap)  # the map within its place
        width, height = (small * (n - 1) + part for n in (n_layers, n_heads))
        _image(canvas, mosaic(weights.swapaxes(0, 1)), x, y, width, height)
        edge = (small - part) / 2
        _frames(canvas, [(x + sample.layer * small - edge, y + sample.head * small - edge)], small, 2.4)
        for layer in range(n_layers):
            chosen = layer == sample.layer
            ink, middle = letters(VERMILION) if chosen else FADED, x + layer * small + part / 2
            picture.write(canvas, middle, y - 0.13, str(layer), at="mm", size=10, color=ink, bold=chosen)
        below = y + small * n_heads + 0.1
        if below < y + side - 0.3:
            picture.write(canvas, x, below, "all heads,", color=FADED, size=10)
            picture.write(canvas, x, below + 0.18, "layers across", color=FADED, size=10)


def _letters_task(toy: ToyModel) -> Reverse:
    """The task of a model of the lab: all of them copy letters, in some order."""
    if not isinstance(toy.task, Reverse):
        raise InputError(f"LabModelsPanel needs models that copy letters, got one for the task {toy.task.name!r}")
    return toy.task


def _image(canvas: Axes, weights: np.ndarray, x: float, y: float, width: float, height: float) -> None:
    canvas.imshow(weights, cmap=colours(CARD), norm=root_scale(), aspect="auto", extent=(x, x + width, y + height, y))


def _frames(canvas: Axes, corners: list[tuple[float, float]], side: float, thick: float) -> None:
    """Squares around cells, as one line with gaps: many patches would be slow."""
    square = side * np.array([(0, 0), (1, 0), (1, 1), (0, 1), (0, 0), (np.nan, np.nan)])
    path = np.concatenate([np.array(corner) + square for corner in corners])
    canvas.plot(*path.T, color=VERMILION, lw=thick, solid_joinstyle="miter", solid_capstyle="projecting")
