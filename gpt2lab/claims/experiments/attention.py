"""Experiments on the claims about attention."""

from __future__ import annotations

import torch
from torch import Tensor

from gpt2lab.attention import attention, attention_scores, causal_mask
from gpt2lab.claims.base import Figures, experiment
from gpt2lab.claims.experiments.measures import farthest, numbers
from gpt2lab.config import GPT2Config
from gpt2lab.interventions import without_causal_mask
from gpt2lab.model import GPT2


def small_gpt2(seed: int) -> GPT2:
    """Three layers with random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return GPT2(GPT2Config.tiny(vocab_size=50, context_length=16, d_model=32, n_heads=4, n_layers=3)).eval()


@experiment("A1", shows=lambda found: found["GPT-2"] == 0 < found["without the mask"])
@torch.no_grad()
def who_sees_the_last_token(seed: int) -> Figures:
    """How far the first position's logits move when the last token is changed (largest change)."""
    model, tokens = small_gpt2(seed), torch.arange(10)[None]
    other = tokens.clone()
    other[0, -1] = 49
    found = {"GPT-2": farthest(model(other)[0, 0], model(tokens)[0, 0])}
    with without_causal_mask(model):
        found["without the mask"] = farthest(model(other)[0, 0], model(tokens)[0, 0])
    return found


@experiment("A3", shows=lambda found: found["the weights move by"] == 0 < found["the output moves by"])
def values_do_not_choose(seed: int) -> Figures:
    """What changes when the values are replaced by other random numbers (largest change)."""
    q, k, v = (numbers(3 * seed + i, 2, 6, 16) for i in range(3))
    (out, weights), (other_out, other_weights) = attention(q, k, v), attention(q, k, numbers(seed + 99, 2, 6, 16))
    return {
        "the weights move by": farthest(weights, other_weights),
        "the output moves by": farthest(out, other_out),
    }


@experiment("A5", shows=lambda found: found["vectors: itself"] > 0.99 and found["projections: itself"] < 0.3)
def everybody_likes_itself(seed: int) -> Figures:
    """How often a token's largest score is its own: x·x of 64 random vectors, and of two random projections."""
    x, w_q, w_k = numbers(seed, 64, 128), numbers(seed + 50, 128, 128), numbers(seed + 100, 128, 128)
    own = torch.arange(64)
    return {
        "vectors: itself": ((x @ x.T).argmax(-1) == own).double().mean().item(),
        "projections: itself": ((x @ w_q @ (x @ w_k).T).argmax(-1) == own).double().mean().item(),
    }


@experiment("A4", shows=lambda found: set(list(found.values())[:4]) == {64} and found["narrowest vector"] == 768)
def width_of_a_comparison(seed: int) -> Figures:
    """In how many dimensions a head compares, in each size of GPT-2, and how wide the narrowest one's vectors are."""
    sizes = {
        "small": GPT2Config.gpt2(),
        "medium": GPT2Config.gpt2_medium(),
        "large": GPT2Config.gpt2_large(),
        "XL": GPT2Config.gpt2_xl(),
    }
    found: Figures = {f"{name}: d_head": config.d_head for name, config in sizes.items()}
    return {**found, "narrowest vector": min(config.d_model for config in sizes.values())}


@experiment(
    "A6",
    shows=lambda found: found["vectors per query, weighted"] == 6 and found["vectors per query, summed"] == 1
    and found["the sum: from attention"] < 1e-5,
)  # fmt: skip
def weighted_is_not_summed(seed: int) -> Figures:
    """Six tokens: vectors per query after weighting and after the sum, and how far the sum is from attention."""
    x = numbers(seed, 6, 16)
    out, weights = attention(x, x, x)
    weighted = weights[..., None] * x  # (T_query, T_key, d)
    summed = weighted.sum(1)
    return {
        "vectors per query, weighted": weighted.numel() // 16 // 6,
        "vectors per query, summed": summed.numel() // 16 // 6,
        "the sum: from attention": farthest(summed, out),
    }


@experiment(
    "A13",
    shows=lambda found: found["scores: numbers"] == found["weights: numbers"] == 36 and found["output: numbers"] == 96
    and found["weights: row sums from 1"] < 1e-5 < 0.1 < found["scores: row sums from 1"],
)  # fmt: skip
def three_things(seed: int) -> Figures:
    """Scores, weights and output of six tokens, 16 wide: how many numbers, and how far row sums are from 1 at most."""
    x = numbers(seed, 6, 16)
    (out, weights), scores = attention(x, x, x), attention_scores(x, x)
    found: Figures = {}
    for name, tensor in (("scores", scores), ("weights", weights), ("output", out)):
        found[f"{name}: numbers"] = tensor.numel()
        found[f"{name}: row sums from 1"] = (tensor.sum(-1) - 1).abs().max().item()
    return found


@experiment("A14", shows=lambda found: found["fixed weights"] < 1e-4 < 0.1 < found["as it is"])
def not_linear(seed: int) -> Figures:
    """Largest f(a + b) − f(a) − f(b): with the weights of a kept, and with weights of each input's own."""
    a, b = numbers(seed, 6, 16), numbers(seed + 50, 6, 16)
    kept = attention(a, a, a)[1]

    def own(x: Tensor) -> Tensor:
        return attention(x, x, x)[0]

    return {
        "fixed weights": (kept @ (a + b) - kept @ a - kept @ b).abs().max().item(),
        "as it is": farthest(own(a + b), own(a) + own(b)),
    }


@experiment("A18", shows=lambda found: found["choosing one: gradient"] == 0 < found["blending: gradient"])
def choosing_leaves_no_gradient(seed: int) -> Figures:
    """The length of the gradient at the query, with the best value taken alone and with the blend."""
    k, v = numbers(seed, 5, 8), numbers(seed + 50, 5, 8)
    found = {}
    for name in ("choosing one", "blending"):
        q = numbers(seed + 100, 1, 8).requires_grad_()
        scores = q @ k.T
        out = v[scores.argmax(-1)] if name == "choosing one" else scores.softmax(-1) @ v
        (out.sum() + 0 * q.sum()).backward()
        found[f"{name}: gradient"] = 0.0 if q.grad is None else q.grad.norm().item()
    return found


@experiment("A29", shows=lambda found: found["rows in another order"] < 1e-5)
def any_order(seed: int) -> Figures:
    """Largest difference between a causal pass at once and its rows computed one by one, the last first."""
    q, k, v = (numbers(3 * seed + i, 8, 16) for i in range(3))
    whole = attention(q, k, v, causal_mask(8))[0]
    rows = {t: attention(q[t : t + 1], k[: t + 1], v[: t + 1])[0][0] for t in reversed(range(8))}
    return {"rows in another order": max((whole[t] - rows[t]).abs().max().item() for t in range(8))}
