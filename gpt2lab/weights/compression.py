"""Smaller models from a trained one: weights set to zero, heads taken out, numbers rounded.

Each function returns a changed copy. What it saves differs:

- A weight that is zero is stored and multiplied like any other, unless a format for sparse matrices and a
  kernel for them are used.
- A head that is taken out leaves smaller matrices: fewer numbers, fewer multiplications.
- A number of 8 bits takes a quarter of the memory of one of 32; these copies hold the rounded values in
  float32, so that any model can be measured with them.

Sources: Han et al. 2015, "Learning both Weights and Connections for Efficient Neural Networks" (magnitude
pruning); Michel, Levy, Neubig 2019, "Are Sixteen Heads Really Better than One?" (heads); Dettmers et al.
2022, "LLM.int8()" (one scale per row).
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from gpt2lab.errors import InputError, as_real, shown, validates, whole_number
from gpt2lab.interventions import head_pairs
from gpt2lab.model import GPT2, plain_model


@validates
def zero_smallest(model: GPT2, share: float) -> GPT2:
    """A copy in which the smallest weights of each matrix are zero.

    Parameters
    ----------
    share : float
        Of the weights of each linear layer in the blocks, from 0 to 1. Embeddings, biases and layer norms stay.

    Raises
    ------
    InputError
        If the share is not a number from 0 to 1, or the model is not a GPT2.
    """
    number = as_real(share)
    if not 0 <= number <= 1:
        raise InputError(f"share must be a number from 0 to 1, got {shown(share)}")
    smaller = copy.deepcopy(plain_model(model, "zero_smallest"))
    for linear in _matrices(smaller):
        weight = linear.weight.data  # (d_out, d_in)
        smallest = weight.abs().flatten().argsort()[: round(number * weight.numel())]
        weight.view(-1)[smallest] = 0.0
    return smaller


@validates
def remove_heads(model: GPT2, heads: Iterable[tuple[int, int]]) -> GPT2:
    """A copy without some heads: it computes what ``ablate_heads`` gives, with smaller matrices.

    Parameters
    ----------
    heads : list of (layer, head) pairs
        At least one head must stay in every layer.

    Raises
    ------
    InputError
        If a pair is not in the model, a layer would lose all its heads, or the model is not a GPT2.
    """
    gpt2 = plain_model(model, "remove_heads")
    pairs = set(head_pairs(gpt2, heads))
    smaller = copy.deepcopy(gpt2)
    for layer, block in enumerate(smaller.blocks):
        attn = block.attn
        kept = [head for head in range(attn.n_heads) if (layer, head) not in pairs]
        if not kept:
            raise InputError(f"layer {layer} would lose all its {attn.n_heads} heads: keep at least one")
        if len(kept) == attn.n_heads:
            continue
        features = torch.arange(attn.n_heads * attn.d_head).view(attn.n_heads, attn.d_head)[kept].flatten()
        rows = torch.cat([features + i * attn.n_heads * attn.d_head for i in range(3)])  # of q, k and v
        attn.qkv = _linear(attn.qkv.weight[rows], attn.qkv.bias[rows])
        attn.out = _linear(attn.out.weight[:, features], attn.out.bias)
        attn.n_heads = len(kept)
    return smaller


@validates
def round_weights(model: GPT2, bits: int = 8) -> GPT2:
    """A copy whose matrices hold only as many different values as so many bits can say.

    Every row of a matrix has a scale of its own, its largest magnitude divided by 2^(bits-1) - 1; a weight
    becomes the nearest whole multiple of it. The embeddings are rounded as well.

    Parameters
    ----------
    bits : int
        From 2 to 16.

    Raises
    ------
    InputError
        For another number of bits, or if the model is not a GPT2.
    """
    bits = whole_number("bits", bits, 2)
    if bits > 16:
        raise InputError(f"bits must lie in 2 … 16, got {bits}")
    smaller = copy.deepcopy(plain_model(model, "round_weights"))
    tables = (module for module in smaller.children() if isinstance(module, nn.Embedding))
    for weight in [*(linear.weight for linear in _matrices(smaller)), *(table.weight for table in tables)]:
        weight.data = rounded(weight.data, bits)
    return smaller


def rounded(weight: Tensor, bits: int) -> Tensor:
    """The rows of (d_out, d_in), each rounded to the multiples of its own scale."""
    largest = 2 ** (bits - 1) - 1
    scale = (weight.abs().amax(dim=-1, keepdim=True) / largest).clamp_min(torch.finfo(weight.dtype).tiny)  # (d_out, 1)
    return (weight / scale).round() * scale


def _matrices(model: GPT2) -> Iterator[nn.Linear]:
    """The linear layers of the blocks."""
    return (module for block in model.blocks for module in block.modules() if isinstance(module, nn.Linear))


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    linear = nn.Linear(weight.shape[1], weight.shape[0], device=weight.device, dtype=weight.dtype)
    linear.weight = nn.Parameter(weight.detach().clone())
    linear.bias = nn.Parameter(bias.detach().clone())
    return linear
