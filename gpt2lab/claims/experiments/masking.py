"""Experiments on the claims about masks and decoding."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gpt2lab.attention import causal_mask
from gpt2lab.attention.cache import KVCache
from gpt2lab.claims.base import Figures, experiment
from gpt2lab.claims.experiments.attention import small_gpt2
from gpt2lab.claims.experiments.english import english, passages
from gpt2lab.claims.experiments.gpt2 import some_tokens
from gpt2lab.claims.experiments.measures import farthest, numbers
from gpt2lab.config import GPT2Config
from gpt2lab.errors import InputError
from gpt2lab.interventions import without_causal_mask
from gpt2lab.residual import all_blocks
from gpt2lab.tokenizer.encodings import course_encoding
from gpt2lab.zoo.toys import load_toy


def weights_wrong(q: Tensor, k: Tensor) -> Tensor:
    """Attention weights of the query at position 2, which must not see positions 3, 4, …"""
    scores = q @ k.masked_fill((torch.arange(len(k)) > 2)[:, None], 0).T
    return scores.softmax(-1)


def weights_right(q: Tensor, k: Tensor) -> Tensor:
    """Attention weights of the query at position 2, which must not see positions 3, 4, …"""
    scores = (q @ k.T).masked_fill(torch.arange(len(k)) > 2, -torch.inf)
    return scores.softmax(-1)


@experiment(
    "M3",
    shows=lambda found: found["keys set to 0"] > 0.02 and found["scores set to -inf"] == 0,
    wrong=weights_wrong,
    right=weights_right,
)
def weight_on_the_future(seed: int) -> Figures:
    """The weight that the third of eight tokens gives to the five after it."""
    q, k = numbers(seed, 4) / 2, numbers(seed + 1, 8, 4) / 2
    return {
        "keys set to 0": weights_wrong(q, k)[3:].sum().item(),
        "scores set to -inf": weights_right(q, k)[3:].sum().item(),
    }


@experiment("M4", shows=lambda found: found["scores set to 0.1"] > 0.2 and found["scores set to -inf"] == 0)
def soft_mask(seed: int) -> Figures:
    """The weight that the third of eight tokens gives to the five after it, by what their scores become."""
    scores, found = numbers(seed, 4) / 2 @ (numbers(seed + 1, 8, 4) / 2).T, dict[str, int | float]()
    for name, value in (("0.1", 0.1), ("-inf", -torch.inf)):
        scores[3:] = value
        found[f"scores set to {name}"] = scores.softmax(-1)[3:].sum().item()
    return found


@experiment("M5", shows=lambda found: found["NaN in row 0, strictly before"] == 6 and found["NaN, with itself"] == 0)
def nothing_to_attend_to(seed: int) -> Figures:
    """How many weights are NaN, if a token may look only at those before it, and if also at itself."""
    scores, mask = numbers(seed, 6, 6), torch.ones(6, 6).bool()
    strict = scores.masked_fill(~mask.tril(-1), -torch.inf).softmax(-1)
    return {
        "NaN in row 0, strictly before": int(strict[0].isnan().sum()),
        "NaN, with itself": int(scores.masked_fill(~mask.tril(), -torch.inf).softmax(-1).isnan().sum()),
    }


@experiment(
    "M7", shows=lambda found: found["NaN in the last row, upside down"] == 6 and found["right way up: NaN"] == 0
)
def wrong_polarity(seed: int) -> Figures:
    """A mask in which True means blocked, read as if it meant allowed: NaN in the last row."""
    blocked = torch.ones(6, 6).triu(1).bool()
    turned, right = (numbers(seed, 6, 6).masked_fill(mask, -torch.inf).softmax(-1) for mask in (~blocked, blocked))
    return {
        "NaN in the last row, upside down": int(turned[-1].isnan().sum()),
        "right way up: NaN": int(right.isnan().sum()),
    }


@experiment("M8", shows=lambda found: found["one new token, no mask"] < 1e-4 < 1e-3 < found["all tokens, no mask"])
@torch.no_grad()
def cached_step(seed: int) -> Figures:
    """How far the last logits are from a masked pass: of a cached step that may see everything, and of a whole pass."""
    model, tokens = small_gpt2(seed), some_tokens(seed)[:1]
    cache = KVCache(model.config)
    model.hidden(tokens[:, :-1], cache)
    stepped = model.unembed(model.hidden(tokens[:, -1:], cache))[0, -1]
    masked = model(tokens)[0, -1]
    with without_causal_mask(model):
        return {
            "one new token, no mask": farthest(stepped, masked),
            "all tokens, no mask": farthest(model(tokens)[0, -1], masked),
        }


@experiment(
    "M1",
    shows=lambda found: found["causal mask: last token moves the first by"] == 0
    and found["a third of the tokens hidden: last token moves the first by"] > 1e-4
    and found["the same: two tokens swapped move the last by"] > 1e-4,
)  # fmt: skip
@torch.no_grad()
def hidden_at_random(seed: int) -> Figures:
    """How far logits move; hidden tokens are replaced by one id, and GPT-2's causal mask is off where not named."""
    model, tokens = small_gpt2(seed), some_tokens(seed)[:1] % 49
    hidden = torch.arange(12) % 3 == 1
    covered = tokens.masked_fill(hidden, 49)
    covered[0, 2], covered[0, 3] = 5, 6
    other, swapped, causal = covered.clone(), covered.clone(), tokens.clone()
    other[0, -1], causal[0, -1] = (covered[0, -1] + 1) % 49, (tokens[0, -1] + 1) % 49
    swapped[0, 2], swapped[0, 3] = 6, 5
    found = {"causal mask: last token moves the first by": farthest(model(causal)[0, 0], model(tokens)[0, 0])}
    with without_causal_mask(model):
        covered_logits = model(covered)[0]
        found["a third of the tokens hidden: last token moves the first by"] = farthest(
            model(other)[0, 0], covered_logits[0]
        )
        found["the same: two tokens swapped move the last by"] = farthest(model(swapped)[0, -1], covered_logits[-1])
    return found


@experiment(
    "M6",
    shows=lambda found: (
        found["maps with nothing above the diagonal"] == found["layers × heads"]
        and found["without the mask: such maps"] == 0 == found["input moves with the mask by"]
    ),
)
@torch.no_grad()
def where_the_mask_acts(seed: int) -> Figures:
    """Maps of a GPT-2 that are 0 above the diagonal, with its mask and without; and what the mask does to the input."""
    model, tokens = small_gpt2(seed), some_tokens(seed)[:1]

    def causal_maps() -> int:
        maps = torch.cat([block.attn.attn_weights[0] for block in all_blocks(model.trace(tokens))])
        return int((maps.triu(1) == 0).all(-1).all(-1).sum())

    found: Figures = {"layers × heads": 3 * 4, "maps with nothing above the diagonal": causal_maps()}
    x = model.embed(tokens)
    with without_causal_mask(model):
        found["without the mask: such maps"] = causal_maps()
        found["input moves with the mask by"] = farthest(model.embed(tokens), x)
    return found


@experiment(
    "M9",
    shows=lambda found: found["untrained: future moves the past by"] == found["trained: future moves the past by"] == 0
    and found["untrained: nats"] > found["trained: nats"] + 2,
)  # fmt: skip
@torch.no_grad()
def same_mask_before_and_after_training(seed: int) -> Figures:
    """The English model at step 0 and trained: what the last token does to earlier logits; loss on unread text."""
    text, found = passages(seed, 4, 64), dict[str, int | float]()
    other = text.clone()
    other[:, -1] = (text[:, -1] + 1) % 2000
    for name, model in (("untrained", english(step=0)), ("trained", english())):
        logits = model(text)[:, :-1]
        found[f"{name}: future moves the past by"] = farthest(model(other)[:, :-1], logits)
        found[f"{name}: nats"] = F.cross_entropy(logits.flatten(0, 1), text[:, 1:].flatten()).item()
    return found


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


@experiment(
    "M13",
    shows=lambda found: (
        found["one pass, from 63 passes: nats"] < 1e-4 and found["own tokens that are not the text's"] > 10
    ),
)
@torch.no_grad()
def true_tokens_before_it(seed: int) -> Figures:
    """Loss of one pass over 64 tokens against 63 passes over true prefixes; the model's own tokens at these places."""
    model, text = english(), passages(seed, 1, 64)
    whole = model(text)[:, :-1]
    steps = torch.stack([model(text[:, : t + 1])[:, -1] for t in range(63)], dim=1)
    loss, stepped = (F.cross_entropy(logits.flatten(0, 1), text[:, 1:].flatten()).item() for logits in (whole, steps))
    return {
        "one pass, from 63 passes: nats": abs(loss - stepped),
        "own tokens that are not the text's": int((whole.argmax(-1) != text[:, 1:]).sum()),
    }


@experiment(
    "M14",
    shows=lambda found: (
        found["course's tokens: end of text"] != found["English model's: end of text"]
        and found["ids 2 and 3: ends of a text"] == 0
    ),
)
def ids_belong_to_a_vocabulary(seed: int) -> Figures:
    """The id of <|endoftext|> in the course's two vocabularies, and how often 2 or 3 means it."""
    vocabularies = {"course's tokens": course_encoding(), "English model's": load_toy("english").encoding}
    found: Figures = {f"{name}: end of text": encoding.eot_token for name, encoding in vocabularies.items()}
    return {
        **found,
        "ids 2 and 3: ends of a text": sum(encoding.eot_token in (2, 3) for encoding in vocabularies.values()),
    }


@experiment(
    "M15",
    shows=lambda found: (
        found["mask: bytes"] < 0.03 * found["maps of one layer: bytes"]
        and found["mask: bytes"] < 0.03 * found["keys and values: bytes"]
    ),
)
def what_costs_memory(seed: int) -> Figures:
    """GPT-2's smallest size at 1,024 tokens in float32; the mask as bool."""
    config = GPT2Config.gpt2()
    T = config.context_length
    return {
        "mask: bytes": causal_mask(T).nbytes,
        "maps of one layer: bytes": config.n_heads * T * T * 4,
        "keys and values: bytes": config.n_layers * 2 * T * config.d_model * 4,
    }
