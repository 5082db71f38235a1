"""Greedy generation of 32 tokens: ours with a cache against ``model.generate`` and against no cache.

At 124 M parameters every new token reads all weights once, so memory is the limit. The share of it
that is reached is reported: bytes of weights per token, times tokens per second, over the read
bandwidth measured in the same run.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from _models import GPT2_SMALL, SMALL, both, prompt
from _timing import compare, provenance, report
from torch import Tensor

from gpt2lab.generation import generate
from gpt2lab.model import GPT2

NEW = 32  # tokens


def cached(model: GPT2, tokens: Tensor) -> Callable[[], Tensor]:
    return lambda: generate(model, tokens, NEW, temperature=0)


def uncached(model: GPT2, tokens: Tensor) -> Callable[[], Tensor]:
    return lambda: generate(model, tokens, NEW, temperature=0, use_cache=False)


def transformers_generate(model: Any, tokens: Tensor) -> Callable[[], Tensor]:
    mask = torch.ones_like(tokens)
    return lambda: model.generate(tokens, attention_mask=mask, max_new_tokens=NEW, do_sample=False)


def read_bandwidth(megabytes: int = 512, repeats: int = 9) -> float:
    """Bytes per second at which a matrix-vector product, as in generation, reads a large matrix."""
    matrix = torch.ones(megabytes * 2**20 // 4 // 1024, 1024)
    vector = torch.ones(1024)
    rates = []
    for _ in range(repeats):
        start = time.perf_counter()
        torch.mv(matrix, vector)
        rates.append(matrix.numel() * 4 / (time.perf_counter() - start))
    return statistics.median(rates)


def seconds_per_token(model: GPT2, tokens: Tensor, repeats: int = 5) -> float:
    """Median time of one further token, the prompt not counted."""
    differences = []
    for _ in range(repeats):
        start = time.perf_counter()
        generate(model, tokens, 1, temperature=0)
        middle = time.perf_counter()
        generate(model, tokens, 1 + NEW, temperature=0)
        end = time.perf_counter()
        differences.append(((end - middle) - (middle - start)) / NEW)
    return statistics.median(differences)


def main() -> int:
    origin = provenance("transformers")
    ours, theirs = both(SMALL)
    tokens = prompt(SMALL, 1, 16)
    rows = [
        compare(
            "against model.generate, 0.9 M, prompt 16",
            cached(ours, tokens),
            transformers_generate(theirs, tokens),
            target=1.8,
        )
    ]
    for T, target in ((16, 1.6), (256, 5.0)):
        tokens = prompt(SMALL, 1, T)
        name = f"against no cache, 0.9 M, prompt {T}"
        rows.append(compare(name, cached(ours, tokens), uncached(ours, tokens), target))

    ours, theirs = both(GPT2_SMALL)
    tokens = prompt(GPT2_SMALL, 1, 16)
    assert torch.equal(cached(ours, tokens)(), transformers_generate(theirs, tokens)())
    rows.append(
        compare(
            "against model.generate, 124 M, prompt 16",
            cached(ours, tokens),
            transformers_generate(theirs, tokens),
            target=0.95,
            warm_up=1,
        )
    )
    # of the position table one row is read per token, of everything else all of it
    n_read = ours.n_parameters() - ours.position_embedding.weight.numel()
    bandwidth = read_bandwidth()
    rate = 4 * n_read / seconds_per_token(ours, tokens)
    return report(
        "generation", rows, origin,
        weight_megabytes_per_token=4 * n_read / 1e6,
        weight_gigabytes_per_second=rate / 1e9,
        read_bandwidth_gigabytes_per_second=bandwidth / 1e9,
        share_of_bandwidth=rate / bandwidth,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
