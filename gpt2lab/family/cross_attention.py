r"""Cross-attention: the queries come from one sequence, the keys and values from another.

    q = x W_q          k, v = memory W_k, memory W_v
    cross_attention(x, memory) = softmax(q kᵀ / sqrt(d_head) + mask) v W_o

It is the equation of ``gpt2lab.attention`` with two inputs. The weights are (T, S): one row per
position of x (the target), one column per position of the memory (the source). There is no causal
mask, because the source is known as a whole; only its padding is hidden.

Source: Vaswani et al. 2017, section 3.2.3, first item ("encoder-decoder attention"); the idea:
Bahdanau et al. 2015, "Neural Machine Translation by Jointly Learning to Align and Translate".
"""

from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from gpt2lab.attention import attention_scores, merge_heads, split_heads
from gpt2lab.config import GPT2Config
from gpt2lab.masking import Padding, apply_mask
from gpt2lab.trace import AttentionTrace


class CrossAttention(nn.Module):
    """x (B, T, d_model) reads memory (B, S, d_model): -> (B, T, d_model).

    ``forward`` runs torch's fused kernel, ``trace`` the equation with all its steps.
    """

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.n_heads = config.n_heads
        self.dropout = config.dropout
        self.q = nn.Linear(config.d_model, config.d_model)
        self.kv = nn.Linear(config.d_model, 2 * config.d_model)
        self.out = nn.Linear(config.d_model, config.d_model)  # W_O: mixes the heads
        self.out_dropout = nn.Dropout(config.dropout)

    def project(
        self, x: Float[Tensor, "B T d_model"], memory: Float[Tensor, "B S d_model"]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Queries (B, n_heads, T, d_head) of x; keys and values (B, n_heads, S, d_head) of the memory."""
        k, v = self.kv(memory).chunk(2, dim=-1)  # 2 × (B, S, d_model)
        return split_heads(self.q(x), self.n_heads), split_heads(k, self.n_heads), split_heads(v, self.n_heads)

    @staticmethod
    def mask(padding: Padding | None) -> Tensor | None:
        """Which keys are real tokens of the source: (B, 1, 1, S) bool, True = may be attended to; None: all."""
        return None if padding is None else padding.real[:, None, None, :]  # (B, 1, 1, S)

    def forward(
        self, x: Float[Tensor, "B T d_model"], memory: Float[Tensor, "B S d_model"], padding: Padding | None = None
    ) -> Float[Tensor, "B T d_model"]:
        """Attend to the memory and project.

        Parameters
        ----------
        x : (B, T, d_model)
        memory : (B, S, d_model)
            What the encoder made of the source.
        padding : Padding, optional
            That of the *source*, where its rows differ in length.
        """
        q, k, v = self.project(x, memory)  # (B, n_heads, T, d_head), 2 × (B, n_heads, S, d_head)
        dropout = self.dropout if self.training else 0.0  # the kernel ignores .eval() by itself
        head_out = F.scaled_dot_product_attention(q, k, v, self.mask(padding), dropout)  # (B, n_heads, T, d_head)
        return self.out_dropout(self.out(merge_heads(head_out)))  # (B, T, d_model)

    def trace(
        self, x: Float[Tensor, "B T d_model"], memory: Float[Tensor, "B S d_model"], padding: Padding | None = None
    ) -> AttentionTrace:
        """The same result with every intermediate value; no dropout. The maps are (B, n_heads, T, S)."""
        q, k, v = self.project(x, memory)  # (B, n_heads, T, d_head), 2 × (B, n_heads, S, d_head)
        mask = self.mask(padding)  # (B, 1, 1, S)
        scores = attention_scores(q, k)  # (B, n_heads, T, S)
        attn_weights = (scores if mask is None else apply_mask(scores, mask)).softmax(dim=-1)  # (B, n_heads, T, S)
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
