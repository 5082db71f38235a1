r"""A convolutional language model: every position sees the k positions before it, layer upon layer.

    y_t = b + sum over j = 0 … k-1 of  W_j x_{t - j·dilation}      x is 0 before the first token

    x = x + out(gelu(conv(ln(x))))                                 one block, pre-LN as in GPT-2

Position t never reads a later one, so the convolution is causal without a mask. With dilations 1, 2, 4, …
the receptive field doubles with each block; with dilation 1 everywhere it grows by k - 1.

Sources: van den Oord et al. 2016, "WaveNet" (causal and dilated); Dauphin et al. 2017, "Language Modeling
with Gated Convolutional Networks"; Bai et al. 2018, "An Empirical Evaluation of Generic Convolutional and
Recurrent Networks for Sequence Modeling" (residual blocks).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from gpt2lab.config import GPT2Config
from gpt2lab.errors import InputError, validates, whole_number
from gpt2lab.family.language_model import LanguageModel, State
from gpt2lab.layernorm import LayerNorm
from gpt2lab.residual import residual_init_scale
from gpt2lab.tokenizer.tokens import check_tokens
from gpt2lab.trace import LayerNormTrace


@dataclass(frozen=True)
class ConvBlockTrace:
    """One block: ``resid_post = resid_pre + out`` and ``post = gelu(pre)``."""

    resid_pre: Tensor  # (B, T, d_model)
    ln: LayerNormTrace
    pre: Tensor  # (B, T, d_model), what the convolution gives
    post: Tensor  # (B, T, d_model)
    out: Tensor  # (B, T, d_model), what is added to the stream
    resid_post: Tensor  # (B, T, d_model)


@dataclass(frozen=True)
class ConvTrace:
    """One forward pass."""

    tokens: Tensor  # (B, T)
    token_embedding: Tensor  # (B, T, d_model)
    blocks: tuple[ConvBlockTrace, ...]
    ln_f: LayerNormTrace
    logits: Tensor  # (B, T, vocab_size)


@validates
def causal_conv(x: Tensor, W: Tensor, b: Tensor, dilation: int = 1) -> Tensor:
    """The first equation above: (B, T, d_in) -> (B, T, d_out).

    Parameters
    ----------
    x : (B, T, d_in)
    W : (k, d_out, d_in)
        ``W[j]`` reads the position j·dilation steps back.
    b : (d_out,)
    dilation : int

    Raises
    ------
    ValueError
        If the shapes do not fit, or the dilation is below 1.
    """
    step = whole_number("the dilation", dilation, 1)
    if x.ndim != 3 or W.ndim != 3 or W.shape[2] != x.shape[2] or b.shape != W.shape[1:2]:
        raise InputError(
            "causal_conv needs x (B, T, d_in), W (k, d_out, d_in) and b (d_out,), got "
            f"x {tuple(x.shape)}, W {tuple(W.shape)}, b {tuple(b.shape)}"
        )
    T, y = x.shape[1], b.expand(*x.shape[:2], -1)  # (B, T, d_out)
    for j, W_j in enumerate(W):
        back = min(j * step, T)
        y = y + F.pad(x[:, : T - back], (0, 0, back, 0)) @ W_j.T  # x moved j·dilation to the right, (B, T, d_out)
    return y


class CausalConv(nn.Module):
    """``causal_conv`` with learned W and b. ``forward`` runs torch's kernel, ``trace`` the equation."""

    def __init__(self, d_model: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.dilation, self.reach = dilation, (kernel - 1) * dilation  # reach: how far back the last W_j reads
        self.weight = nn.Parameter(torch.empty(kernel, d_model, d_model))
        self.bias = nn.Parameter(torch.zeros(d_model))
        nn.init.normal_(self.weight, std=(kernel * d_model) ** -0.5)

    def forward(self, x: Float[Tensor, "B T d_model"], before: Tensor | None = None) -> Tensor:
        """(B, T, d_model) -> (B, T, d_model); ``before`` is what stands in front of x, (B, reach, d_model)."""
        x = F.pad(x, (0, 0, self.reach, 0)) if before is None else torch.cat([before, x], dim=1)  # (B, reach + T, …)
        # torch slides the kernel forwards in time: its first column reads the oldest position.
        kernel = self.weight.flip(0).permute(1, 2, 0)  # (d_out, d_in, k)
        return F.conv1d(x.transpose(1, 2), kernel, self.bias, dilation=self.dilation).transpose(1, 2)

    def trace(self, x: Float[Tensor, "B T d_model"]) -> Tensor:
        return causal_conv(x, self.weight, self.bias, self.dilation)  # (B, T, d_model)


class ConvBlock(nn.Module):
    """(B, T, d_model) -> (B, T, d_model): the second equation above."""

    def __init__(self, config: GPT2Config, kernel: int, dilation: int) -> None:
        super().__init__()
        d_model = config.d_model
        self.ln = LayerNorm(d_model, config.layer_norm_eps)
        self.conv = CausalConv(d_model, kernel, dilation)
        self.out = nn.Linear(d_model, d_model)
        self.dropout = nn.Dropout(config.dropout)
        nn.init.normal_(self.out.weight, std=d_model**-0.5 * residual_init_scale(config.n_layers))
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Float[Tensor, "B T d_model"], kept: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The block, and the last ``reach`` inputs of its convolution: what the next tokens need of these."""
        normed, reach = self.ln(x), self.conv.reach  # (B, T, d_model)
        x = x + self.dropout(self.out(F.gelu(self.conv(normed, kept), approximate="tanh")))
        seen = normed if kept is None else torch.cat([kept, normed], dim=1)
        return x, seen[:, max(0, seen.shape[1] - reach) :]  # (B, reach, d_model)

    def trace(self, x: Float[Tensor, "B T d_model"]) -> ConvBlockTrace:
        """The same result with every intermediate value; no dropout."""
        ln = self.ln.trace(x)
        pre = self.conv.trace(ln.out)  # (B, T, d_model)
        post = F.gelu(pre, approximate="tanh")
        out = self.out(post)
        return ConvBlockTrace(resid_pre=x, ln=ln, pre=pre, post=post, out=out, resid_post=x + out)


class ConvLM(LanguageModel):
    """Token embedding, ``n_layers`` blocks, layer norm, tied output layer: tokens (B, T) -> logits (B, T, vocab_size).

    Parameters
    ----------
    kernel : int
        k, positions that one layer reads.
    dilated : bool
        Block i, counted from 0, has dilation 2^i; if False, every block has dilation 1.
    """

    blocks: list[ConvBlock]  # an nn.ModuleList, typed by what it holds

    @validates
    def __init__(self, config: GPT2Config, kernel: int = 3, dilated: bool = True) -> None:
        k = whole_number("kernel", kernel, 2)
        super().__init__(config)
        dilations = [2**i if dilated else 1 for i in range(config.n_layers)]
        self.blocks = nn.ModuleList(ConvBlock(config, k, dilation) for dilation in dilations)  # type: ignore[assignment]
        self.ln_f = LayerNorm(config.d_model, config.layer_norm_eps)

    @property
    def receptive_field(self) -> int:
        """How many positions, itself included, an output depends on."""
        return 1 + sum(block.conv.reach for block in self.blocks)

    def empty_state(self, B: int) -> State:
        """Zeros in front of the first token, as many as each convolution reaches back."""
        like, d_model = self.token_embedding.weight, self.config.d_model
        return State([(like.new_zeros(B, block.conv.reach, d_model),) for block in self.blocks])

    def run(self, x: Tensor, state: State | None = None) -> Tensor:
        for i, block in enumerate(self.blocks):
            x, kept = block(x, None if state is None else state.layers[i][0])  # (B, T, d_model)
            if state is not None:
                state.layers[i] = (kept,)
        return self.ln_f(x)

    @validates
    def trace(self, tokens: Tensor) -> ConvTrace:
        """One forward pass with every intermediate value, by the equations; no dropout."""
        check_tokens(tokens, self.config)
        x = token_embedding = self.token_embedding(tokens)  # (B, T, d_model)
        blocks = []
        for block in self.blocks:
            blocks.append(block.trace(x))
            x = blocks[-1].resid_post
        ln_f = self.ln_f.trace(x)
        return ConvTrace(tokens, token_embedding, tuple(blocks), ln_f, self.unembed(ln_f.out))
