"""The two sizes that the benchmarks use, each as ours, as transformers' and as ``Plain``, with the same weights."""

from __future__ import annotations

import tempfile

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close
from transformers import GPT2LMHeadModel
from transformers.utils import logging

from gpt2lab.config import GPT2Config
from gpt2lab.model import GPT2
from gpt2lab.weights import load_gpt2, save_gpt2

# 0.9 million parameters: the size the course trains
SMALL = GPT2Config(vocab_size=512, context_length=512, n_layers=4, n_heads=4, d_model=128, dropout=0.0)
# the shape of the published GPT-2 small, with random weights: speed does not depend on their values
GPT2_SMALL = GPT2Config(dropout=0.0)
# for trying a benchmark's program
TINY = GPT2Config(vocab_size=64, context_length=32, n_layers=2, n_heads=2, d_model=16, dropout=0.0)


class PlainBlock(nn.Module):
    """A block of ``Plain``."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        width = config.d_model
        self.n_heads = config.n_heads
        self.ln_1, self.ln_2 = (nn.LayerNorm(width, eps=config.layer_norm_eps) for _ in range(2))
        self.attn = nn.ModuleDict({"qkv": nn.Linear(width, 3 * width), "out": nn.Linear(width, width)})
        self.ffn = nn.ModuleDict({"up": nn.Linear(width, config.d_ff), "down": nn.Linear(config.d_ff, width)})

    def forward(self, x: Tensor) -> Tensor:
        B, T, width = x.shape
        heads = self.attn["qkv"](self.ln_1(x)).view(B, T, 3, self.n_heads, -1)  # (B, T, 3, n_heads, d_head)
        q, k, v = heads.permute(2, 0, 3, 1, 4)  # 3 × (B, n_heads, T, d_head)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)  # (B, n_heads, T, d_head)
        x = x + self.attn["out"](mixed.transpose(1, 2).reshape(B, T, width))
        return x + self.ffn["down"](F.gelu(self.ffn["up"](self.ln_2(x)), approximate="tanh"))


class Plain(nn.Module):
    """GPT-2 in as little Python as will do, as in programs that only train it (nanoGPT is the best known).

    torch's kernels and nothing around them: no checks, no cache, no padding, no sockets, no dropout.
    What ours takes longer than this is what those cost. The parameters are named like ours.
    """

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.position_embedding = nn.Embedding(config.context_length, config.d_model)
        self.blocks = nn.Sequential(*(PlainBlock(config) for _ in range(config.n_layers)))
        self.ln_f = nn.LayerNorm(config.d_model, eps=config.layer_norm_eps)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T) -> logits (B, T, vocab_size)."""
        x = self.token_embedding(tokens) + self.position_embedding.weight[: tokens.shape[1]]  # (B, T, d_model)
        return F.linear(self.ln_f(self.blocks(x)), self.token_embedding.weight)


def plain(ours: GPT2) -> Plain:
    """``Plain`` with the weights of ours, in evaluation mode."""
    model = Plain(ours.config).eval()
    model.load_state_dict(ours.state_dict())
    tokens = prompt(ours.config, 1, 9)
    with torch.inference_mode():
        assert_close(ours(tokens), model(tokens), atol=1e-4, rtol=0)
    return model


def both(config: GPT2Config) -> tuple[GPT2, GPT2LMHeadModel]:
    """Ours and transformers', both loaded from the same files, in evaluation mode."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        save_gpt2(GPT2(config), folder)
        ours, theirs = load_gpt2(folder), GPT2LMHeadModel.from_pretrained(folder).eval()
    theirs.generation_config.eos_token_id = None  # else it may stop early
    theirs.generation_config.pad_token_id = 0
    tokens = prompt(config, 1, 9)
    with torch.inference_mode():
        assert_close(ours(tokens), theirs(tokens).logits, atol=1e-4, rtol=0)
    return ours, theirs


def prompt(config: GPT2Config, B: int, T: int) -> Tensor:
    """(B, T) random token ids."""
    return torch.randint(config.vocab_size, (B, T), generator=torch.Generator().manual_seed(1))
