"""Greedy generation of 32 tokens: ours with a cache against ``model.generate`` and against no cache.

At 124 M parameters every new token reads all weights once, so memory is the limit. The share of the
memory bandwidth that is reached is reported too; the bandwidth is measured in the same run.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from _models import GPT2_SMALL, SMALL, both, prompt
from _timing import arguments, compare, provenance, report
from torch import Tensor

from gpt2lab.generation import generate
from gpt2lab.model import GPT2

NEW = 32  # tokens


def cached(model: GPT2, tokens: Tensor) -> Callable[[], Tensor]:
    return lambda: generate(model, tokens, NEW, temperature=0)


def uncached(model: GPT2, tokens: Tensor) -> Callable[[], Tensor]:
    return lambda: generate(model, tokens, NEW, temperature=0, use_cache=False)


# Any: the types that transformers gives generate() do not fit its own models.
def transformers_generate(model: Any, tokens: Tensor) -> Callable[[], Tensor]:
    mask = torch.ones_like(tokens)
    return lambda: model.generate(tokens, attention_mask=mask, max_new_tokens=NEW, do_sample=False)


def bandwidth_share(model: GPT2, tokens: Tensor, n_read: int, repeats: int = 7) -> tuple[float, float]:
    """How fast the weights are read while generating, against a program that only reads.

    The other program is a matrix-vector product, the operation of generation, over a matrix with as
    many numbers as one token needs. Both do 32 rounds, in turn; the prompt is not counted.

    Returns
    -------
    share : float
        Median over the repeats of (time of reading alone) / (time of generating).
    read : float
        Median bytes per second of reading alone.
    """
    matrix, vector = torch.ones(n_read // 1024, 1024), torch.ones(1024)
    shares, rates = [], []
    for _ in range(repeats):
        times = [time.perf_counter()]
        for run in (
            lambda: generate(model, tokens, 1, temperature=0),
            lambda: generate(model, tokens, 1 + NEW, temperature=0),
            lambda: [torch.mv(matrix, vector) for _ in range(NEW)],
        ):
            run()
            times.append(time.perf_counter())
        first, all_tokens, reading = (end - start for start, end in pairwise(times))
        shares.append(reading / (all_tokens - first))
        rates.append(NEW * matrix.numel() * 4 / reading)
    return statistics.median(shares), statistics.median(rates)


def main() -> int:
    arguments(__doc__)
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
    share, bandwidth = bandwidth_share(ours, tokens, n_read)
    return report(
        "generation", rows, origin,
        weight_megabytes_per_token=4 * n_read / 1e6,
        read_bandwidth_gigabytes_per_second=bandwidth / 1e9,
        share_of_bandwidth=share,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
