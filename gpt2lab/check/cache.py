"""Checks for the key-value cache: what it takes, and one step with it."""

from __future__ import annotations

import torch
from torch import Tensor

from gpt2lab.attention import attention
from gpt2lab.check.base import Answer, CheckResult, Wrong, agree, as_number, as_tensors, judge
from gpt2lab.check.learner import Learner, examine
from gpt2lab.config import GPT2Config
from gpt2lab.errors import validates
from gpt2lab.masking import causal_mask


@validates
def kv_cache_bytes(function: Answer) -> CheckResult:
    """``my_cache_bytes(config, T, bytes_per_number)`` -> bytes of the keys and values of T tokens, one sequence."""
    return examine("kv_cache_bytes", function, "config T bytes_per_number", _cache)


def _cache(learner: Learner) -> None:
    for config, T, size in ((GPT2Config.gpt2_xl(), 7, 4), (GPT2Config.gpt2(), 1024, 2), (GPT2Config.tiny(), 64, 1)):
        count = as_number(learner(config, T, size), "a number of bytes")
        L, d, right = config.n_layers, config.d_model, 2 * config.n_layers * T * config.d_model * size
        reasons = {
            right // 2: "are both keys *and* values counted?",
            2 * L * T * config.d_head * size: "every head has keys and values of its own: n_heads · d_head = d_model",
            2 * T * d * size: "every layer has a cache of its own",
            2 * L * config.context_length * d * size: "the cache holds T tokens, not the whole context",
            right * config.n_heads: "the heads share d_model: n_heads · d_head = d_model",
            2 * L * T * d: "how many bytes has one number?",
            2 * L * d * size: "there is one key and one value for each token",
            right + L * T * d * size: "queries need not be kept: each is used once",
            2 * L * T * T * d * size: "the cache grows with T, not with T²: one key and one value per token",
            2 * L * config.n_heads * T * T * size: "these are attention maps. The cache keeps keys and values",
        }
        if not agree(torch.tensor(count).double(), torch.tensor(float(right)).double(), 1e-9):
            reason = f": {reasons[int(count)]}" if int(count) in reasons else ""
            raise Wrong(
                f"For n_layers={L}, d_model={d}, T={T} and {size} bytes per number the cache takes {right:,} bytes, "
                f"you say {int(count):,}{reason}."
            )


@validates
def cached_step(function: Answer) -> CheckResult:
    """``my_step(x, position_table, keys, values, w_q, w_k, w_v)`` -> (out, keys, values): one head, one new token.

    ``x`` (B, 1, d_model) is the token vector of the newest token, without its position; ``keys`` and
    ``values`` (B, T, d_head) are those of the T tokens before it, which may be none. The three weights are
    (d_model, d_head), applied as ``x @ w``. ``out`` is (B, 1, d_head); the keys and values that are returned
    are (B, T + 1, d_head).
    """
    parameters = "x position_table keys values w_q w_k w_v"
    return examine("cached_step", function, parameters, _one_step, _first_step, _whole_text)


_RESULTS = ("out", "keys", "values")
_B, _D_MODEL, _D_HEAD = 2, 8, 4


def _head() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A position table and the three weights of a head."""
    w_q, w_k, w_v = (torch.randn(_D_MODEL, _D_HEAD) / 2 for _ in range(3))
    return torch.randn(10, _D_MODEL), w_q, w_k, w_v


def _one_step(learner: Learner) -> None:
    T = 5
    table, w_q, w_k, w_v = _head()
    x, past = torch.randn(_B, 1, _D_MODEL), torch.randn(_B, T, _D_MODEL)
    keys, values = past @ w_k, past @ w_v
    out, new_keys, new_values = as_tensors(learner(x, table, keys, values, w_q, w_k, w_v), learner.name, _RESULTS)
    here = x + table[T]
    all_keys, all_values = torch.cat([keys, here @ w_k], 1), torch.cat([values, here @ w_v], 1)
    if new_keys.shape == keys.shape and new_values.shape == values.shape:
        raise Wrong(
            "The cache that comes back holds as many tokens as before: it is not extended, and the next token will not "
            "see this one."
        )
    if new_keys.shape == keys.shape or new_values.shape == values.shape:
        longer = "values" if new_keys.shape == keys.shape else "keys"
        raise Wrong(f"Only the {longer} are extended. The new token has a key and a value.")
    if new_keys.shape == (_B, 1, _D_HEAD):
        raise Wrong("Only the new key comes back: the keys of the tokens before are lost. Put the new one behind them.")
    if new_keys.shape == (_B + _B, T, _D_HEAD) or new_keys.shape[-1] > _D_HEAD:
        raise Wrong("The new key is joined along another axis than the positions.")
    places = {
        "The new token is taken for position 0. It stands behind all that are in the cache.": table[0],
        "The new token's position is off by one: its number is how many tokens stand before it.": table[T - 1],
        "The new token's position is one too far: the first token has number 0.": table[T + 1],
        "The new token has no position: its row of position_table is missing.": torch.zeros(_D_MODEL),
    }
    judge(
        new_keys,
        all_keys,
        {
            **{message: torch.cat([keys, (x + place) @ w_k], 1) for message, place in places.items()},
            "The new key stands in front of the old ones. It belongs behind them.": torch.cat([here @ w_k, keys], 1),
            "What is put behind the keys is the new value.": torch.cat([keys, here @ w_v], 1),
            "What is put behind the keys is the new query.": torch.cat([keys, here @ w_q], 1),
            "These are the values. Return out, keys, values, in this order.": all_values,
        },
        "The keys are not right: the old ones as they were, and behind them that of the new token at its position.",
    )
    judge(
        new_values,
        all_values,
        {
            "The new value stands in front of the old ones. It belongs behind them.": torch.cat(
                [here @ w_v, values], 1
            ),
            "What is put behind the values is the new key.": torch.cat([values, here @ w_k], 1),
            "The value lacks the position that the key has: all three are maps of one vector.": torch.cat(
                [values, x @ w_v], 1
            ),
        },
        "The values are not right: the old ones as they were, and behind them that of the new token at its position.",
    )
    _judge_blend(out, here @ w_q, x @ w_q, (keys, values), (all_keys, all_values))


def _judge_blend(
    out: Tensor, q: Tensor, q_without_place: Tensor, old: tuple[Tensor, Tensor], new: tuple[Tensor, Tensor]
) -> None:
    (keys, values), T = new, old[0].shape[1]
    scores = q @ keys.transpose(-2, -1)
    square = (scores / _D_HEAD**0.5).masked_fill(~causal_mask(T + 1), -torch.inf)  # (B, T + 1, T + 1)
    if agree(out, square.softmax(-1) @ values):
        raise Wrong(
            "The mask has the wrong shape: (T + 1, T + 1) makes T + 1 rows of the one query. One query has one row, and "
            "the newest token may see everything in the cache."
        )
    if out.shape == (_B, T + 1, _D_HEAD):
        raise Wrong("There is one output for every token. Only the newest one asks: its query alone, (B, 1, d_head).")
    if out.shape == (_B, _D_HEAD):
        raise Wrong("The axis of the positions is gone from out: expected (B, 1, d_head).")
    judge(
        out,
        attention(q, keys, values)[0],
        {
            "The new token attends to the old ones only. It sees itself as well: extend the cache first, then attend.":
                attention(q, *old)[0],
            "It attends to the last key only: this is the new token's own value. Its query meets all keys.": values[:, -1:],
            "Only key 0 is visible: that is row 0 of a causal mask. The query stands at the end, and sees everything in "
            "the cache.": values[:, :1],
            "The scores are not divided by √d_head.": scores.softmax(-1) @ values,
            "The scores are divided by √d_model. Divide by the root of the head's width.":
                (scores / _D_MODEL**0.5).softmax(-1) @ values,
            "The query lacks the position that the key has: all three are maps of one vector.":
                attention(q_without_place, keys, values)[0],
            "The keys are blended. The weights come from the keys, the blend from the values.": attention(q, keys, keys)[0],
            "All tokens get the same weight: is the softmax taken over another axis than the keys?":
                values.mean(1, keepdim=True),
            "The values are summed without weights: the softmax over an axis of length 1 is 1 everywhere.":
                values.sum(1, keepdim=True),
        },
        "The cache is right, the output is not: the new query meets every key in the cache, its own among them.",
    )  # fmt: skip


def _first_step(learner: Learner) -> None:
    table, w_q, w_k, w_v = _head()
    x, none = torch.randn(_B, 1, _D_MODEL), torch.zeros(_B, 0, _D_HEAD)
    out, keys, _ = as_tensors(learner(x, table, none, none, w_q, w_k, w_v), learner.name, _RESULTS)
    here = x + table[0]
    judge(keys, here @ w_k, {}, "With an empty cache it is not right: the first token has position 0, and sees itself.")
    judge(out, here @ w_v, {}, "With an empty cache it is not right: the first token sees itself alone.")


def _whole_text(learner: Learner) -> None:
    """Token by token, the outputs are those of the whole text at once under a causal mask."""
    T = 6
    table, w_q, w_k, w_v = _head()
    text = torch.randn(_B, T, _D_MODEL)
    x = text + table[:T]
    whole = attention(x @ w_q, x @ w_k, x @ w_v, causal_mask(T))[0]
    keys = values = torch.zeros(_B, 0, _D_HEAD)
    for t in range(T):
        step = learner(text[:, t : t + 1], table, keys, values, w_q, w_k, w_v)
        out, keys, values = (part.float() for part in as_tensors(step, learner.name, _RESULTS))
        if not agree(out, whole[:, t : t + 1]):
            raise Wrong(f"Token by token, the output at position {t} differs from that of the whole text at once.")
