"""The two models that the benchmarks use, each as ours and as transformers', with the same weights."""

from __future__ import annotations

import tempfile

import torch
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


def prompt(config: GPT2Config, B: int, T: int) -> torch.Tensor:
    """(B, T) random token ids."""
    return torch.randint(config.vocab_size, (B, T), generator=torch.Generator().manual_seed(1))
