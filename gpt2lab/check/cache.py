"""Checks for the key-value cache: what it takes, and one step with it."""

from __future__ import annotations

import torch

from gpt2lab.check.base import Answer, CheckResult, Wrong, agree, as_number
from gpt2lab.check.learner import Learner, examine
from gpt2lab.config import GPT2Config
from gpt2lab.errors import validates


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
