r"""Attention: every position compares its query with all keys and takes a weighted mean of the values.

    attention(q, k, v) = softmax(q kᵀ / sqrt(d_head) + mask) v

The query of a position is compared with the keys of all positions it may see. The softmax turns
the scores into weights that sum to 1, and the output is the weighted sum of the *values*. The
values take no part in the comparison.

Several heads do this at once, each on its own slice of the feature axis. Every head sees the
whole visible sequence; the sequence is never cut.

Source: Vaswani et al. 2017, "Attention Is All You Need", eq. 1 and section 3.2.2; in GPT-2 the
three projections are one fused layer.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from gpt2lab.attention.cache import LayerCache
from gpt2lab.config import GPT2Config
from gpt2lab.errors import InputError
from gpt2lab.masking import Padding, apply_mask, causal_mask, fits_scores
from gpt2lab.trace import AttentionTrace


def split_heads(x: Tensor, n_heads: int) -> Tensor:
    """(B, T, d_model) -> (B, n_heads, T, d_head): cut the *feature* axis, keep every position.

    Raises ValueError if d_model is not divisible by n_heads.
    """
    if x.ndim < 2:
        raise InputError(f"split_heads needs x of shape (..., T, d_model), got shape {tuple(x.shape)}")
    if n_heads < 1 or x.shape[-1] % n_heads != 0:
        raise InputError(f"the last axis must be divisible by n_heads={n_heads}, got shape {tuple(x.shape)}")
    return x.unflatten(-1, (n_heads, -1)).transpose(-3, -2)


def merge_heads(x: Float[Tensor, "*batch n_heads T d_head"]) -> Float[Tensor, "*batch T d_model"]:
    """(B, n_heads, T, d_head) -> (B, T, d_model): the inverse of split_heads."""
    return x.transpose(-3, -2).flatten(-2)


def attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None = None,
    bias: Tensor | None = None,
    scale: float | None = None,
) -> tuple[Tensor, Tensor]:
    """The equation above, written out.

    Parameters
    ----------
    q : (..., T_query, d_head)
    k, v : (..., T_key, d_head)
    mask : bool, broadcastable to (..., T_query, T_key), optional
        True = may attend. A row without any True has no softmax and comes out as NaN.
    bias : broadcastable to (..., T_query, T_key), optional
        Added to the scaled scores (ALiBi, relative bias).
    scale : float, optional
        Factor on q·k; 1 / sqrt(d_head) by default.

    Returns
    -------
    out : (..., T_query, d_head)
    attn_weights : (..., T_query, T_key), each row sums to 1

    Raises
    ------
    ValueError
        If q and k differ in width, k and v in length, or the mask or the bias does not fit.
    """
    if min(q.ndim, k.ndim, v.ndim) < 2 or q.shape[-1] != k.shape[-1] or k.shape[-2] != v.shape[-2]:
        raise InputError(
            "attention needs q and k of the same width and k and v of the same length, "
            f"got q {tuple(q.shape)}, k {tuple(k.shape)}, v {tuple(v.shape)}"
        )
    scores = attention_scores(q, k, bias, scale)  # (..., T_query, T_key)
    if mask is not None:
        scores = apply_mask(scores, mask)
    attn_weights = scores.softmax(dim=-1)  # (..., T_query, T_key)
    return attn_weights @ v, attn_weights


def attention_scores(q: Tensor, k: Tensor, bias: Tensor | None = None, scale: float | None = None) -> Tensor:
    """Scaled (and biased) scores before the mask: (..., T_query, T_key)."""
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    scores = q @ k.transpose(-2, -1) * scale  # (..., T_query, T_key)
    if bias is None:
        return scores
    if not fits_scores(tuple(bias.shape), tuple(scores.shape)):
        expected, got = tuple(scores.shape), tuple(bias.shape)
        raise InputError(f"the bias must broadcast to the scores (…, T_query, T_key) = {expected}, got {got}")
    return scores + bias


class MultiHeadAttention(nn.Module):
    """GPT-2's causal self-attention.

    ``forward`` runs torch's fused kernel, ``trace`` the equation with all its steps.

    Three methods are there to be overridden: ``rotate`` (RoPE), ``bias`` (ALiBi, relative bias) and
    ``scale``. ``causal`` switches the mask; see ``gpt2lab.interventions.without_causal_mask``.
    """

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.n_heads = config.n_heads
        self.d_head = config.d_head
        self.dropout = config.dropout
        self.causal = True
        self.qkv = nn.Linear(config.d_model, 3 * config.d_model)
        self.out = nn.Linear(config.d_model, config.d_model)  # W_O: mixes the heads
        self.out_dropout = nn.Dropout(config.dropout)

    def rotate(self, q: Tensor, k: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """For RoPE to override. GPT-2 leaves queries and keys as they are.

        q, k are (B, n_heads, T, d_head). positions, long, says where each of them stands: (T,), or
        (B, 1, T) where rows of different length are padded.
        """
        return q, k

    def bias(self, T_query: int, T_key: int) -> Tensor | None:
        """For ALiBi and relative bias to override: (n_heads, T_query, T_key). GPT-2 has none.

        The queries are the last ``T_query`` of the ``T_key`` positions.
        """
        return None

    @property
    def scale(self) -> float:
        """Factor on q·k: keeps the scores at unit variance whatever the head's width."""
        return self.d_head**-0.5

    def project(self, x: Float[Tensor, "B T d_model"]) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of all heads: three times (B, n_heads, T, d_head)."""
        q, k, v = self.qkv(x).chunk(3, dim=-1)  # 3 × (B, T, d_model)
        return split_heads(q, self.n_heads), split_heads(k, self.n_heads), split_heads(v, self.n_heads)

    def positions(self, x: Tensor, start: int, padding: Padding | None) -> Tensor:
        """Where the tokens of x (B, T, d_model) stand: (T,), or (B, 1, T) with padding."""
        if padding is not None:
            return padding.positions[:, None]  # (B, 1, T)
        return torch.arange(start, start + x.shape[1], device=x.device)  # (T,)

    def mask(self, T_query: int, T_key: int, padding: Padding | None) -> Tensor | None:
        """Who may attend to whom, True = may: (T_query, T_key), (B, 1, T_query, T_key) with padding; None: all."""
        causal = causal_mask(T_query, T_key, self.out.weight.device) if self.causal else None
        return causal if padding is None else padding.visible(causal)

    def forward(
        self, x: Float[Tensor, "B T d_model"], cache: LayerCache | None = None, padding: Padding | None = None
    ) -> Float[Tensor, "B T d_model"]:
        """Attend and project.

        Parameters
        ----------
        x : (B, T, d_model)
        cache : LayerCache, optional
            Keys and values of earlier positions; those of the T new ones are appended to it.
        padding : Padding, optional
            Which keys are padding, where rows differ in length.
        """
        T_query, start = x.shape[1], 0 if cache is None else cache.length
        q, k, v = self.project(x)  # 3 × (B, n_heads, T_query, d_head)
        q, k = self.rotate(q, k, self.positions(x, start, padding))
        if cache is not None:
            k, v = cache.append(k, v)  # 2 × (B, n_heads, T_key, d_head)
        T_key = k.shape[-2]
        bias = self.bias(T_query, T_key)
        # The kernel is fastest where it need not be given a mask: it knows the plain causal one by name,
        # and one new query at the end of the sequence may see everything.
        named = self.causal and T_query == T_key > 1 and bias is None and padding is None
        everything = not self.causal or T_query == 1
        mask = None if named or (everything and padding is None) else self.mask(T_query, T_key, padding)
        if bias is not None:
            mask = bias if mask is None else bias.masked_fill(~mask, -torch.inf)
        head_out = F.scaled_dot_product_attention(
            q,
            k,
            v,
            attn_mask=mask,
            is_causal=named,
            dropout_p=self.dropout if self.training else 0.0,  # the kernel ignores .eval() by itself
            scale=self.scale,
        )  # (B, n_heads, T_query, d_head)
        return self.out_dropout(self.out(merge_heads(head_out)))  # (B, T_query, d_model)

    def trace(self, x: Float[Tensor, "B T d_model"], padding: Padding | None = None) -> AttentionTrace:
        """The same result with every intermediate value; no dropout, no cache."""
        T = x.shape[1]
        q, k, v = self.project(x)  # 3 × (B, n_heads, T, d_head)
        q, k = self.rotate(q, k, self.positions(x, 0, padding))
        mask = self.mask(T, T, padding)  # (T, T), or (B, 1, T, T) with padding
        scores = attention_scores(q, k, self.bias(T, T), self.scale)  # (B, n_heads, T, T)
        visible = scores if mask is None else apply_mask(scores, mask)
        attn_weights = visible.softmax(dim=-1)  # (B, n_heads, T, T)
        head_out = attn_weights @ v  # (B, n_heads, T, d_head)
        return AttentionTrace(
            q=q,
            k=k,
            v=v,
            scores=scores,
            mask=mask,
            attn_weights=attn_weights,
            head_out=head_out,
            out=self.out(merge_heads(head_out)),
        )
