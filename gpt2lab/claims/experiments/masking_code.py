"""Experiments on code that masks or decodes."""

from __future__ import annotations

import torch
from torch import Tensor

from gpt2lab.claims.base import Figures, experiment
from gpt2lab.claims.experiments.english import english, passages
from gpt2lab.claims.experiments.measures import numbers
from gpt2lab.model import GPT2


def hide_wrong(tokens: Tensor, hidden: Tensor, mask_id: int) -> Tensor:
    """Hide tokens for a masked-language model, by a token of the vocabulary that is there for it."""
    tokens = tokens.clone()
    tokens[hidden] = 0
    return tokens


def hide_right(tokens: Tensor, hidden: Tensor, mask_id: int) -> Tensor:
    """Hide tokens for a masked-language model, by a token of the vocabulary that is there for it."""
    tokens = tokens.clone()
    tokens[hidden] = mask_id
    return tokens


@experiment(
    "M2",
    shows=lambda found: found["code: look hidden"] > found["hidden"] == found["right: look hidden"],
    wrong=hide_wrong,
    right=hide_right,
)
def a_token_of_its_own(seed: int) -> Figures:
    """Of 1,000 tokens from a vocabulary of 20: how many are hidden, and how many look so, with id 0 and with id 20."""
    generator = torch.Generator().manual_seed(seed)
    tokens, hidden = torch.randint(20, (1000,), generator=generator), torch.rand(1000, generator=generator) < 0.15
    return {
        "hidden": int(hidden.sum()),
        "code: look hidden": int((hide_wrong(tokens, hidden, 20) == 0).sum()),
        "right: look hidden": int((hide_right(tokens, hidden, 20) == 20).sum()),
    }


def continue_text_wrong(model: GPT2, tokens: Tensor, n: int) -> Tensor:
    """Continue prompts (batch, tokens) greedily by n tokens, without a cache."""
    for _ in range(n):
        logits = model(tokens[:, -1:])
        chosen = logits[:, -1].argmax(-1, keepdim=True)
        tokens = torch.cat([tokens, chosen], dim=1)
    return tokens


def continue_text_right(model: GPT2, tokens: Tensor, n: int) -> Tensor:
    """Continue prompts (batch, tokens) greedily by n tokens, without a cache."""
    for _ in range(n):
        logits = model(tokens)
        chosen = logits[:, -1].argmax(-1, keepdim=True)
        tokens = torch.cat([tokens, chosen], dim=1)
    return tokens


@experiment(
    "M11",
    shows=lambda found: found["code: different continuations"] == 1 < found["right: different continuations"],
    wrong=continue_text_wrong,
    right=continue_text_right,
)
@torch.no_grad()
def prompts_that_end_alike(seed: int) -> Figures:
    """The English model: four unread prompts of 20 tokens that end in one token, continued by eight tokens."""
    prompts = passages(seed, 4, 20)
    prompts[:, -1] = prompts[0, -1]
    code, right = (function(english(), prompts, 8)[:, 20:] for function in (continue_text_wrong, continue_text_right))
    return {
        "prompts": len(prompts),
        "code: different continuations": len(code.unique(dim=0)),
        "right: different continuations": len(right.unique(dim=0)),
    }


def next_token_wrong(logits: Tensor) -> Tensor:
    """The next token of a sample, greedily: logits are (batch, tokens, vocabulary)."""
    last = logits[:, -1]  # noqa: F841
    return torch.argmax(logits)


def next_token_right(logits: Tensor) -> Tensor:
    """The next token of a sample, greedily: logits are (batch, tokens, vocabulary)."""
    last = logits[:, -1]
    return torch.argmax(last, dim=-1)


@experiment(
    "M16",
    shows=lambda found: found["code: no token at all"] > 0.5 and found["right: no token at all"] == 0,
    wrong=next_token_wrong,
    right=next_token_right,
)
def ids_that_are_no_tokens(seed: int) -> Figures:
    """How often the chosen id lies outside a vocabulary of 97, over 200 random logits (1, 7, 97)."""
    logits = [numbers(1000 * seed + i, 1, 7, 97) for i in range(200)]
    return {
        "code: no token at all": sum(int(next_token_wrong(x)) >= 97 for x in logits) / 200,
        "right: no token at all": sum(int(next_token_right(x)) >= 97 for x in logits) / 200,
    }
