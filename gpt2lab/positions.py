r"""Positions: five ways to tell a model in which order its tokens stand.

GPT-2 adds a learned vector per position. Beside it stand its relatives, for comparison:

    learned       x_t + P[t]                              GPT-2: a table of 1024 rows
    sinusoidal    x_t + [sin(t·w_i), cos(t·w_i)]          w_i = 10000^(-2i/d_model)
    RoPE          rotate each pair of q and k by t·w_i    q·k then depends on the distance only
    ALiBi         score - slope_h · distance              nothing is added to x
    relative bias score + b_h[bucket(distance)]           learned, as in T5

Sources: Radford et al. 2019; Vaswani et al. 2017, section 3.5; Su et al. 2021 (RoPE); Press et al.
2022 (ALiBi); Raffel et al. 2020, section 2.1 (T5's bias), Shaw et al. 2018 (the idea).
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from gpt2lab.attention import MultiHeadAttention
from gpt2lab.config import GPT2Config
from gpt2lab.errors import InputError


class LearnedPositions(nn.Embedding):
    """GPT-2's table: (T,) positions -> (T, d_model). Rows exist for 0 … context_length - 1 only."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config.context_length, config.d_model)


def sinusoidal_table(length: int, d_model: int, base: float = 10000.0) -> Float[Tensor, "length d_model"]:
    """Even columns sin(t·w_i), odd columns cos(t·w_i), with w_i = base^(-2i/d_model).

    Moving by k positions is the same rotation of each (sin, cos) pair at every t.

    Raises ValueError if d_model is odd: every frequency needs a pair.
    """
    return sinusoids(torch.arange(length), d_model, base)


def sinusoids(
    positions: Int[Tensor, "*rows T"], d_model: int, base: float = 10000.0
) -> Float[Tensor, "*rows T d_model"]:
    """The rows of ``sinusoidal_table`` at these positions."""
    angles = rotation_angles(positions, d_model, base)  # (..., T, d_model/2)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)  # (..., T, d_model)


def rotation_angles(
    positions: Int[Tensor, "*rows T"], width: int, base: float = 10000.0
) -> Float[Tensor, "*rows T half"]:
    """Angles t·w_i for each position and each of the width/2 pairs."""
    if width % 2:
        raise InputError(f"rotations work on pairs of features, so the width must be even, got {width}")
    frequencies = base ** (-torch.arange(0, width, 2, device=positions.device) / width)  # (width/2,)
    return positions[..., None] * frequencies  # (..., T, width/2)


class SinusoidalPositions(nn.Module):
    """The fixed table of 2017, of any length: (T,) positions -> (T, d_model). No parameters."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.d_model = config.d_model

    def forward(self, positions: Int[Tensor, "*rows T"]) -> Float[Tensor, "*rows T d_model"]:
        return sinusoids(positions, self.d_model)


class NoPositions(nn.Module):
    """Adds nothing: (T,) positions -> (T, d_model) of zeros."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.d_model = config.d_model

    def forward(self, positions: Int[Tensor, "*rows T"]) -> Float[Tensor, "*rows T d_model"]:
        return torch.zeros(*positions.shape, self.d_model, device=positions.device)


def apply_rope(
    x: Float[Tensor, "*batch T d_head"], positions: Int[Tensor, "*rows T"], base: float = 10000.0
) -> Float[Tensor, "*batch T d_head"]:
    """Rotate each pair (x_2i, x_2i+1) of the vector at position t by the angle t·w_i.

    ``positions`` is (T,), or broadcastable to x without its last axis: (B, 1, T) for rows that are padded.
    """
    angles = rotation_angles(positions, x.shape[-1], base)  # (..., T, d_head/2)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    even, odd = x[..., 0::2], x[..., 1::2]  # 2 × (..., T, d_head/2)
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1).flatten(-2)


def distances(T_query: int, T_key: int, device: torch.device | None = None) -> Int[Tensor, "T_query T_key"]:
    """How many positions each key lies before each query; the queries are the last ones."""
    queries = torch.arange(T_key - T_query, T_key, device=device)
    return queries[:, None] - torch.arange(T_key, device=device)  # (T_query, T_key)


def alibi_slopes(n_heads: int) -> Float[Tensor, " n_heads"]:
    """Head h of n gets the slope 2^(-8h/n), h = 1 … n (n a power of two, as in the paper's runs)."""
    return 2.0 ** (-8.0 * torch.arange(1, n_heads + 1) / n_heads)


def alibi_bias(n_heads: int, T_query: int, T_key: int | None = None) -> Float[Tensor, "n_heads T_query T_key"]:
    """-slope · distance. Keys after the query would get a bonus; the causal mask hides them."""
    steps = distances(T_query, T_query if T_key is None else T_key)  # (T_query, T_key)
    return alibi_slopes(n_heads)[:, None, None] * -steps  # (n_heads, T_query, T_key)


def relative_buckets(
    distance: Int[Tensor, "*shape"], n_buckets: int = 32, max_distance: int = 128
) -> Int[Tensor, "*shape"]:
    """T5's one-sided buckets: small distances one by one, larger ones on a logarithmic scale."""
    distance = distance.clamp(min=0)
    exact = n_buckets // 2
    far = exact + (
        torch.log(distance.clamp(min=1) / exact) / math.log(max_distance / exact) * (n_buckets - exact)
    ).long().clamp(max=n_buckets - 1 - exact)
    return torch.where(distance < exact, distance, far)


class RotaryAttention(MultiHeadAttention):
    """Attention whose queries and keys are rotated by their position (RoPE)."""

    def rotate(self, q: Tensor, k: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        return apply_rope(q, positions), apply_rope(k, positions)


class ALiBiAttention(MultiHeadAttention):
    """Attention whose scores fall linearly with distance, with one slope per head."""

    def bias(self, T_query: int, T_key: int) -> Tensor:
        return alibi_bias(self.n_heads, T_query, T_key).to(self.out.weight)


class RelativeBiasAttention(MultiHeadAttention):
    """Attention with a learned bias per head and distance bucket (T5 shares it between layers)."""

    def __init__(self, config: GPT2Config, n_buckets: int = 32, max_distance: int = 128) -> None:
        super().__init__(config)
        self.n_buckets, self.max_distance = n_buckets, max_distance
        self.bucket_bias = nn.Embedding(n_buckets, config.n_heads)

    def bias(self, T_query: int, T_key: int) -> Tensor:
        steps = distances(T_query, T_key, self.out.weight.device)  # (T_query, T_key)
        buckets = relative_buckets(steps, self.n_buckets, self.max_distance)
        return self.bucket_bias(buckets).permute(2, 0, 1)  # (n_heads, T_query, T_key)
