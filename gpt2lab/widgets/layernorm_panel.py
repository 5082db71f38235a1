"""The layer-norm panel: one token's features on their way through a norm, and which other tokens are affected.

Left, the four steps: as they come, centred, scaled, with gain and bias. Right, the test that tells the norms
apart: the last token of the text gets other features, and the bars show by how much the output of every token
changes. LayerNorm and RMSNorm use one token alone, so the other tokens do not change. With a norm whose
statistics run across tokens or samples, the last token changes the earlier ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tiktoken
import torch
from torch import Tensor

from gpt2lab.errors import validates
from gpt2lab.figures.plots import clip, short
from gpt2lab.figures.style import BLUE, FADED, FONT, INK, SKY, VERMILION, Picture, letters
from gpt2lab.model import GPT2
from gpt2lab.tokenizer import token_labels
from gpt2lab.trace import GPT2Trace
from gpt2lab.widgets.text_panel import Equipped, TextPanel, recorded
from gpt2lab.widgets.traits import Choice, Number, Whole, Words

NORMS = ("LayerNorm", "RMSNorm", "BatchNorm", "whole tensor")
STEPS = ("as it comes", "centred", "scaled", "gain and bias")


@dataclass(frozen=True)
class NormReading:
    """One token before and after a norm, and how far a change of the last token reaches."""

    norm: str
    token: str
    mean_before: float
    std_before: float  # biased: divided by d, not d - 1
    mean_after: float
    std_after: float
    leak_earlier: float  # largest change of an earlier token of the same text
    leak_other: float  # largest change in the other text of the batch

    @property
    def leaks(self) -> bool:
        """Whether a token other than the changed one moved at all (beyond rounding)."""
        return max(self.leak_earlier, self.leak_other) > 1e-5

    def __repr__(self) -> str:
        leak = "no other token changes"
        if self.leaks:
            earlier, other = short(self.leak_earlier, 2), short(self.leak_other, 2)
            leak = f"earlier tokens change by {earlier}, the other text by {other}"
        return (
            f"{self.norm} of {self.token}\n"
            f"before: mean {_fixed(self.mean_before)}, std {_fixed(self.std_before)}\n"
            f"after:  mean {_fixed(self.mean_after)}, std {_fixed(self.std_after)}\n"
            f"if the last token changes: {leak}"
        )


class LayerNormPanel(TextPanel[NormReading]):
    """A norm at work on the stream that enters a layer. For the model and the text see ``TextPanel``.

    Parameters
    ----------
    other_text : str
        The second text of the batch, for norms that look across samples.

    Attributes
    ----------
    layer, token : int
    norm : str
        "LayerNorm", "RMSNorm", "BatchNorm" (statistics of each feature over the batch, as in training)
        or "whole tensor" (one mean and one variance for everything).
    eps : float, 1e-8 to 10
        Added to the variance, inside the root.
    gain, bias : float
        The learned ones, one number per feature in GPT-2; here all features share one. RMSNorm has
        no bias.
    input_scale : float, 0.001 to 1000
        The stream is multiplied by this first.
    input_shift : float, -10 to 10
        Then this is added to every feature of every token.
    result : NormReading
    """

    text = Words("The robot could not lift it", label="Text")
    layer = Whole(1, high=lambda panel: panel.last_layer, label="Layer")
    token = Whole(1, high=lambda panel: panel.last_token, label="Token")
    norm = Choice(NORMS, label="Norm")
    input_scale = Number(1.0, 1e-3, 1e3, log=True, step=0.5, label="Input ×")
    input_shift = Number(0.0, -10.0, 10.0, step=0.5, label="Input +")
    eps = Number(1e-5, 1e-8, 10.0, log=True, step=0.5, label="ε")
    gain = Number(1.0, 0.0, 3.0, step=0.1, label="Gain")
    bias = Number(0.0, -2.0, 2.0, step=0.1, label="Bias")
    rows = (("text",), ("layer", "token", "norm"), ("input_scale", "input_shift", "eps"), ("gain", "bias"))

    max_tokens = 12

    @validates
    def __init__(
        self,
        model: GPT2 | Equipped | None = None,
        encoding: tiktoken.Encoding | None = None,
        *,
        weights: str | None = None,
        other_text: str = "My cat sleeps",
        **settings: object,
    ) -> None:
        self.other_text = other_text
        self._other: GPT2Trace | None = None
        super().__init__(model, encoding, weights=weights, **settings)

    def settle(self) -> None:
        self.token = min(self.token, self.last_token)

    def forget(self) -> None:
        super().forget()
        self._other = None

    @property
    def x(self) -> Tensor:
        """What enters the norm: (tokens of both texts, d_model)."""
        if self._other is None:
            with torch.no_grad():
                self._other = self.run_model(torch.tensor([self.encoding.encode_ordinary(self.other_text)]))
        texts = [recorded(trace)[self.layer].resid_pre[0] for trace in (self.trace, self._other)]
        return torch.cat(texts) * self.input_scale + self.input_shift

    def steps(self, x: Tensor) -> dict[str, Tensor]:
        """The features (n_tokens, d_model) after each step."""
        axes = {"BatchNorm": (0,), "whole tensor": (0, 1)}
        over = axes.get(self.norm, (-1,))
        center = x.mean(dim=over, keepdim=True) if self.norm != "RMSNorm" else torch.zeros(1)
        centred = x - center
        # The mean square of the centred features is their biased variance.
        scaled = centred / torch.sqrt(centred.square().mean(dim=over, keepdim=True) + self.eps)
        shift = 0.0 if self.norm == "RMSNorm" else self.bias
        return dict(zip(STEPS, (x, centred, scaled, scaled * self.gain + shift), strict=True))

    def changes(self) -> Tensor:
        """By how much each token's output changes if the last token of the text gets other features."""
        x = self.x
        other = x.clone()
        other[self.last_token] = 3 * x[self.last_token].flip(-1)
        out, other_out = (self.steps(features)["gain and bias"] for features in (x, other))
        return (other_out - out).abs().amax(dim=-1)  # (n_tokens,)

    def measure(self) -> NormReading:
        steps, changes, last = self.steps(self.x), self.changes(), self.last_token
        before, after = steps["as it comes"][self.token], steps["gain and bias"][self.token]  # (d_model,) each
        return NormReading(
            self.norm,
            self.labels[self.token],
            mean_before=float(before.mean()),
            std_before=float(before.std(unbiased=False)),
            mean_after=float(after.mean()),
            std_after=float(after.std(unbiased=False)),
            leak_earlier=float(changes[:last].max()) if last else 0.0,
            leak_other=float(changes[last + 1 :].max()),
        )

    def draw(self) -> Picture:
        picture = Picture(9.6, 4.6, f"{self.norm} of {self.labels[self.token]}")
        title = f"{self.norm}: the features of {clip(self.labels[self.token])}"
        picture.write(None, 0.03, 0.955, title, size=FONT + 1, bold=True, at="lm")
        self._draw_steps(picture)
        self._draw_changes(picture)
        if self.weights:
            picture.write(None, 0.03, 0.03, self.weights, at="lb", color=FADED)
        return picture

    def _draw_steps(self, picture: Picture) -> None:
        """Four columns of features as dots around zero, with their mean and one std on each side.

        The first two columns share a scale, and so do the last two. All four are drawn in one set
        of axes, in parts of their scale, because four sets take four times as long.
        """
        columns = [features[self.token] for features in self.steps(self.x).values()]
        pairs = torch.stack(columns[:2]), torch.stack(columns[2:])
        limits = [max(1e-30, 1.12 * float(pair.abs().max())) for pair in pairs]
        n = min(len(columns[0]), 48)  # more dots than these run into each other
        starts = [0, 1.12 * n, 2.5 * n, 3.62 * n]
        axes = picture.add_axes((0.075, 0.22, 0.62, 0.58))
        for i, (name, start, features) in enumerate(zip(STEPS, starts, columns, strict=True)):
            limit = limits[i // 2]
            mean, std = float(features.mean()), float(features.std(unbiased=False))
            places, heights = start + np.arange(n), features[:n].numpy() / limit
            left, right = start - 1, start + n
            axes.fill_between([left, right], -1, 1, color="#f5f5f5", linewidth=0)
            axes.fill_between([left, right], max((mean - std) / limit, -1), min((mean + std) / limit, 1),
                              color=SKY, alpha=0.3, linewidth=0)  # fmt: skip
            axes.vlines(places, 0, heights, color=BLUE, linewidth=1.2)
            axes.plot(places, heights, "o", color=BLUE, markersize=4)
            axes.hlines([0, mean / limit], left, right, color=[INK, VERMILION], linewidth=[1, 2.2])
            picture.write(axes, start + n / 2 - 0.5, 1.06, name, at="mb", bold=True)
            minus = f"mean {_fixed(mean)}".replace("-", "−")
            picture.write(axes, left, -1.1, minus, at="lt", color=letters(VERMILION))
            picture.write(axes, left, -1.28, f"std   {_fixed(std)}", at="lt", color=BLUE)
            if i % 2 == 0:
                for height, text in ((1, short(limit, 2)), (0, "0"), (-1, short(-limit, 2))):
                    picture.write(axes, left - 0.1 * n, height, text, at="rm", color=FADED, size=10)
        axes.set(xlim=(-1, starts[-1] + n), ylim=(-1, 1))
        axes.set_axis_off()

    def _draw_changes(self, picture: Picture) -> None:
        """A bar per token of both texts: how far the last token's change reaches."""
        changes = self.changes().numpy()
        names = [*self.labels, *token_labels(self.encoding, self.encoding.encode_ordinary(self.other_text))]
        last, n = self.last_token, len(names)
        axes = picture.add_axes((0.8, 0.1, 0.125, 0.7))
        places = np.arange(n) + 0.8 * (np.arange(n) > last)  # a gap between the two texts
        top = float(changes.max()) or 1.0
        colors = [FADED if i == last else VERMILION for i in range(n)]
        axes.barh(places, changes, 0.7, color=colors)
        axes.set(xlim=(0, top), ylim=(places[-1] + 0.6, -0.6))
        axes.set_axis_off()
        axes.axvline(0, color=FADED, linewidth=1)
        for i, (place, name) in enumerate(zip(places, names, strict=True)):
            picture.write(axes, -0.05 * top, place, clip(name, 9), at="rm", bold=i == self.token)
            moved = changes[i] > 1e-5
            text = short(changes[i], 2) if moved else "0"
            ink = FADED if i == last or not moved else letters(VERMILION)
            picture.write(axes, changes[i] + 0.04 * top, place, text, at="lm", color=ink)
        leaks = self.result.leaks
        title, ink = ("leaks into other tokens", letters(VERMILION)) if leaks else ("no other token changes", INK)
        picture.write(None, 0.985, 0.955, title, at="rm", bold=True, size=FONT + 1, color=ink)
        asked = f"output changes if “{clip(names[last], 9)}” does"
        picture.write(None, 0.985, 0.875, asked, at="rm", color=FADED)
        picture.write(axes, -0.05 * top, last + 0.9, "other text", at="rm", color=FADED, size=10)


def _fixed(value: float) -> str:
    """Two decimals, or two digits where that would be nothing."""
    if 1e-6 <= abs(value) < 0.005:
        return f"{value:.1e}"
    return f"{value:.2f}".replace("-0.00", "0.00")
