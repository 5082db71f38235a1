"""Rows of different length in one batch, in every variant: each row is computed and continued as if alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from gpt2lab import GPT2, GPT2Config, generate
from gpt2lab.ablations import VARIANTS, build
from gpt2lab.attention.cache import KVCache
from gpt2lab.positions import RelativeBiasAttention, SinusoidalPositions
from gpt2lab.studies.depth import ReLUAfterAddBlock
from gpt2lab.studies.length import KINDS as LENGTH_KINDS

CONFIG = GPT2Config.tiny(vocab_size=50, context_length=24, d_model=24, n_heads=4, n_layers=2)


def relative_bias(config: GPT2Config, seed: int) -> GPT2:
    """T5's bias in the place of GPT-2's positions."""
    model = build("no-positions", config, seed)
    for block in model.blocks:
        block.attn = RelativeBiasAttention(config, n_buckets=8, max_distance=16)
    return model


def plain_sinusoids(config: GPT2Config, seed: int) -> GPT2:
    """The table of 2017 at its full size."""
    model = build("gpt2", config, seed)
    model.position_embedding = SinusoidalPositions(config)
    return model


def relu_after_add(config: GPT2Config, seed: int) -> GPT2:
    """The block of the study on depth."""
    model = build("gpt2", config, seed)
    for i in range(config.n_layers):
        model.blocks[i] = ReLUAfterAddBlock(config)
    return model


def variant(name: str):
    return lambda config, seed: build(name, config, seed)


MAKE = {name: variant(name) for name in VARIANTS} | {
    "relative bias": relative_bias,
    "plain sinusoids": plain_sinusoids,
    "ReLU after the sum": relu_after_add,
}
assert set(LENGTH_KINDS.values()) <= set(VARIANTS)


def lively(name: str, seed: int, dtype: torch.dtype = torch.float32, std: float = 0.1) -> GPT2:
    """Random weights of which none is idle: positions and what stands at other tokens show in the logits."""
    model = MAKE[name](CONFIG, seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += std * torch.randn(parameter.shape, generator=generator)
    return model.to(dtype).eval()


def padded(seed: int, B: int = 4, T: int = 13) -> tuple[Tensor, Tensor]:
    """Tokens and mask, (B, T) both: the first row padded in front, the second behind, the others anyhow."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(CONFIG.vocab_size, (B, T), generator=generator)
    mask = torch.zeros(B, T, dtype=torch.bool)
    for i, row in enumerate(mask):
        length = int(torch.randint(1, T, (1,), generator=generator))
        start = [T - length, 0][i] if i < 2 else int(torch.randint(0, T - length + 1, (1,), generator=generator))
        row[start : start + length] = True
    return tokens, mask


@torch.no_grad()
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", MAKE)
def test_each_row_is_computed_as_if_alone(name: str, seed: int) -> None:
    model, (tokens, mask) = lively(name, seed), padded(seed)
    together = {"forward": model(tokens, mask)}
    for layers in (None, [1]):
        together[f"trace of {layers}"] = model.trace(tokens, layers, mask).logits
    if model.causal:
        cache, pieces = KVCache(CONFIG), zip(tokens.split(4, dim=1), mask.split(4, dim=1), strict=True)
        together["cache"] = torch.cat([model.unembed(model.hidden(*[t, cache, m])) for t, m in pieces], dim=1)
    for row, real in enumerate(mask):
        alone = model(tokens[row, real][None])[0]
        for way, logits in together.items():
            assert_close(logits[row, real], alone, atol=1e-5, rtol=0, msg=lambda text, way=way: f"{way}: {text}")


@pytest.mark.parametrize("use_cache", [True, False])
@pytest.mark.parametrize("name", MAKE)
def test_each_row_is_continued_as_if_alone(name: str, use_cache: bool) -> None:
    """Past the end of the context as well: the longest row has 17 tokens, the context 24."""
    model = lively(name, 2, torch.float64, std=0.3)  # near-ties are then decided by the weights
    rows = [torch.arange(start, start + length).tolist() for start, length in ((3, 17), (1, 1), (20, 9))]
    alone = [generate(model, [row], 12, temperature=0, use_cache=use_cache)[0] for row in rows]
    assert generate(model, rows, 12, temperature=0, use_cache=use_cache) == alone
    assert len({tuple(row[-12:]) for row in alone}) > 1, "the prompt matters"


@pytest.mark.parametrize("part", range(10))
def test_200_random_batches_are_continued_as_if_alone(part: int) -> None:
    """Twenty in each part. The logits of 200 batches are compared in test_model.py, padded on either side."""
    model = lively("gpt2", 2, torch.float64, std=0.3)
    for seed in range(20 * part, 20 * part + 20):
        generator = torch.Generator().manual_seed(seed)
        lengths = torch.randint(1, 23, (3,), generator=generator).tolist()
        rows = [torch.randint(50, (length,), generator=generator).tolist() for length in lengths]
        alone = [generate(model, [row], 4, temperature=0)[0] for row in rows]
        for use_cache in (True, False):
            assert generate(model, rows, 4, temperature=0, use_cache=use_cache) == alone, (lengths, use_cache)


@torch.no_grad()
@pytest.mark.parametrize("name", ["gpt2", "rope", "alibi", "sinusoidal", "relative bias", "plain sinusoids"])
def test_positions_matter_to_these_models(name: str) -> None:
    """Else the tests above would pass with wrong positions: the same tokens, moved without a mask, give others."""
    model, (tokens, mask) = lively(name, 0), padded(0)
    moved = torch.where(mask, tokens, 7)
    assert (model(moved)[0, mask[0]] - model(tokens, mask)[0, mask[0]]).abs().max() > 1e-3
