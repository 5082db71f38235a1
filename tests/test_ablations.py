"""Every variant is a working GPT-2: fast path, trace and cache agree."""

from __future__ import annotations

import pytest
import torch

from gpt2lab import GPT2, GPT2Config, ablate_feedforward, ablate_heads, generate
from gpt2lab.ablations import VARIANTS, NoResidualBlock, build, scale_init
from gpt2lab.residual import contributions, residual_init_scale

CONFIG = GPT2Config.tiny(vocab_size=50, context_length=12, d_model=16, n_heads=4, n_layers=3)
CAUSAL = [name for name in VARIANTS if name != "no-mask"]


def jittered(variant: str, seed: int = 0) -> GPT2:
    """Gains and biases off their special starting values, so that a forgotten one shows."""
    model = build(variant, CONFIG, seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in model.parameters():
            p += 0.05 * torch.randn(p.shape, generator=generator)
    return model.eval()


def tokens(B: int = 2, T: int = 9) -> torch.Tensor:
    return torch.randint(50, (B, T), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("layers", [None, [1]])
@pytest.mark.parametrize("variant", VARIANTS)
def test_forward_is_trace(variant: str, layers: list[int] | None) -> None:
    model = jittered(variant)
    torch.testing.assert_close(model(tokens()), model.trace(tokens(), layers).logits, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_cached_generation_is_uncached_generation(variant: str) -> None:
    model = jittered(variant)
    text = [generate(model, tokens(), 10, temperature=0, use_cache=cached) for cached in (True, False)]
    torch.testing.assert_close(*text)  # 9 + 10 tokens: the window slides as well


@pytest.mark.parametrize("variant", CAUSAL)
def test_the_cache_holds_what_the_whole_pass_computes(variant: str) -> None:
    from gpt2lab import KVCache

    model, x = jittered(variant), tokens()
    cache = KVCache(CONFIG)
    pieces = [model.hidden(part, cache) for part in x.split([4, 1, 3, 1], dim=1)]
    torch.testing.assert_close(torch.cat(pieces, dim=1), model.hidden(x), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_future_is_hidden_in_all_but_one(variant: str) -> None:
    model, x = jittered(variant), tokens()
    changed = x.clone()
    changed[:, 6] = (changed[:, 6] + 1) % 50
    same = torch.allclose(model(x)[:, :6], model(changed)[:, :6], atol=1e-6)
    assert same == (variant != "no-mask") == model.causal


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_weight_gets_a_gradient(variant: str) -> None:
    """A weight without one would be a leftover of the part that was swapped out."""
    model = jittered(variant).train()
    model(tokens(T=12)).log_softmax(-1).square().sum().backward()
    idle = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not idle


@pytest.mark.parametrize("variant", [name for name in VARIANTS if name != "gpt2"])
def test_every_variant_differs_from_gpt2(variant: str) -> None:
    x = tokens()
    difference = (jittered(variant)(x) - jittered("gpt2")(x)).abs().max()
    assert difference > 1e-3


def test_same_seed_same_weights_up_to_the_part_that_differs() -> None:
    base = build("gpt2", CONFIG, 3).state_dict()
    for variant in VARIANTS:
        for name, weight in build(variant, CONFIG, 3).state_dict().items():
            if variant == "no-scaled-init" and name.endswith(("attn.out.weight", "ffn.down.weight")):
                weight = weight * residual_init_scale(CONFIG.n_layers)
            if name in base:
                torch.testing.assert_close(weight, base[name], msg=f"{variant}: {name}")


def test_what_each_part_is_for_shows_in_the_trace() -> None:
    x = tokens()
    assert (
        build("no-scaling", CONFIG)
        .trace(x)
        .blocks[0]
        .attn.scores.equal(build("no-scaling", CONFIG).trace(x).blocks[0].attn.raw_scores)
    )
    post = build("post-ln", CONFIG).trace(x).blocks[1].resid_post
    torch.testing.assert_close(post.mean(-1), torch.zeros(2, 9), atol=1e-5, rtol=0)  # the stream is normalised
    assert (build("relu", CONFIG).trace(x).blocks[0].ffn.post >= 0).all()
    assert build("no-positions", CONFIG).trace(x).position_embedding.abs().max() == 0
    std = build("sinusoidal", CONFIG).trace(x).position_embedding.square().mean().sqrt()
    torch.testing.assert_close(std.item(), 0.02, atol=1e-4, rtol=0)
    assert not torch.equal(build("untied", CONFIG).output.weight, build("untied", CONFIG).token_embedding.weight)


def test_no_residual_is_a_chain_not_a_sum() -> None:
    block = build("no-residual", CONFIG).eval().blocks[0]
    assert isinstance(block, NoResidualBlock)
    x = torch.randn(1, 5, 16)
    torch.testing.assert_close(block(x), block.ffn(block.ln_2(block.attn(block.ln_1(x)))))


@pytest.mark.parametrize("variant", ["no-residual", "post-ln"])
def test_a_stream_that_is_no_sum_cannot_be_taken_apart(variant: str) -> None:
    with pytest.raises(ValueError, match="block 0 does not add"):
        contributions(build(variant, CONFIG).trace(tokens()))


def test_interventions_work_on_variants() -> None:
    model, x = jittered("no-ffn"), tokens()
    before = model(x)
    with ablate_feedforward(model):
        torch.testing.assert_close(model(x), before)  # there was nothing to silence
    rope = jittered("rope")
    with ablate_heads(rope, [(0, 1)]):
        torch.testing.assert_close(rope(x), rope.trace(x).logits, atol=1e-5, rtol=1e-5)


def test_unknown_variant_lists_the_known() -> None:
    with pytest.raises(ValueError, match="unknown variant 'no-norm'; known variants: gpt2, no-residual"):
        build("no-norm", CONFIG)


@pytest.mark.parametrize("variant", ["gpt2", "sinusoidal"])
def test_a_narrow_model_starts_with_weights_larger_by_the_root_of_the_widths(variant: str) -> None:
    """768 / 48 = 16 times narrower: 4 times larger, as scores of the same size need."""
    shape = CONFIG.with_(d_model=48)
    plain, scaled = build(variant, shape).state_dict(), scale_init(build(variant, shape)).state_dict()
    for name, weight in plain.items():
        factor = 4.0 if weight.ndim >= 2 or name == "position_embedding.std" else 1.0
        torch.testing.assert_close(scaled[name], factor * weight, msg=name)
