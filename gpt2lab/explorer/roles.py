"""What a head does on this text, found by score: how much of its attention goes where.

Each score is the mean attention weight, over the queries for which the question makes sense, that
lands on

    previous token   the key just before the query
    first token      key 0 (often a place to rest: large attention there is normal)
    itself           the query's own position
    same token       earlier occurrences of the query's token
    induction        the keys just *after* earlier occurrences of the query's token

A score alone says little on a short text, so each comes with what uniform attention would score. And one or two
words that come twice, such as "the" and "it", make no head a copying head: whatever stands after "the" may be
looked at for another reason. The last two scores name a role only if enough different tokens come again.

Sources: Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits"; Olsson et al.
2022, "In-context Learning and Induction Heads" (section "Prefix matching" for the last score).
"""

from __future__ import annotations

from typing import NamedTuple, TypedDict

import torch
from torch import Tensor

from gpt2lab.errors import InputError

LEAST, TIMES_CHANCE = 0.4, 1.5  # a role needs this much attention, and this much above chance
REPEATED = 3  # so many different tokens must come again for a role that is about repetition


def targets(tokens: Tensor) -> dict[str, Tensor]:
    """Which keys count, per score: bool (T_query, T_key); rows without a True do not count.

    ``tokens`` is (T,).
    """
    T = len(tokens)
    query, key = torch.arange(T)[:, None], torch.arange(T)[None, :]
    earlier = (tokens[:, None] == tokens[None, :]) & (key < query)  # (T, T)
    after = torch.zeros(T, T, dtype=torch.bool)
    after[:, 1:] = earlier[:, :-1]
    # For queries 0 and 1, "previous", "first" and "itself" are hard to tell apart.
    late = query >= 2
    return {
        "previous token": (key == query - 1) & late,
        "first token": (key == 0) & late,
        "itself": (key == query) & late,
        "same token": earlier,
        "induction": after & (key < query),
    }


class Role(TypedDict):
    """What a head does, as the browser gets it; ``role`` is "" if nothing stands out."""

    role: str
    score: float
    chance: float


class Shares(NamedTuple):
    """What scores are computed with: the mean over queries of the sum over target keys is one product."""

    names: list[str]
    matrix: Tensor  # (T * T, n): multiply the flat weights with it
    chance: list[float]  # what uniform attention over the visible keys would score
    tellable: frozenset[str]  # those of the scores that the text is rich enough to name a role by


def shares(tokens: Tensor, causal: bool) -> Shares:
    """They depend on the tokens only, so one ``Shares`` serves all layers.

    A score without any query to ask (no token repeats) is left out. ``tokens`` is (T,).
    """
    T = len(tokens)
    visible = torch.ones(T, T).tril() if causal else torch.ones(T, T)
    uniform = (visible / visible.sum(dim=-1, keepdim=True)).flatten()  # (T·T,)
    asked = {name: keys for name, keys in targets(tokens).items() if keys.any()}
    columns = [(keys / keys.any(dim=-1).sum()).flatten() for keys in asked.values()]  # n × (T·T,)
    matrix = torch.stack(columns, dim=1) if columns else torch.zeros(T * T, 0)
    different = {name: len(set(tokens[keys.any(dim=-1)].tolist())) for name, keys in asked.items()}
    poor = {name for name in ("same token", "induction") if different.get(name, 0) < REPEATED}
    return Shares(list(asked), matrix, (uniform @ matrix).tolist(), frozenset(asked) - poor)


def head_scores(attn_weights: Tensor, tokens: Tensor, known: Shares | None = None) -> dict[str, tuple[Tensor, float]]:
    """Every score of every head.

    Parameters
    ----------
    attn_weights : (n_heads, T, T)
    tokens : (T,)
    known : Shares, optional
        If they are at hand already.

    Returns
    -------
    dict of (scores, chance)
        scores is (n_heads,), each in [0, 1]; chance is what uniform attention over the visible keys
        would score. A score without any query to ask (no token repeats) is left out.
    """
    T = len(tokens)
    if attn_weights.ndim != 3 or attn_weights.shape[1:] != (T, T):
        raise InputError(
            f"head_scores needs weights (n_heads, {T}, {T}) for {T} tokens, got {tuple(attn_weights.shape)}"
        )
    if known is None:
        # Under a causal mask the first query sees itself only.
        known = shares(tokens, causal=not attn_weights[:, 0, 1:].any())
    scores = attn_weights.flatten(1) @ known.matrix.to(attn_weights)  # (n_heads, n)
    return {name: (scores[:, i], known.chance[i]) for i, name in enumerate(known.names)}


def roles(attn_weights: Tensor, tokens: Tensor, known: Shares | None = None) -> list[Role]:
    """The best role of each head: ``{"role": name or "", "score": …, "chance": …}``.

    None where some tokens ask nothing, as in cross-attention: a mean over all of them would mean nothing.
    """
    asks = bool((attn_weights.sum(dim=-1) > 0.5).all())
    scores = head_scores(attn_weights, tokens, known) if asks else {}
    tellable = (shares(tokens, causal=True) if known is None else known).tellable
    found = []
    for head in range(attn_weights.shape[0]):
        best: Role = {"role": "", "score": 0.0, "chance": 0.0}
        for name in filter(tellable.__contains__, scores):
            values, chance = scores[name]
            score = float(values[head])
            if score >= max(LEAST, TIMES_CHANCE * chance, best["score"]):
                best = {"role": name, "score": round(score, 4), "chance": round(chance, 4)}
        found.append(best)
    return found


def listed(found: list[list[Role]]) -> list[dict[str, object]]:
    """The heads that have a role, by score, best first: ``{"layer": …, "head": …, "role": …, …}``.

    ``found`` holds the roles of the heads of each layer.
    """
    named = [
        (role["score"], {"layer": layer, "head": head, **role})
        for layer, row in enumerate(found)
        for head, role in enumerate(row)
        if role["role"]
    ]
    return [row for _, row in sorted(named, key=lambda pair: -pair[0])]
