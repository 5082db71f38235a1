"""A pass of ours, transformers' and ``Plain``, timed in turn with the matrix products in it alone."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping

from _products import Product, flops, multiply
from _profile import time_shares
from _timing import Row, in_turn, row

CEILING = "matmul"


def measure(
    name: str,
    passes: Mapping[str, Callable[[], object]],
    found: list[Product],
    targets: Mapping[str, float],
    rounds: int,
) -> tuple[list[Row], dict[str, object]]:
    """Rows against each peer, and how near each comes to the ceiling.

    Parameters
    ----------
    passes : mapping
        "ours" and the peers: one pass each.
    found : list of Product
        The matrix products of one pass.
    targets : mapping
        For each peer, the ratio to reach at least.

    Returns
    -------
    rows : list of Row
    facts : dict
        FLOP of a pass; the ceiling in FLOP/s; by candidate the share of the ceiling (the FLOP/s it
        reaches over those of the products alone, median of the rounds) and where its time goes.
    """
    seconds = in_turn({**passes, CEILING: lambda: multiply(found)}, rounds)
    rows = [row(f"{name}, against {peer}", seconds["ours"], seconds[peer], targets[peer]) for peer in targets]
    alone = seconds[CEILING]
    return rows, {
        "flop": flops(found),
        "matmul_ceiling_flop_per_s": flops(found) / statistics.median(alone),
        "share_of_matmul_ceiling": {
            who: statistics.median(least / taken for least, taken in zip(alone, seconds[who], strict=True))
            for who in passes
        },
        "where_the_time_goes": {who: time_shares(run) for who, run in passes.items()},
    }
