r"""The residual stream: a sum that every part adds to and no part overwrites.

    resid_final = token + position + Σ_blocks (attn.out + ffn.out)

Because every part only adds, the final stream can be taken apart again into what each part wrote.
The gradient takes the same way back: the derivative of x + f(x) contains the identity.

Sources: He et al. 2016, "Identity Mappings in Deep Residual Networks"; Elhage et al. 2021,
"A Mathematical Framework for Transformer Circuits" (the stream); Radford et al. 2019, section 2.3
(the scaled initialisation).
"""

from __future__ import annotations

import torch
from torch import Tensor

from gpt2lab.errors import InputError
from gpt2lab.trace import BlockTrace, GPT2Trace


def contributions(trace: GPT2Trace) -> dict[str, Tensor]:
    """What each part added to the stream, in the order it was added.

    Returns
    -------
    dict of (B, T, d_model)
        ``token``, ``position``, then ``attn 0``, ``ffn 0``, ``attn 1`` … Their sum is
        ``trace.resid_final``.

    Raises
    ------
    ValueError
        If the trace leaves blocks out (a sum with missing terms would mislead), or if its stream is
        no sum, as in the variants without residuals and with post-LN.
    """
    parts = {
        "token": trace.token_embedding,
        "position": trace.position_embedding.expand_as(trace.token_embedding),
    }
    for i, block in enumerate(all_blocks(trace)):
        if not torch.allclose(block.resid_mid, block.resid_pre + block.attn.out, atol=1e-4, rtol=1e-4):
            raise InputError(f"contributions needs a stream that parts add to; block {i} does not add, it replaces")
        parts[f"attn {i}"] = block.attn.out
        parts[f"ffn {i}"] = block.ffn.out
    return parts


def stream(trace: GPT2Trace) -> Tensor:
    """The stream before the first block and after each block: (n_layers + 1, B, T, d_model).

    Raises ValueError if the trace leaves blocks out.
    """
    return torch.stack([block.resid_pre for block in all_blocks(trace)] + [trace.resid_final])


def all_blocks(trace: GPT2Trace) -> tuple[BlockTrace, ...]:
    """The traces of all blocks; ValueError if one was not recorded."""
    blocks = []
    for i, block in enumerate(trace.blocks):
        if block is None:
            raise InputError(f"the sum needs a trace of all blocks, but block {i} is missing: trace(tokens)")
        blocks.append(block)
    return tuple(blocks)


def residual_init_scale(n_layers: int) -> float:
    """Factor on the initial weights of the 2·n_layers layers that write to the stream.

    Sums of N independent terms grow like sqrt(N), so each term starts 1 / sqrt(N) smaller.
    """
    if n_layers < 1:
        raise InputError(f"n_layers must be at least 1, got {n_layers}")
    return (2 * n_layers) ** -0.5
