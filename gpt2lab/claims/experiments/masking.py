"""Experiments on the claims about masks and decoding."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gpt2lab.cache import KVCache
from gpt2lab.claims.base import Figures, experiment
from gpt2lab.claims.experiments.attention import small_gpt2
from gpt2lab.claims.experiments.gpt2 import some_tokens
from gpt2lab.claims.experiments.measures import farthest, numbers
from gpt2lab.errors import InputError


def zero_the_future(q: Tensor, k: Tensor) -> Tensor:
    k = k * (torch.arange(len(k)) <= 2)[:, None]
    return (q @ k.T).softmax(-1)


def hide_the_future(q: Tensor, k: Tensor) -> Tensor:
    scores = q @ k.T
    scores[torch.arange(len(k)) > 2] = -torch.inf
    return scores.softmax(-1)


@experiment(
    "M3",
    shows=lambda found: found["keys set to 0"] > 0.02 and found["scores set to -inf"] == 0,
    wrong=zero_the_future,
    right=hide_the_future,
)
def weight_on_the_future(seed: int) -> Figures:
    """The weight that the third of eight tokens gives to the five after it."""
    q, k = numbers(seed, 4) / 2, numbers(seed + 1, 8, 4) / 2
    return {
        "keys set to 0": zero_the_future(q, k)[3:].sum().item(),
        "scores set to -inf": hide_the_future(q, k)[3:].sum().item(),
    }


@experiment("M4", shows=lambda found: found["scores set to 0.1"] > 0.2)
def soft_mask(seed: int) -> Figures:
    """The weight that the third of eight tokens gives to the five after it, if their scores become 0.1."""
    scores = numbers(seed, 4) / 2 @ (numbers(seed + 1, 8, 4) / 2).T
    scores[3:] = 0.1
    return {"scores set to 0.1": scores.softmax(-1)[3:].sum().item()}


@experiment("M5", shows=lambda found: found["NaN in row 0, strictly before"] == 6 and found["NaN, with itself"] == 0)
def nothing_to_attend_to(seed: int) -> Figures:
    """How many weights are NaN, if a token may look only at those before it, and if also at itself."""
    scores, mask = numbers(seed, 6, 6), torch.ones(6, 6).bool()
    strict = scores.masked_fill(~mask.tril(-1), -torch.inf).softmax(-1)
    return {
        "NaN in row 0, strictly before": int(strict[0].isnan().sum()),
        "NaN, with itself": int(scores.masked_fill(~mask.tril(), -torch.inf).softmax(-1).isnan().sum()),
    }


@experiment("M7", shows=lambda found: found["NaN in the last row, upside down"] == 6)
def wrong_polarity(seed: int) -> Figures:
    """A mask in which True means blocked, read as if it meant allowed: NaN in the last row."""
    blocked = torch.ones(6, 6).triu(1).bool()
    weights = numbers(seed, 6, 6).masked_fill(~blocked, -torch.inf).softmax(-1)
    return {"NaN in the last row, upside down": int(weights[-1].isnan().sum())}


@experiment("M8", shows=lambda found: found["one new token, no mask needed"] < 1e-4)
@torch.no_grad()
def cached_step(seed: int) -> Figures:
    """How far the last logits of a cached step, whose query may see everything, are from a masked pass."""
    model, tokens = small_gpt2(seed), some_tokens(seed)[:1]
    cache = KVCache(model.config)
    model.hidden(tokens[:, :-1], cache)
    stepped = model.unembed(model.hidden(tokens[:, -1:], cache))[0, -1]
    return {"one new token, no mask needed": farthest(stepped, model(tokens)[0, -1])}


@experiment("M10", shows=lambda found: found["losses"] == found["tokens"] - 1 and found["no token is taken"] == 0)
@torch.no_grad()
def first_token(seed: int) -> Figures:
    """How many losses the course's training gives for a text, and whether a model takes a text without a token."""
    model, tokens = small_gpt2(seed), some_tokens(seed)[:1]
    losses = F.cross_entropy(model(tokens)[0, :-1], tokens[0, 1:], reduction="none")
    try:
        model(tokens[:, :0])
        taken = 1
    except InputError:
        taken = 0
    return {"tokens": tokens.shape[1], "losses": len(losses), "no token is taken": taken}


def largest_of_everything(logits: Tensor) -> Tensor:
    return torch.argmax(logits)


def largest_at_the_end(logits: Tensor) -> Tensor:
    return torch.argmax(logits[:, -1], dim=-1)


@experiment(
    "M16",
    shows=lambda found: found["code: no token at all"] > 0.5 and found["right: no token at all"] == 0,
    wrong=largest_of_everything,
    right=largest_at_the_end,
)
def ids_that_are_no_tokens(seed: int) -> Figures:
    """How often the chosen id lies outside a vocabulary of 97, over 200 random logits (1, 7, 97)."""
    logits = [numbers(1000 * seed + i, 1, 7, 97) for i in range(200)]
    return {
        "code: no token at all": sum(int(largest_of_everything(x)) >= 97 for x in logits) / 200,
        "right: no token at all": sum(int(largest_at_the_end(x)) >= 97 for x in logits) / 200,
    }
