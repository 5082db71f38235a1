"""Experiments on the claims about GPT-2 as a whole, and how it is trained."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from gpt2lab.claims.base import Figures, experiment
from gpt2lab.claims.experiments.attention import small_gpt2
from gpt2lab.claims.experiments.measures import farthest


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


@experiment("G16", shows=lambda found: found["GPT-2: first position moves by"] == 0)
@torch.no_grad()
def no_right_context(seed: int) -> Figures:
    """How far the first position's vector moves when everything after it is another text."""
    model, tokens = small_gpt2(seed), some_tokens(seed)[:1]
    other = torch.cat([tokens[:, :1], some_tokens(seed + 50)[:1, 1:]], dim=1)
    return {"GPT-2: first position moves by": (model.hidden(other) - model.hidden(tokens))[0, 0].abs().max().item()}


@experiment("G4", shows=lambda found: found["modules"] > 10 and found["with encoder or cross in their name"] == 0)
def names_of_the_modules(seed: int) -> Figures:
    """The modules of a GPT-2, and those whose name or class says encoder or cross."""
    named = [f"{name} {type(module).__name__}".lower() for name, module in small_gpt2(seed).named_modules()]
    return {
        "modules": len(named),
        "with encoder or cross in their name": sum("encoder" in text or "cross" in text for text in named),
    }
