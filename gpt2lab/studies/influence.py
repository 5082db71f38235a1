"""How much does a token matter? Effects measured by hiding it, to hold guides such as attention against.

The effect of a change is the distance between the distributions of the next token before and after it
(Kullback–Leibler divergence, in nats).
"""

from __future__ import annotations

from contextlib import ExitStack

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from gpt2lab.interventions import cut_edges
from gpt2lab.model import GPT2


def moved(before: Float[Tensor, "*n vocab_size"], after: Float[Tensor, "*m vocab_size"]) -> Tensor:
    """Distance from one distribution to another, given their logits: KL(before ‖ after) in nats."""
    return F.kl_div(after.log_softmax(-1), before.log_softmax(-1), reduction="none", log_target=True).sum(-1)


def rank_correlation(a: Float[Tensor, " n"], b: Float[Tensor, " n"]) -> float:
    """Spearman's: 1 if both give the same order, 0 if the orders have nothing in common."""
    ranks = torch.stack([a, b]).argsort(dim=-1).argsort(dim=-1).double()
    return torch.corrcoef(ranks)[0, 1].item()


@torch.no_grad()
def effects_of_hiding(model: GPT2, tokens: Int[Tensor, "1 T"]) -> Float[Tensor, " keys"]:
    """For each token but the last: how far does the next token's distribution move, if nobody may look at it?

    It is hidden from all later tokens in all layers and heads; it may still look at itself. (T − 1,)
    """
    T = tokens.shape[1]
    edges = torch.zeros(T - 1, T, T, dtype=torch.bool)
    for k in range(T - 1):
        edges[k, k + 1 :, k] = True
    with ExitStack() as cuts:
        for layer in range(len(model.blocks)):
            cuts.enter_context(cut_edges(model, layer, edges))
        after = _last(model, tokens.expand(T - 1, -1))  # (T − 1, vocab_size)
    return moved(_last(model, tokens)[0], after)


def _last(model: GPT2, tokens: Int[Tensor, "B T"]) -> Float[Tensor, "B vocab_size"]:
    """The logits at the last position only."""
    return model.unembed(model.hidden(tokens)[:, -1])
