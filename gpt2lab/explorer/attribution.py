"""Direct logit attribution: which part of the model pushed which token, and by how much.

The stream that the last norm reads is a sum of what every part has written. The norm's scale is taken as it
is; what remains is linear, so each part has its own share of every logit:

    logit[v] = Σ_parts  W_U[v] · (gain * (part - mean(part)) / std)  +  W_U[v] · bias

It is what a part writes *directly*: what a later part makes of it is counted there. Sources: Elhage et al. 2021, "A
Mathematical Framework for Transformer Circuits"; Wang et al. 2022, "Interpretability in the Wild", section 3.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from gpt2lab.attention import merge_heads
from gpt2lab.errors import InputError
from gpt2lab.model import GPT2
from gpt2lab.trace import BlockTrace

ROUNDING = 1_000  # epsilons of the largest logit; beyond them the parts do not make up the stream


def attribute(model: GPT2, blocks: Iterable[BlockTrace | None], tokens: Tensor, position: int) -> dict[str, Tensor]:
    """What each part adds to the logits after a position.

    Parts that are switched off have to be off here, too: call it inside the same ``with``.

    Parameters
    ----------
    model : GPT2
    blocks : iterable of BlockTrace
        Of a trace of all layers, in order: ``trace.blocks``.
    tokens : (1, T), long
    position : int
        0 … T - 1.

    Returns
    -------
    dict of str to Tensor (vocab_size,)
        "token", "position", then by layer "head 0.0" …, "attention 0" (the bias of its output), "ffn 0", and at the
        end "final norm" (its bias). They sum to the logits.

    Raises
    ------
    InputError
        If the parts do not add up to the logits, as where a norm stands on the stream or nothing is added.
    """
    with torch.no_grad():
        written, final = _written(model, blocks, tokens, position)
        norm = model.ln_f.trace(final)
        parts = torch.stack(list(written.values()))  # (n_parts, d_model)
        gain, offset = getattr(model.ln_f, "weight", None), getattr(model.ln_f, "bias", None)
        if gain is not None and offset is not None:  # a variant may have no final norm
            parts = (parts - parts.mean(dim=-1, keepdim=True)) / norm.std * gain
        parts = torch.cat([parts, torch.zeros_like(parts[:1]) if offset is None else offset[None]])
        logits = model.unembed(parts)  # (n_parts, vocab_size)
        expected = model.unembed(norm.out)
    rounding = ROUNDING * torch.finfo(expected.dtype).eps * expected.abs().max().clamp_min(1e-6)
    if not (logits.sum(dim=0) - expected).abs().max() <= rounding:
        raise InputError(
            "this model's logits are not the sum of what its parts write: between them stands more than one final norm"
        )
    return dict(zip([*written, "final norm"], logits, strict=True))


def _written(
    model: GPT2, blocks: Iterable[BlockTrace | None], tokens: Tensor, position: int
) -> tuple[dict[str, Tensor], Tensor]:
    """What every part writes at a position, (d_model,) each, by name; and the stream after the last block."""
    written: dict[str, Tensor] = {}
    final: Tensor | None = None
    for layer, block in enumerate(blocks):
        if block is None:
            raise InputError(f"attribution needs the trace of every layer; that of layer {layer} was left out")
        if not written:
            written["token"] = model.token_embedding(tokens[0, position])
            written["position"] = block.resid_pre[0, position] - written["token"]
        heads = _each_head(model, layer, block, position)  # (n_heads + 1, d_model)
        written |= {f"head {layer}.{h}": vector for h, vector in enumerate(heads[:-1])}
        written |= {f"attention {layer}": heads[-1], f"ffn {layer}": block.ffn.out[0, position]}
        final = block.resid_post[0, position]
    if final is None:
        raise InputError("attribution needs a model with at least one block")
    return written, final


def _each_head(model: GPT2, layer: int, block: BlockTrace, position: int) -> Tensor:
    """What each head writes, and last the bias of the output: (n_heads + 1, d_model).

    Each goes alone through the module ``out``, whose hooks switch heads off.
    """
    out = block.attn.head_out[0, :, position]  # (n_heads, d_head)
    n_heads, d_head = out.shape
    alone = torch.zeros(1, n_heads, n_heads + 1, d_head, dtype=out.dtype, device=out.device)
    alone[0, range(n_heads), range(n_heads)] = out
    written = model.blocks[layer].attn.out(merge_heads(alone))[0]  # (n_heads + 1, d_model)
    return torch.cat([written[:-1] - written[-1:], written[-1:]])
