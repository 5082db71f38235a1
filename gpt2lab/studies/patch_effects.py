"""What single patches do to an answer: the margin of a token with one patch, minus the margin without.

    part_effects(model, tokens, 1, "zero", position=14, token=answer)    # of layer 1: each head, then its network

It is the effect of one patch alone. Effects do not add up to the answer, and a part with none may still matter: another
part may do its work once it is gone, and a part may only pass on what another one wrote.

Sources: Vig et al. 2020, section 4; Wang et al. 2023, section 3, on parts that stand in for others.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gpt2lab.errors import InputError, validates
from gpt2lab.model import GPT2, evaluating, plain_model
from gpt2lab.studies.patch_words import SOURCES, Patch, read
from gpt2lab.studies.patching import Put, applied, donated, heads_of

BATCH_BYTES = 64_000_000  # of attention weights of runs that are computed at once


def margin(logits: Tensor, token: int, against: int) -> Tensor:
    """The logit of a token, minus that of another one: (..., vocab_size) -> (...). None to subtract: the same token."""
    chosen = logits[..., token]
    return chosen if against == token else chosen - logits[..., against]


def effects(model: GPT2, put: Put, before: Tensor, position: int, token: int, against: int) -> Tensor:
    """What each patch, alone, does to the margin of a token after ``position``: (n,).

    Parameters
    ----------
    model : GPT2
        With the interventions in place that hold for all of them.
    put : n patches of one layer
    before : (1, T, d_model)
        The stream that enters this layer.
    token, against : see ``margin``
    """
    layer = put.patches[0].layer
    T, most_heads = before.shape[1], max(heads_of(model))
    n = max(1, BATCH_BYTES // (12 * most_heads * T * T))
    found = []
    with torch.no_grad(), evaluating(model):
        for start in range(0, len(put.patches), n):
            part = Put(put.patches[start : start + n], put.values[start : start + n])
            x = before.expand(len(part.patches) + 1, -1, -1)  # the last row stays as it is
            with applied(model, part, one_each=True):
                for block in model.blocks[layer:]:
                    x = block(x)
            y = margin(model.unembed(model.ln_f(x[:, position])), token, against)  # (n + 1,)
            found.append(y[:-1] - y[-1])
    return torch.cat(found)


def part_words(heads: int, layer: int, source: str, position: int | None = None) -> list[str]:
    """The words for each of so many heads of a layer and for its network, at one position or at all."""
    at = "all" if position is None else position
    return [*(f"head {layer}.{head} {at} {source}" for head in range(heads)), f"ffn {layer} {at} {source}"]


@validates
def part_effects(
    model: GPT2, tokens: Tensor, layer: int, source: str, position: int, token: int, other: Tensor | None = None
) -> Tensor:
    """The effect of patching each head of a layer, and its feed-forward network, at all positions: (n_heads + 1,).

    Parameters
    ----------
    tokens : (1, T)
    source : "zero", "mean" or "other", as in ``patch_words``
    position, token : whose logit, after which position
    other : (1, T), optional
        Where "other" takes from.

    Raises
    ------
    InputError
        For another source, or a place that is not there.
    """
    gpt2 = plain_model(model, "part_effects")
    if source not in SOURCES:
        raise InputError(f"source must be one of {', '.join(SOURCES)}, got {source!r}")
    heads = heads_of(gpt2)
    patches: list[Patch] = read(part_words(heads[layer] if layer < len(heads) else 1, layer, source), heads)
    with torch.no_grad(), evaluating(gpt2):
        own = list(gpt2.trace_blocks(tokens))
        theirs = None if other is None else list(gpt2.trace_blocks(other))
        put = donated(patches, own.__getitem__, None if theirs is None else theirs.__getitem__)
        return effects(gpt2, put, own[layer].resid_pre, position, token, token)
