"""GPT-2 as transformers writes it, given our weights; and random models to compare on.

The name mapping here is written without ``gpt2lab.weights``, so that a mistake there cannot hide.
"""

from __future__ import annotations

import random

import torch
from hypothesis import HealthCheck, settings
from torch import Tensor
from transformers import GPT2Config as TheirConfig
from transformers import GPT2LMHeadModel

from gpt2lab.config import GPT2Config
from gpt2lab.model import GPT2

# Reproducible, so that a green run on one machine is a green run on the next.
properties = settings(deadline=None, max_examples=40, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def random_config(seed: int) -> GPT2Config:
    """A GPT-2 of random shape, with room for a prompt and 40 new tokens."""
    pick = random.Random(seed)
    n_heads = pick.choice([1, 2, 3, 4, 6, 8])
    d_model = n_heads * pick.choice([2, 4, 5, 8, 16])
    return GPT2Config(
        vocab_size=pick.randint(11, 400),
        context_length=pick.randint(64, 100),
        n_layers=pick.randint(1, 5),
        n_heads=n_heads,
        d_model=d_model,
        d_ff=pick.choice([None, None, d_model, 3 * d_model + 1]),
        dropout=pick.choice([0.0, 0.1]),
        layer_norm_eps=pick.choice([1e-5, 1e-6, 1e-3]),
    )


def random_model(config: GPT2Config, seed: int = 0, dtype: torch.dtype = torch.float32) -> GPT2:
    """GPT-2's initialisation, with gains and biases moved by 0.02 so that none of them is idle."""
    torch.manual_seed(seed)
    model = GPT2(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 1:
                parameter += 0.02 * torch.randn_like(parameter)
            assert parameter.ndim in (1, 2), name
    return model.to(dtype).eval()


def random_tokens(config: GPT2Config, B: int, T: int, seed: int = 0) -> Tensor:
    """(B, T) token ids."""
    return torch.randint(config.vocab_size, (B, T), generator=torch.Generator().manual_seed(seed))


def their_config(config: GPT2Config, attention: str = "eager") -> TheirConfig:
    """The same sizes in transformers' names."""
    return TheirConfig(
        vocab_size=config.vocab_size,
        n_positions=config.context_length,
        n_embd=config.d_model,
        n_layer=config.n_layers,
        n_head=config.n_heads,
        n_inner=config.d_ff,
        layer_norm_epsilon=config.layer_norm_eps,
        resid_pdrop=config.dropout,
        embd_pdrop=config.dropout,
        attn_pdrop=config.dropout,
        bos_token_id=None,
        eos_token_id=None,  # else generate would stop early
        attn_implementation=attention,
    )


def copy_linear(theirs: torch.nn.Module, ours: torch.nn.Linear) -> None:
    """Conv1D keeps its weight as (in, out), nn.Linear as (out, in)."""
    theirs.weight.copy_(ours.weight.T)
    theirs.bias.copy_(ours.bias)


@torch.no_grad()
def copy_block(theirs: torch.nn.Module, ours: torch.nn.Module) -> None:
    """One block's weights, part by part."""
    for name in ("ln_1", "ln_2"):
        getattr(theirs, name).load_state_dict(getattr(ours, name).state_dict())
    copy_linear(theirs.attn.c_attn, ours.attn.qkv)
    copy_linear(theirs.attn.c_proj, ours.attn.out)
    copy_linear(theirs.mlp.c_fc, ours.ffn.up)
    copy_linear(theirs.mlp.c_proj, ours.ffn.down)


@torch.no_grad()
def twin(model: GPT2, attention: str = "eager") -> GPT2LMHeadModel:
    """transformers' GPT-2 with the weights of ours, in evaluation mode."""
    theirs = GPT2LMHeadModel(their_config(model.config, attention))
    theirs = theirs.to(model.token_embedding.weight.dtype)
    theirs.transformer.wte.weight.copy_(model.token_embedding.weight)
    theirs.transformer.wpe.weight.copy_(model.position_embedding.weight)
    theirs.transformer.ln_f.load_state_dict(model.ln_f.state_dict())
    for their_block, block in zip(theirs.transformer.h, model.blocks, strict=True):
        copy_block(their_block, block)
    theirs.tie_weights()
    return theirs.eval()
