"""What can one layer do with one token? Attention and the feed-forward network, at the same number of weights.

Every token has a fixed random vector of width 16 and an answer. One layer reads the vector and adds to it, a
linear map reads the sum and names the answer. Three kinds of layers, with controls:

``no layer``
    The linear map alone: what needs no layer.
``attention on itself``
    The token sees only itself, as the first token of a text does.
``attention, h heads``
    The token also sees one other token, the same for all, with a learned vector.
``feed-forward``
    32 neurons: as many weights as the attention layer, half of what GPT-2's would have at this width.

Two tasks: ``xor`` (four tokens, two bits each, the answer is whether exactly one bit is on) and ``facts`` (random
answers out of eight, which cannot be worked out, only stored). There is no layer norm, which is non-linear too. Each
kind gets the best of six learning rates; five seeds; initial weights as GPT-2's, scaled to this width.
``python -m gpt2lab.studies.facts`` repeats everything (a few minutes on one CPU core).
"""

from __future__ import annotations

import math
import time
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from gpt2lab.errors import InputError, validates
from gpt2lab.studies.stored import FOLDER, Made, load_table, made_by, save_table

WIDTH, NEURONS, CHOICES = 16, 32, 8
KINDS = {  # name: heads; 0 for no attention
    "no layer": 0,
    "attention on itself": 1,
    "attention, 1 head": 1,
    "attention, 16 heads": 16,
    "feed-forward": 0,
}
FACTS = (128, 256, 512, 1024)
SEEDS, STEPS = 5, 600
RATES = (3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)
INIT = 0.02 * math.sqrt(768 / WIDTH)  # GPT-2's spread, for the same size of output at this width
TABLE = "facts.json"


class FactsTable(Made):
    """The stored measurement, and how it was made."""

    facts: list[int]
    xor: dict[str, list[float]]  # by kind: loss of each seed after training, nats per token, best rate
    right: dict[str, list[list[float]]]  # by kind: (facts, seeds), share of the facts answered right, best rate
    chosen: dict[str, list[float]]  # by kind: the rate for xor, then for each number of facts
    weights: dict[str, int]  # by kind: numbers in the layer, biases and readout left out
    seeds: int
    rates: list[float]
    steps: int


class Layers:
    """One layer with its readout, for several runs at once; every weight is (runs, ...)."""

    def __init__(self, kind: str, runs: int, generator: torch.Generator, choices: int) -> None:
        self.kind, self.heads, self.runs = kind, KINDS[kind], runs
        self.weights: dict[str, Tensor] = {}

        def add(name: str, n_in: int, n_out: int) -> None:
            self.weights[name] = torch.randn(runs, n_in, n_out, generator=generator) * INIT
            self.weights[name + "_bias"] = torch.zeros(runs, 1, n_out)

        if self.heads:
            for name in ("query", "key", "value", "out"):
                add(name, WIDTH, WIDTH)
            if kind != "attention on itself":
                self.weights["other"] = torch.randn(runs, 1, WIDTH, generator=generator)  # the second token
        elif kind == "feed-forward":
            add("up", WIDTH, NEURONS)
            add("down", NEURONS, WIDTH)
        add("read", WIDTH, choices)
        for weight in self.weights.values():
            weight.requires_grad_()

    def linear(self, name: str, x: Tensor) -> Tensor:
        return x @ self.weights[name] + self.weights[name + "_bias"]

    def attend(self, x: Tensor) -> Tensor:
        """Attention of every token (runs, N, d) on itself and, where there is one, on the other token."""

        def heads(name: str, tokens: Tensor) -> Tensor:
            return self.linear(name, tokens).unflatten(-1, (self.heads, -1))  # (runs, N, heads, d_head)

        query, seen = heads("query", x), [x]
        if "other" in self.weights:
            seen.append(self.weights["other"].expand_as(x))
        scores = [(query * heads("key", tokens)).sum(-1) / math.sqrt(WIDTH / self.heads) for tokens in seen]
        share = torch.stack(scores).softmax(0)  # (tokens seen, runs, N, heads)
        values = torch.stack([heads("value", tokens) for tokens in seen])
        return self.linear("out", (share[..., None] * values).sum(0).flatten(2))

    def __call__(self, x: Tensor) -> Tensor:
        """Vectors (runs, N, d) to logits (runs, N, choices)."""
        if self.heads:
            x = x + self.attend(x)
        elif self.kind == "feed-forward":
            x = x + self.linear("down", F.gelu(self.linear("up", x), approximate="tanh"))
        return self.linear("read", x)


def tokens(task: str, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Vectors (seeds, N, d) and answers (seeds, N); for xor, N is 4 whatever ``count`` says."""
    if task == "xor":
        bits = torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]])
        answers = torch.tensor([0, 1, 1, 0]).expand(SEEDS, 4)
        return bits @ torch.randn(SEEDS, 2, WIDTH, generator=generator), answers
    vectors = torch.randn(SEEDS, count, WIDTH, generator=generator)
    return vectors, torch.randint(CHOICES, (SEEDS, count), generator=generator)


@validates
def learn(kind: str, task: str, count: int = 4, steps: int = STEPS) -> tuple[Tensor, Tensor]:
    """Train all seeds at all rates at once.

    Parameters
    ----------
    kind : str
        One of ``KINDS``.
    task : str
        "xor" or "facts".
    count : int
        Number of facts.
    steps : int
        Steps of Adam, each on all tokens.

    Returns
    -------
    loss, right : Tensor
        Both (rates, seeds): nats per token, and the share answered right.

    Raises
    ------
    InputError
        For an unknown kind or task.
    """
    if kind not in KINDS or task not in ("xor", "facts"):
        raise InputError(f"expected a kind of {', '.join(KINDS)} and the task xor or facts, got {kind!r}, {task!r}")
    generator = torch.Generator().manual_seed(0)
    x, answers = (part.repeat(len(RATES), *[1] * (part.dim() - 1)) for part in tokens(task, count, generator))
    layers = Layers(kind, SEEDS, generator, 2 if task == "xor" else CHOICES)
    # Every rate starts from the same weights: the runs are rates × seeds.
    layers.weights = {
        name: weight.detach().repeat(len(RATES), 1, 1).requires_grad_() for name, weight in layers.weights.items()
    }
    rate = torch.tensor(RATES).repeat_interleave(SEEDS)[:, None, None]
    moments = {name: (torch.zeros_like(w), torch.zeros_like(w)) for name, w in layers.weights.items()}

    def losses() -> tuple[Tensor, Tensor]:
        logits = layers(x)
        loss = F.cross_entropy(logits.transpose(1, 2), answers, reduction="none").mean(1)  # (runs,)
        return loss, (logits.argmax(-1) == answers).float().mean(1)

    names = list(layers.weights)
    for step in range(1, steps + 1):
        gradients = torch.autograd.grad(losses()[0].sum(), [layers.weights[name] for name in names])
        with torch.no_grad():  # Adam, written out because each run has a rate of its own
            decay = 1 - (step - 1) / steps
            for name, gradient in zip(names, gradients, strict=True):
                first, second = moments[name]
                first.lerp_(gradient, 0.1)
                second.lerp_(gradient**2, 0.001)
                update = first / (1 - 0.9**step) / ((second / (1 - 0.999**step)).sqrt() + 1e-8)
                layers.weights[name] -= decay * rate * update
    with torch.no_grad():
        loss, right = losses()
    return loss.view(len(RATES), SEEDS), right.view(len(RATES), SEEDS)


def size(kind: str) -> int:
    """Numbers in the weight matrices of the layer."""
    weights = Layers(kind, 1, torch.Generator(), CHOICES).weights
    return sum(w.numel() for name, w in weights.items() if name in ("query", "key", "value", "out", "up", "down"))


@cache
def facts_table() -> FactsTable:
    """The stored measurement."""
    return load_table(FOLDER / TABLE)


def main() -> None:
    """Train everything and write the table."""
    begin = time.monotonic()
    xor, right, chosen = dict[str, list[float]](), dict[str, list[list[float]]](), dict[str, list[float]]()
    for kind in KINDS:
        loss, _ = learn(kind, "xor")
        best = int(loss.sum(1).argmin())
        xor[kind], right[kind], chosen[kind] = [round(v, 4) for v in loss[best].tolist()], [], [RATES[best]]
        for count in FACTS:
            _, share = learn(kind, "facts", count)
            best = int(share.sum(1).argmax())
            right[kind].append([round(v, 4) for v in share[best].tolist()])
            chosen[kind].append(RATES[best])
    table: FactsTable = {
        "facts": list(FACTS), "xor": xor, "right": right, "chosen": chosen, "weights": {k: size(k) for k in KINDS},
        "seeds": SEEDS, "rates": list(RATES), "steps": STEPS,
        **made_by("facts", begin),
    }  # fmt: skip
    save_table(FOLDER / TABLE, table)


if __name__ == "__main__":
    main()
