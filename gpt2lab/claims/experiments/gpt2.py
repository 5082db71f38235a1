"""Experiments on the claims about GPT-2 as a whole, and how it is trained."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from gpt2lab.ablations import build
from gpt2lab.claims.base import Figures, experiment
from gpt2lab.claims.experiments.attention import small_gpt2
from gpt2lab.claims.experiments.english import english, passages
from gpt2lab.claims.experiments.measures import farthest
from gpt2lab.config import GPT2Config
from gpt2lab.generation.sampling import next_token_probabilities
from gpt2lab.interventions import ablate_feedforward


def some_tokens(seed: int) -> torch.Tensor:
    """(2, 12) ids below 50."""
    return torch.randint(50, (2, 12), generator=torch.Generator().manual_seed(seed))


@experiment("G5", shows=lambda found: found["after backward"] == 0 < found["after the step"])
def what_moves_the_weights(seed: int) -> Figures:
    """How far any weight has moved after backward(), and after one step of plain descent (largest change)."""
    model, tokens = small_gpt2(seed), some_tokens(seed)
    before = [parameter.detach().clone() for parameter in model.parameters()]

    def moved() -> float:
        return max((p.detach() - q).abs().max().item() for p, q in zip(model.parameters(), before, strict=True))

    F.cross_entropy(model(tokens)[:, :-1].flatten(0, 1), tokens[:, 1:].flatten()).backward()
    found = {"after backward": moved()}
    with torch.no_grad():
        for p in model.parameters():
            if p.grad is not None:
                p.sub_(0.1 * p.grad)
    return {**found, "after the step": moved()}


@experiment("G15", shows=lambda found: found["predictions"] == 12 and found["one pass or many"] < 1e-4)
@torch.no_grad()
def one_pass(seed: int) -> Figures:
    """Predictions of one pass over 12 tokens, and how far they are from 12 passes over the prefixes."""
    model, tokens = small_gpt2(seed), some_tokens(seed)[:1]
    whole = model(tokens)[0]
    one_by_one = torch.stack([model(tokens[:, : t + 1])[0, -1] for t in range(12)])
    return {"predictions": len(whole), "one pass or many": farthest(whole, one_by_one)}


@experiment("G16", shows=lambda found: found["first position moves by"] == 0 < found["last position moves by"])
@torch.no_grad()
def no_right_context(seed: int) -> Figures:
    """How far the vectors of GPT-2's first and last position move when all tokens but the first are others."""
    model, tokens = small_gpt2(seed), some_tokens(seed)[:1]
    other = torch.cat([tokens[:, :1], some_tokens(seed + 50)[:1, 1:]], dim=1)
    moved = (model.hidden(other) - model.hidden(tokens))[0].abs().amax(-1)
    return {"first position moves by": moved[0].item(), "last position moves by": moved[-1].item()}


@experiment("G4", shows=lambda found: found["modules"] > 10 and found["with encoder or cross in their name"] == 0)
def names_of_the_modules(seed: int) -> Figures:
    """The modules of a GPT-2, and those whose name or class says encoder or cross."""
    named = [f"{name} {type(module).__name__}".lower() for name, module in small_gpt2(seed).named_modules()]
    return {
        "modules": len(named),
        "with encoder or cross in their name": sum("encoder" in text or "cross" in text for text in named),
    }


@experiment(
    "G1",
    shows=lambda found: (
        found["shared by attention and network"] == 0
        and found["parameters, output layer of its own"] - found["parameters"] == 50 * 32
    ),
)
def what_is_shared(seed: int) -> Figures:
    """A small GPT-2: matrices that attention and network have in common, and what an output layer of its own adds."""
    model = small_gpt2(seed)
    attn, ffn = (
        {p.data_ptr() for b in model.blocks for p in getattr(b, part).parameters()} for part in ("attn", "ffn")
    )
    return {
        "shared by attention and network": len(attn & ffn),
        "parameters": model.n_parameters(),
        "parameters, output layer of its own": build("untied", model.config, seed=seed).n_parameters(),
    }


@experiment(
    "G3",
    shows=lambda found: found["logits per position"] == 50 and abs(found["fresh: nats"] - found["ln 50"]) < 0.1,
)
@torch.no_grad()
def one_logit_per_token(seed: int) -> Figures:
    """A fresh GPT-2 with a vocabulary of 50: what it returns at a position, and its loss on random tokens."""
    model, tokens = small_gpt2(seed), some_tokens(seed)
    logits = model(tokens)
    return {
        "logits per position": logits.shape[-1],
        "fresh: nats": F.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten()).item(),
        "ln 50": math.log(50),
    }


@experiment(
    "G6",
    shows=lambda found: (
        found["targets not shifted: nats"] < 0.5 and found["targets shifted: nats"] > found["ln 20"] - 0.1
    ),
)
def copying(seed: int) -> Figures:
    """A small GPT-2 after 80 steps on fresh random tokens, of which there are 20: mean loss of the last ten steps."""
    found: Figures = {"ln 20": math.log(20)}
    for name, shift in (("targets not shifted", 0), ("targets shifted", 1)):
        generator = torch.Generator().manual_seed(seed)
        model = build("gpt2", GPT2Config.tiny(vocab_size=20, context_length=16, n_layers=1), seed=seed)
        optimizer, losses = torch.optim.AdamW(model.parameters(), lr=0.01), []
        for _ in range(80):
            tokens = torch.randint(20, (32, 13), generator=generator)
            loss = F.cross_entropy(model(tokens[:, :12]).flatten(0, 1), tokens[:, shift : 12 + shift].flatten())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        found[f"{name}: nats"] = sum(losses[-10:]) / 10
    return found


@experiment(
    "G14",
    shows=lambda found: found["gained by the prompt: nats"] > 0.2 and found["weights that changed"] == 0,
)
@torch.no_grad()
def prompt_is_the_input(seed: int) -> Figures:
    """The English model: how much better it predicts a token of unread text with 40 tokens before it than with one."""
    model, text = english(), passages(seed, 4, 42)
    before = [parameter.clone() for parameter in model.parameters()]
    long, short = (F.cross_entropy(model(x)[:, -1], text[:, -1]).item() for x in (text[:, :-1], text[:, -2:-1]))
    return {
        "gained by the prompt: nats": short - long,
        "weights that changed": sum(int((a != b).sum()) for a, b in zip(model.parameters(), before, strict=True)),
    }


@experiment(
    "G17",
    shows=lambda found: (
        found["without feed-forward networks: nats"] > found["whole: nats"] + 0.5
        and found["different tokens drawn"] > 20
    ),
)
@torch.no_grad()
def more_than_attention(seed: int) -> Figures:
    """The English model on unread text, whole and with its networks silent; 400 draws from four distributions."""
    model, text = english(), passages(seed, 4, 64)

    def nats() -> float:
        return F.cross_entropy(model(text)[:, :-1].flatten(0, 1), text[:, 1:].flatten()).item()

    probabilities = next_token_probabilities(model(text)[:, -1])
    drawn = probabilities.multinomial(100, replacement=True, generator=torch.Generator().manual_seed(seed))
    found: Figures = {"whole: nats": nats(), "different tokens drawn": sum(len(row.unique()) for row in drawn)}
    with ablate_feedforward(model, range(4)):
        found["without feed-forward networks: nats"] = nats()
    return found
