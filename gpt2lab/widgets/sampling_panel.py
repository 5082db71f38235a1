"""The sampling panel: the next-token distribution, and what temperature, top-k and top-p make of it."""

from __future__ import annotations

from dataclasses import dataclass

import tiktoken
import torch
from torch import Tensor

from gpt2lab.errors import validates
from gpt2lab.figures.plots import clip
from gpt2lab.figures.style import BLUE, FADED, SMALL, Picture, letters
from gpt2lab.generation import next_token_probabilities
from gpt2lab.model import GPT2
from gpt2lab.tokenizer import token_label
from gpt2lab.trace import GPT2Trace
from gpt2lab.widgets.text_panel import Equipped, TextPanel
from gpt2lab.widgets.traits import Number, Whole

SHOWN = 14
PLAIN = "#d0d0d0"  # bars that get an edge, to be seen on white and on black


@dataclass(frozen=True)
class Distribution:
    """The distribution that is drawn from."""

    kept: int  # tokens with any probability
    vocab_size: int
    entropy: float  # nats
    top: tuple[tuple[str, float], ...]  # the most probable tokens

    def __repr__(self) -> str:
        best = "  ".join(f"{token!r} {p:.2f}" for token, p in self.top[:4] if p >= 0.01)
        return f"{self.kept} of {self.vocab_size} tokens kept, entropy {self.entropy:.2f} nats; most probable: {best}"


class SamplingPanel(TextPanel[Distribution]):
    """What the next token is drawn from. For model and text see ``TextPanel``.

    Attributes
    ----------
    temperature : float, 0 to 3
        0 is greedy.
    top_k : int
        Keep the k most probable tokens; 0 keeps all.
    top_p : float, 0.05 to 1
        Keep the fewest tokens that reach this probability; 1 keeps all.
    result : Distribution
    top_probability : float
        Probability of the most probable token.
    """

    max_tokens = 60

    temperature = Number(1.0, 0.0, 3.0, step=0.05, label="Temperature")
    top_k = Whole(0, low=0, high=lambda panel: min(100, panel.model.config.vocab_size), label="Top-k (0: all)")
    top_p = Number(1.0, 0.05, 1.0, step=0.05, label="Top-p (1: all)")
    rows = (("text",), ("temperature", "top_k", "top_p"))

    @validates
    def __init__(
        self,
        model: GPT2 | Equipped | None = None,
        encoding: tiktoken.Encoding | None = None,
        text: str | None = None,
        *,
        weights: str | None = None,
        **settings: object,
    ) -> None:
        if text is not None:
            settings["text"] = text
        super().__init__(model, encoding, weights=weights, **settings)

    def run_model(self, tokens: Tensor) -> GPT2Trace:
        return self.model.trace(tokens, layers=[])

    def probabilities(self) -> Tensor:
        """(vocab_size,): the distribution that is drawn from."""
        return next_token_probabilities(
            self.trace.logits[0, -1],
            self.temperature,
            self.top_k or None,
            None if self.top_p == 1 else self.top_p,
        )

    @property
    def top_probability(self) -> float:
        return float(self.probabilities().max())

    def measure(self) -> Distribution:
        p = self.probabilities()
        best = p.topk(SHOWN)
        return Distribution(
            kept=int((p > 0).sum()),
            vocab_size=len(p),
            entropy=round(float(torch.special.entr(p).sum()), 2),
            top=tuple(
                (token_label(self.encoding, int(i)), round(float(v), 3))
                for v, i in zip(best.values, best.indices, strict=True)
            ),
        )

    def draw(self) -> Picture:
        plain = self.trace.logits[0, -1].softmax(-1)
        now, order = self.probabilities(), plain.topk(min(SHOWN, len(plain))).indices
        labels = [clip(token_label(self.encoding, int(i)), 14) for i in order]
        picture = Picture(9.6, 5.0, "Next-token distribution")
        axes = picture.add_axes((0.17, 0.12, 0.8, 0.7))
        axes.barh(range(len(order)), plain[order].numpy(), 0.82, color=PLAIN, edgecolor=FADED, linewidth=0.8,
                  label="the model's own")  # fmt: skip
        axes.barh(range(len(order)), now[order].numpy(), 0.44, color=BLUE, label="what is drawn from")
        right = min(1.12, 1.2 * max(float(plain.max()), float(now.max())))
        for row, i in enumerate(order):
            p = float(now[i])
            text, color = (f"{p:#.2g}", letters(BLUE)) if p > 0 else ("cut", FADED)
            axes.text(max(p, float(plain[i])) + 0.012 * right, row, text, va="center", fontsize=SMALL, color=color)
        axes.set_yticks(range(len(order)), labels=labels)
        axes.tick_params(axis="y", length=0)
        axes.invert_yaxis()
        axes.set_xlim(0, right)
        axes.set_xlabel("probability")
        axes.legend(loc="lower right")
        end = "".join(self.labels)[-12:].lstrip("␣")
        kept = f"{self.result.kept:,} of {self.result.vocab_size:,} tokens can be drawn"
        picture.text(0.012, 0.93, f"After “…{end}”: {kept}", fontsize=14, fontweight="bold")
        note = " · ".join(part for part in (f"entropy {self.result.entropy:.2f} nats", self.weights) if part)
        picture.text(0.012, 0.875, note, fontsize=SMALL, color=FADED)
        return picture
