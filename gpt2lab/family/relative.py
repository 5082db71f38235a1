r"""T5's positions: nothing is added to the tokens; the scores get a learned bias by distance.

    score(i, j) = q_i · k_j + b_h[bucket(i - j)]

Small distances have a bucket each, larger ones share buckets on a logarithmic scale. An encoder sees both
directions, so half of the buckets are for keys before the query and half for keys after it; a decoder uses
all of them for what lies before.

Source: Raffel et al. 2020, "Exploring the Limits of Transfer Learning with a Unified Text-to-Text
Transformer", section 2.1. T5 shares one table b between its blocks, and leaves out 1/sqrt(d_head).
"""

from __future__ import annotations

from jaxtyping import Int
from torch import Tensor

from gpt2lab.errors import InputError, validates
from gpt2lab.positions import RelativeBiasAttention, distances, relative_buckets


@validates
def t5_buckets(distance: Tensor, both_directions: bool, n_buckets: int = 32, max_distance: int = 128) -> Tensor:
    """The bucket of each distance from query to key.

    Parameters
    ----------
    distance : long, any shape
        Position of the query minus position of the key: positive where the key comes first.
    both_directions : bool
        True for an encoder; False puts every key after the query into bucket 0.
    n_buckets : int
        Even, and at least 4 for both directions.
    max_distance : int
        From here on all distances share the last bucket.

    Returns
    -------
    long, the same shape, in [0, n_buckets)

    Raises
    ------
    ValueError
        If there are too few buckets, or their logarithmic half has no room.
    """
    least, one_side = (4, n_buckets // 2) if both_directions else (2, n_buckets)
    if n_buckets < least or n_buckets % 2:
        raise InputError(f"n_buckets must be an even number of at least {least}, got {n_buckets}")
    if max_distance <= one_side // 2:
        raise InputError(f"max_distance must be larger than {one_side // 2}, got {max_distance}")
    if not both_directions:
        return relative_buckets(distance, n_buckets, max_distance)
    after = (distance < 0).long() * one_side
    return after + relative_buckets(distance.abs(), one_side, max_distance)


class T5Attention(RelativeBiasAttention):
    """``RelativeBiasAttention`` that also tells keys before a query from keys after it, if it sees both."""

    def bias(self, T_query: int, T_key: int) -> Tensor:
        return self.bucket_bias(self.buckets(T_query, T_key)).permute(2, 0, 1)  # (n_heads, T_query, T_key)

    def buckets(self, T_query: int, T_key: int) -> Int[Tensor, "T_query T_key"]:
        """The bucket of each pair of query and key."""
        steps = distances(T_query, T_key, self.out.weight.device)  # (T_query, T_key)
        return t5_buckets(steps, not self.causal, self.n_buckets, self.max_distance)

    @property
    def scale(self) -> float:
        return 1.0  # T5 makes the initial queries smaller instead
