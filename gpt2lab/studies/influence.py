"""How much does a look, or a token, matter? Effects measured by cutting, to hold guides such as attention against.

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

PASSAGES = (  # written for the course, in the manner of the novels that the English model read
    "The letter came on a wet Thursday morning, when nobody in the house expected it, and Mrs. Hale read it twice "
    'before she said a word. "My dear," said she at last, "your cousin is to be married in the spring."',
    "There was a small garden behind the parsonage, in which the two sisters walked every evening after tea. The "
    "elder talked of the ball; the younger was silent, for she had not danced once, and was tired of it.",
    "Sir Henry had lived so long in town that the country seemed to him a foreign land. He did not know the names "
    "of the trees, he could not tell wheat from barley, and he was afraid of cows, which amused his aunt.",
)


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


@torch.no_grad()
def looks_of_the_last(
    model: GPT2, tokens: Int[Tensor, "1 T"], layer: int
) -> tuple[Float[Tensor, " T"], Float[Tensor, " T"], Float[Tensor, " T"]]:
    """The last token's looks in one layer, one number per key: three times (T,).

    Returns
    -------
    weights : mean attention over heads
    lengths : length of what the look adds to the stream, Σ_heads weight · value · W_O
    effects : how far the next token's distribution moves, if this look is cut in every head
    """
    T, attn = tokens.shape[1], model.blocks[layer].attn
    block = model.trace(tokens, layers=[layer]).blocks[layer]
    assert block is not None  # it is the traced layer
    weights, values = block.attn.attn_weights[0, :, -1], block.attn.v[0]  # (n_heads, T), (n_heads, T, d_head)
    W_O = attn.out.weight.T.unflatten(0, (attn.n_heads, attn.d_head))  # (n_heads, d_head, d_model)
    added = torch.einsum("ht,htd,hde->te", weights, values, W_O)  # (T, d_model)
    edges = torch.zeros(T, T, T, dtype=torch.bool)
    edges[range(T), -1, range(T)] = True
    with cut_edges(model, layer, edges):
        after = _last(model, tokens.expand(T, -1))  # (T, vocab_size)
    return weights.mean(0), added.norm(dim=-1), moved(_last(model, tokens)[0], after)


def _last(model: GPT2, tokens: Int[Tensor, "B T"]) -> Float[Tensor, "B vocab_size"]:
    """The logits at the last position only."""
    return model.unembed(model.hidden(tokens)[:, -1])
