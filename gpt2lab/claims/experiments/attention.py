"""Experiments on the claims about attention."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gpt2lab.attention import attention, causal_mask
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


def layers_made_in_the_function(x: Tensor) -> Tensor:
    d = x.shape[-1]
    q, k, v = nn.Linear(d, d)(x), nn.Linear(d, d)(x), nn.Linear(d, d)(x)
    return attention(q, k, v)[0]


def layers_handed_in(x: Tensor, to_q: nn.Linear, to_k: nn.Linear, to_v: nn.Linear) -> Tensor:
    return attention(to_q(x), to_k(x), to_v(x))[0]


@experiment(
    "A2",
    shows=lambda found: found["made inside: two calls"] > 0.05 and found["handed in: two calls"] == 0,
    wrong=layers_made_in_the_function,
    right=layers_handed_in,
)
@torch.no_grad()
def two_calls(seed: int) -> Figures:
    """How far two calls on the same input lie apart (largest difference)."""
    x = numbers(seed, 2, 6, 16)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        q, k, v = (nn.Linear(16, 16) for _ in range(3))
        made = [layers_made_in_the_function(x) for _ in range(2)]
    kept = [layers_handed_in(x, q, k, v) for _ in range(2)]
    return {
        "made inside: two calls": farthest(made[0], made[1]),
        "handed in: two calls": farthest(kept[0], kept[1]),
    }


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


def transposed_front(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return (q @ k.transpose(0, 1)).softmax(-1) @ v


def transposed_back(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return (q @ k.transpose(-2, -1)).softmax(-1) @ v


@experiment(
    "A7",
    shows=lambda found: (
        found["2 samples of 5: runs"] == 0
        and found["4 of 4: sample 0 moves by"] > 0.01
        and found["right: sample 0 moves by"] == 0
    ),
    wrong=transposed_front,
    right=transposed_back,
)
def samples_mixed(seed: int) -> Figures:
    """Whether it runs on (2, 5, 8), and how far sample 0 moves when sample 1 changes, where all sizes are 4."""
    x = numbers(seed, 2, 5, 8)
    try:
        transposed_front(x, x, x)
        runs = 1
    except RuntimeError:
        runs = 0
    x = numbers(seed, 4, 4, 4)
    other = x.clone()
    other[1] = -other[1]
    return {
        "2 samples of 5: runs": runs,
        "4 of 4: sample 0 moves by": farthest(transposed_front(other, other, other)[0], transposed_front(x, x, x)[0]),
        "right: sample 0 moves by": farthest(transposed_back(other, other, other)[0], transposed_back(x, x, x)[0]),
    }


@experiment(
    "A8",
    shows=lambda found: (
        found["undivided: largest weight"] > 0.5 > 0.2 > found["divided: largest weight"]
        and found["undivided: gradient"] < found["divided: gradient"]
    ),
)
def without_the_root(seed: int) -> Figures:
    """64 queries, 256 keys, 768 wide, variance 1: mean largest weight, and Σ p (1 − p), which the gradient passes."""
    scores = numbers(seed, 64, 768) @ numbers(seed + 50, 256, 768).T
    found = {}
    for name, divisor in (("undivided", 1.0), ("divided", 768**0.5)):
        p = (scores / divisor).softmax(-1)
        found[f"{name}: largest weight"] = p.amax(-1).mean().item()
        found[f"{name}: gradient"] = (p * (1 - p)).sum(-1).mean().item()
    return found


def softmax_over_the_second_axis(scores: Tensor) -> Tensor:
    return scores.softmax(dim=1)


def softmax_over_the_keys(scores: Tensor) -> Tensor:
    return scores.softmax(dim=-1)


@experiment(
    "A9",
    shows=lambda found: found["farthest row sum from 1"] > 0.1 and found["right: farthest"] < 1e-5,
    wrong=softmax_over_the_second_axis,
    right=softmax_over_the_keys,
)
def rows_that_do_not_sum(seed: int) -> Figures:
    """How far the sum of a row of weights is from 1, at most; scores (2, 5, 5)."""
    scores = numbers(seed, 2, 5, 5)
    return {
        "farthest row sum from 1": (softmax_over_the_second_axis(scores).sum(-1) - 1).abs().max().item(),
        "right: farthest": (softmax_over_the_keys(scores).sum(-1) - 1).abs().max().item(),
    }


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


def heads_of_any_number(x: Tensor, h: int) -> Tensor:
    return x.reshape(h, -1, x.shape[-1] // h)


@experiment("A24", shows=lambda found: found["tokens before"] == 9 and found["tokens after"] != 9)
def other_tokens(seed: int) -> Figures:
    """Nine tokens of ten features, cut into three heads without asking whether 3 divides 10."""
    cut = heads_of_any_number(numbers(seed, 9, 10), 3)
    return {"tokens before": 9, "tokens after": cut.shape[1], "features of a head": cut.shape[2]}


@experiment("A29", shows=lambda found: found["rows in another order"] < 1e-5)
def any_order(seed: int) -> Figures:
    """Largest difference between a causal pass at once and its rows computed one by one, the last first."""
    q, k, v = (numbers(3 * seed + i, 8, 16) for i in range(3))
    whole = attention(q, k, v, causal_mask(8))[0]
    rows = {t: attention(q[t : t + 1], k[: t + 1], v[: t + 1])[0][0] for t in reversed(range(8))}
    return {"rows in another order": max((whole[t] - rows[t]).abs().max().item() for t in range(8))}
