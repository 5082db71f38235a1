"""The path panel: does the first token still reach the last output? RNN, LSTM and causal attention.

The gradient of the last output with respect to the first input, at initialisation, by length.
A recurrent network passes it through every state in between, attention through none. Each recurrent
network is there twice: as torch initialises it, and as one initialises it for long texts, with an
orthogonal matrix (Le, Jaitly and Hinton 2015 use the identity) or a large forget bias (Gers et al. 2000).
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from gpt2lab.attention import MultiHeadAttention
from gpt2lab.config import GPT2Config
from gpt2lab.figures.plots import log_scale, name_curves
from gpt2lab.figures.style import BLUE, FADED, GREEN, ORANGE, Picture
from gpt2lab.widgets.base import Panel
from gpt2lab.widgets.traits import Choice

LENGTHS = (8, 16, 32, 64, 128, 256)
WIDTH, SEEDS = 32, 5
SMALLEST = 1e-12  # smaller gradients are drawn at the bottom of the picture
FORGET_BIAS = 3.0  # sigmoid(3) = 0.95 of the state stays at each step
_COLORS = {"RNN": BLUE, "LSTM": ORANGE, "attention": GREEN}


class PathPanel(Panel[str]):
    """Untrained networks of width 32, five seeds each; the curves show median and range.

    Attributes
    ----------
    length : int
        Tokens from the first input to the last output: 8, 16 … 256.
    gradient : dict
        Median gradient by network at this length.
    steps : dict
        Dependent steps on the way.
    result : str
    """

    tokens = Choice(tuple(map(str, LENGTHS)), "32", label="Tokens")
    rows = (("tokens",),)

    @property
    def length(self) -> int:
        return int(self.tokens)

    @length.setter
    def length(self, value: int) -> None:
        self.tokens = str(value)

    @property
    def gradient(self) -> dict[str, float]:
        at = LENGTHS.index(self.length)
        return {name: float(runs[:, at].median()) for name, runs in _gradients().items()}

    @property
    def steps(self) -> dict[str, int]:
        return {name: 1 if name == "attention" else self.length for name in _networks()}

    def measure(self) -> str:
        sizes = self.gradient.items()
        parts = [f"{name} {_power(size)} ({_count(self.steps[name])})" for name, size in sizes]
        return f"{self.length} tokens: " + "; ".join(parts)

    def draw(self) -> Picture:
        picture = Picture(9.0, 4.4, "Gradient from the last output to the first input")
        axes = picture.add_axes((0.1, 0.16, 0.64, 0.73))
        for name, sizes in _gradients().items():
            color, line = _COLORS[name.split(",")[0]], "--" if "," in name else "-"
            runs = sizes.clamp(min=SMALLEST).numpy()  # (SEEDS, len(LENGTHS))
            thick = 5 if name == "RNN" else 2.4  # seen on both sides of the LSTM, which meets it at the bottom
            axes.plot(LENGTHS, np.median(runs, axis=0), line, color=color, label=name, linewidth=thick)
            axes.fill_between(LENGTHS, runs.min(axis=0), runs.max(axis=0), color=color, alpha=0.22, linewidth=0)
        axes.axvline(self.length, color=FADED, linewidth=1.5, linestyle=":", label="_chosen")
        axes.set(title=picture.title, xlabel="tokens in the sequence", ylabel="size of the gradient")
        axes.set_xscale("log")
        axes.set_xticks(LENGTHS, labels=list(map(str, LENGTHS)))
        axes.minorticks_off()
        log_scale(axes, "y")
        axes.grid(axis="y")
        name_curves(axes)
        return picture


@functools.cache
def _gradients() -> dict[str, Tensor]:
    """Gradient sizes by network: (SEEDS, len(LENGTHS))."""
    networks = _networks()
    sizes = {name: torch.zeros(SEEDS, len(LENGTHS)) for name in networks}
    with torch.random.fork_rng(devices=[]):
        for seed in range(SEEDS):
            for name, make in networks.items():
                torch.manual_seed(seed)
                network = make()
                for i, length in enumerate(LENGTHS):
                    x = torch.randn(1, length, WIDTH, requires_grad=True)
                    (gradient,) = torch.autograd.grad(network(x)[0, -1].sum(), x)  # (1, length, WIDTH)
                    sizes[name][seed, i] = gradient[0, 0].norm()
    return sizes


def _networks() -> dict[str, Callable[[], nn.Module]]:
    return {
        "RNN": lambda: _FirstOutput(nn.RNN(WIDTH, WIDTH, batch_first=True)),
        "RNN, orthogonal": _orthogonal_rnn,
        "LSTM": lambda: _FirstOutput(nn.LSTM(WIDTH, WIDTH, batch_first=True)),
        "LSTM, forget bias 3": _remembering_lstm,
        "attention": _attention,
    }


def _orthogonal_rnn() -> nn.Module:
    """Its matrix keeps the length of the state; inputs are small and biases 0, so that tanh hardly bends."""
    rnn = nn.RNN(WIDTH, WIDTH, batch_first=True)
    nn.init.orthogonal_(rnn.get_parameter("weight_hh_l0"))
    nn.init.normal_(rnn.get_parameter("weight_ih_l0"), std=0.1 / WIDTH**0.5)
    for bias in ("bias_ih_l0", "bias_hh_l0"):
        nn.init.zeros_(rnn.get_parameter(bias))
    return _FirstOutput(rnn)


def _remembering_lstm() -> nn.Module:
    lstm = nn.LSTM(WIDTH, WIDTH, batch_first=True)
    with torch.no_grad():  # torch keeps the gates in the order input, forget, cell, output, with two biases each
        lstm.get_parameter("bias_ih_l0")[WIDTH : 2 * WIDTH] = FORGET_BIAS
        lstm.get_parameter("bias_hh_l0")[WIDTH : 2 * WIDTH] = 0
    return _FirstOutput(lstm)


def _attention() -> nn.Module:
    return MultiHeadAttention(GPT2Config.tiny(d_model=WIDTH, n_heads=1))


class _FirstOutput(nn.Module):
    """A recurrent network returns its outputs and its state; the outputs are wanted here."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)[0]


def _power(value: float) -> str:
    return "below 1e-12" if value < SMALLEST else f"{value:.1g}"


def _count(steps: int) -> str:
    return "1 step" if steps == 1 else f"{steps} steps"
