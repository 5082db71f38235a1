r"""Direct logit attribution: what each part of a model adds to the logit of one token at one position.

The stream is a sum: token vector + position vector + what every head and every feed-forward network adds. The
final norm subtracts the mean and divides by the standard deviation. Hold that deviation at its measured value, and
the norm is linear; the output layer is linear anyway. So the logit is a sum as well:

    logit = Σ_parts ((part − mean(part)) / std · w) · e  +  b · e        w, b of ln_f, e the token's output vector

It counts what reaches the output *directly*; what a part does through later parts is counted as theirs.

Source: Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits", section "Logit attribution";
Wang et al. 2023, section 3.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gpt2lab.errors import InputError, validates
from gpt2lab.layernorm import LayerNorm
from gpt2lab.model import GPT2
from gpt2lab.trace import AttentionTrace, BlockTrace

SUM = 1e-4  # the most by which the parts may miss the logit, times the sum of their sizes; more in half precision


class LayerParts(NamedTuple):
    """What one block adds to a logit."""

    heads: Tensor  # (n_heads,)
    attention_bias: Tensor  # (), of the output projection, whatever the heads say
    ffn: Tensor  # (), without its bias
    ffn_bias: Tensor  # ()


class Attribution(NamedTuple):
    """What adds up to a logit. Numbers are logits."""

    token: Tensor  # (), the vector of the token that stands at the position
    position: Tensor  # (), its position vector
    patched: Tensor  # (), what a patch of the stream put in place of what was there; 0 without one
    layers: list[LayerParts]
    norm_bias: Tensor  # (), of the final norm
    logit: Tensor  # (), what they sum to

    def flat(self) -> Tensor:
        """All of them but the sum in one row: token, position, patched, each layer in order, norm_bias."""
        layers = [part.reshape(-1) for layer in self.layers for part in layer]
        rest = (self.token, self.position, self.patched)
        return torch.cat([part.reshape(-1) for part in (*rest, *layers, self.norm_bias)])


class _At(NamedTuple):
    """Of a block's trace what stands at one position: whole traces of a long text need not be kept."""

    before: Tensor  # (d_model,), the stream
    head_out: Tensor  # (n_heads, d_head)
    ffn: Tensor  # (d_model,)
    post: Tensor  # (d_ff,)
    after: Tensor  # (d_model,), the stream

    @classmethod
    def of(cls, block: BlockTrace, position: int) -> _At:
        attn, ffn = block.attn, block.ffn
        parts = block.resid_pre[0], attn.head_out[0].transpose(0, 1), ffn.out[0], ffn.post[0], block.resid_post[0]
        return cls(*(part[position].clone() for part in parts))


@validates
def attribution(model: GPT2, tokens: Tensor, blocks: Iterable[BlockTrace], position: int, token: int) -> Attribution:
    """What each part adds to the logit of ``token`` after ``position``.

    Parameters
    ----------
    model : GPT2
        With the interventions in place under which ``blocks`` were traced: what is off adds 0.
    tokens : (1, T)
    blocks : the traces of all blocks, in order; they are read one at a time
    position : int, in 0 … T - 1
    token : int, in 0 … vocab_size - 1

    Raises
    ------
    InputError
        If the parts of this model do not sum to its logit, as with a norm on the stream between blocks.
    """
    seen = [_At.of(block, position) for block in blocks]
    final = seen[-1].after  # (d_model,)
    output: nn.Embedding | nn.Linear = getattr(model, "output", model.token_embedding)  # a variant has its own
    vector = output.weight[token]  # (d_model,)
    std = model.ln_f.trace(final[None, None]).std[0, 0]  # (1,)

    def push(part: Tensor) -> Tensor:
        """What vectors (…, d_model) add to the logit: (…,)."""
        return _through(model.ln_f, std, part) @ vector

    layers = []
    patched = torch.zeros_like(final)
    before = model.embed(tokens)[0, position]  # (d_model,)
    for block, at in zip(model.blocks, seen, strict=True):
        patched = patched + at.before - before
        before = at.after
        attn_out, down = block.writers()
        # A head that is off or held at a mean writes no more than the bias: the layer itself says so.
        merged = torch.block_diag(*at.head_out)  # (n_heads, d_model)
        attn_bias = attn_out(torch.zeros_like(merged[0]))  # (d_model,)
        ffn_bias = down(torch.zeros_like(at.post)) if len(at.post) else at.ffn  # a variant has no neurons
        heads = attn_out(merged) - attn_bias  # (n_heads, d_model)
        layers.append(LayerParts(push(heads), push(attn_bias), push(at.ffn - ffn_bias), push(ffn_bias)))
    vectors = model.token_embedding(tokens)[0, position], model.embed(tokens)[0, position]
    bias = getattr(model.ln_f, "bias", None)
    found = Attribution(
        token=push(vectors[0]),
        position=push(vectors[1] - vectors[0]),
        patched=push(patched),
        layers=layers,
        norm_bias=torch.zeros_like(final[0]) if bias is None else bias @ vector,
        logit=model.unembed(model.ln_f(final))[token],
    )
    parts = found.flat()
    rounding = max(SUM, 4 * torch.finfo(parts.dtype).eps)
    if not (parts.sum() - found.logit).abs() <= rounding * (1 + parts.abs().sum()):
        raise InputError(
            "the parts of this model do not sum to its logit: attribution needs blocks that add to the stream, "
            "one norm at its end, and an output layer without a bias"
        )
    return found


def _through(ln_f: nn.Module, std: Tensor, part: Tensor) -> Tensor:
    """What the final norm makes of a summand of the stream, its deviation held fixed; its bias is counted apart."""
    if not isinstance(ln_f, LayerNorm):
        return part  # no norm, or one that the check of the sum refuses
    return (part - part.mean(dim=-1, keepdim=True)) / std * ln_f.weight


def taken_lengths(attn: nn.Module, traced: AttentionTrace) -> Tensor:
    """How long the vector is that a head takes from each position at full weight: ‖v_j W_O‖, (B, n_heads, T).

    An attention weight times this length says how much was taken; a large weight on a short vector takes little.

    Source: Kobayashi et al. 2020, "Attention is Not Only a Weight: Analyzing Transformers with Vector Norms".
    """
    out = getattr(attn, "out", None)
    if not isinstance(out, nn.Linear) or getattr(traced, "v", None) is None:
        raise InputError("this trace has no values and no output layer, only attention weights")
    n_heads = traced.v.shape[1]
    w_o = out.weight.unflatten(-1, (n_heads, -1)).permute(1, 2, 0)  # (n_heads, d_head, d_model)
    return torch.stack([(v @ w).norm(dim=-1) for v, w in zip(traced.v.unbind(1), w_o, strict=True)], dim=1)
