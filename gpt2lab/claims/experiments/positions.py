"""Experiments on the claims about positions and embeddings."""

from __future__ import annotations

import torch

from gpt2lab.ablations import build
from gpt2lab.attention import attention, causal_mask
from gpt2lab.claims.base import Figures, experiment
from gpt2lab.claims.experiments.attention import small_gpt2
from gpt2lab.claims.experiments.english import english, text_of
from gpt2lab.claims.experiments.measures import farthest, numbers
from gpt2lab.config import GPT2Config
from gpt2lab.errors import InputError
from gpt2lab.model import GPT2
from gpt2lab.positions import LearnedPositions, SinusoidalPositions, sinusoidal_table
from gpt2lab.residual import all_blocks
from gpt2lab.zoo.toys import load_toy


@experiment(
    "P1",
    shows=lambda found: (
        found["GPT-2's table: learned numbers"] == 1024 * 768
        and found["sines and cosines: learned numbers"] == 0 < found["a step moves the table by"]
    ),
)
def a_table_that_is_learned(seed: int) -> Figures:
    """What GPT-2 and the model of 2017 learn about positions, at width 768; what a step of descent does to a table."""
    with torch.device("meta"):
        table = LearnedPositions(GPT2Config.gpt2())
    model, tokens = small_gpt2(seed), torch.arange(10)[None]
    model(tokens).logsumexp(-1).mean().backward()
    gradient = model.position_embedding.weight.grad
    assert gradient is not None
    return {
        "GPT-2's table: learned numbers": sum(p.numel() for p in table.parameters()),
        "sines and cosines: learned numbers": len(list(SinusoidalPositions(GPT2Config.gpt2()).parameters())),
        "a step moves the table by": (0.1 * gradient).abs().max().item(),
    }


def scores_two_apart(model: GPT2) -> torch.Tensor:
    """Of a text that is one token over and over: each query's score with the key two places back."""
    first = all_blocks(model.trace(torch.full((1, 12), 7)))[0]
    return first.attn.scores[0, 0].diagonal(-2)


@experiment("P2", shows=lambda found: found["GPT-2: spread"] > 100 * found["rotary: spread"])
@torch.no_grad()
def same_distance_other_place(seed: int) -> Figures:
    """The same token two places back: how far its scores lie apart between places (standard deviation / mean size)."""
    found: Figures = {}
    config = GPT2Config.tiny(vocab_size=50, context_length=16)
    for name, variant in (("GPT-2", "gpt2"), ("rotary", "rope")):
        scores = scores_two_apart(build(variant, config, seed=seed).eval())
        found[f"{name}: spread"] = (scores.std() / scores.abs().mean()).item()
    return found


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


@experiment("P8", shows=lambda found: found["sinusoids: spread"] < 1e-4 < 0.1 < found["English model: spread"])
@torch.no_grad()
def shifts(seed: int) -> Figures:
    """P[t] · P[t + k] for k = 5, 6 or 7: how far it depends on t (standard deviation over t / mean length squared)."""
    k, found = 5 + seed % 3, dict[str, int | float]()
    tables = {"sinusoids": sinusoidal_table(128, 192), "English model": english().position_embedding.weight.detach()}
    for name, table in tables.items():
        products = (table[:-k] * table[k:]).sum(-1)
        found[f"{name}: spread"] = (products.std() / table.pow(2).sum(-1).mean()).item()
    return found


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


@experiment(
    "P12",
    shows=lambda found: (
        found["tokens that begin with a space"] == found["words"] - 1 > 0 and found["tokens that end with one"] == 0
    ),
)
def space_before_the_word(seed: int) -> Figures:
    """A sentence in the English model's tokens, which are cut by GPT-2's rule: where the spaces between words are."""
    encoding = load_toy("english").encoding
    sentence = ("I love AI", "The dog bites the man", "We read a long letter")[seed % 3]
    tokens = [encoding.decode([token]) for token in encoding.encode_ordinary(sentence)]
    return {
        "words": len(sentence.split()),
        "tokens that begin with a space": sum(token.startswith(" ") for token in tokens),
        "tokens that end with one": sum(token.endswith(" ") for token in tokens),
    }


@experiment(
    "P13",
    shows=lambda found: found["tokens"] > found["words"] and found["tokens inside a word"] > 0
    and found["bytes that are tokens"] == 256,
)  # fmt: skip
def words_and_tokens(seed: int) -> Figures:
    """Four passages of Jane Austen in the English model's tokens; GPT-2 has more of the same kind."""
    encoding, text = load_toy("english").encoding, " ".join(text_of(seed, 4))
    tokens = [encoding.decode([token]) for token in encoding.encode_ordinary(text)]
    return {
        "words": len(text.split()),
        "tokens": len(tokens),
        "tokens inside a word": sum(a[-1:].isalpha() and b[:1].isalpha() for a, b in zip(tokens, tokens[1:])),  # noqa: B905
        "bytes that are tokens": sum(encoding.encode_single_token(bytes([byte])) >= 0 for byte in range(256)),
    }
