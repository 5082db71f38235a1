"""Experiments on the claims about positions and embeddings."""

from __future__ import annotations

import torch

from gpt2lab.attention import attention, causal_mask
from gpt2lab.claims.base import Figures, experiment
from gpt2lab.claims.experiments.attention import small_gpt2
from gpt2lab.claims.experiments.measures import farthest, numbers
from gpt2lab.errors import InputError


@experiment("P4", shows=lambda found: found["width of a token"] == found["width of the sum"] == 32)
@torch.no_grad()
def width_of_a_sum(seed: int) -> Figures:
    """The width of a token's row in the table, and of its vector once the position is added."""
    model = small_gpt2(seed)
    return {
        "width of a token": model.token_embedding.weight.shape[-1],
        "width of the sum": model.embed(torch.arange(5)[None]).shape[-1],
    }


@experiment(
    "P6",
    shows=lambda found: found["no mask"] < 1e-5 and found["mask, one layer: last"] < 1e-5
    and found["mask, two layers: last"] > 1e-3,
)  # fmt: skip
def order_without_positions(seed: int) -> Figures:
    """Attention without positions on six shuffled tokens: how far the outputs are from the shuffled outputs.

    With a causal mask, at the last token alone, which stays in its place: after one layer and after two.
    """
    x = numbers(seed, 6, 16) / 2
    order = torch.tensor([1, 0, 3, 2, 4, 5])
    mask = causal_mask(6)

    def one(x: torch.Tensor) -> torch.Tensor:
        return x + attention(x, x, x, mask)[0]

    return {
        "no mask": (attention(x[order], x[order], x[order])[0] - attention(x, x, x)[0][order]).abs().max().item(),
        "mask, one layer: last": farthest(one(x[order])[-1], one(x)[-1]),
        "mask, two layers: last": (one(one(x[order])) - one(one(x)))[-1].abs().max().item(),
    }


@experiment("P11", shows=lambda found: found["rows of the table"] == 16 and found["17 tokens are taken"] == 0)
def no_row_for_one_more(seed: int) -> Figures:
    """A model with a context of 16: the rows of its table, and whether it takes 17 tokens."""
    model = small_gpt2(seed)
    try:
        model(torch.arange(17)[None])
        taken = 1
    except InputError:
        taken = 0
    return {"rows of the table": len(model.position_embedding.weight), "17 tokens are taken": taken}


@experiment("P14", shows=lambda found: found["output layer is the token table"] == 1)
def one_table(seed: int) -> Figures:
    """Whether the logits are dot products with the rows of the token table."""
    model, x = small_gpt2(seed), numbers(seed, 1, 3, 32)
    same = torch.allclose(model.unembed(x), x @ model.token_embedding.weight.T, atol=1e-6)
    return {"output layer is the token table": int(same)}
