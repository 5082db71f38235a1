"""interventions: what is switched off is off, everywhere, and comes back."""

from __future__ import annotations

import copy
import subprocess
import sys

import numpy as np
import pytest
import torch
from peers import random_model, random_tokens, twin
from torch.testing import assert_close

from gpt2lab.attention import merge_heads
from gpt2lab.config import GPT2Config
from gpt2lab.generation import generate
from gpt2lab.interventions import (
    ablate_attention,
    ablate_feedforward,
    ablate_heads,
    cut_edges,
    without_causal_mask,
    without_positions,
)

config = GPT2Config.tiny(vocab_size=50, context_length=40, n_layers=3, d_model=24, n_heads=3)
tokens = random_tokens(config, 2, 9)
reference = random_tokens(config, 4, 12, seed=1)


@pytest.fixture
def model():
    model = random_model(config, dtype=torch.float64)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter *= 10  # every part matters
    return model


INTERVENTIONS = {
    "heads, zero": lambda m: ablate_heads(m, [(0, 1), (2, 0)]),
    "heads, mean": lambda m: ablate_heads(m, [(0, 1), (2, 0)], mean=reference),
    "attention, zero": lambda m: ablate_attention(m, [1]),
    "attention, mean": lambda m: ablate_attention(m, [1], mean=reference),
    "feedforward, zero": lambda m: ablate_feedforward(m),
    "feedforward, mean": lambda m: ablate_feedforward(m, mean=reference),
    "no mask": lambda m: without_causal_mask(m),
    "no mask in one layer": lambda m: without_causal_mask(m, 1),
    "no positions": lambda m: without_positions(m),
}
every_intervention = pytest.mark.parametrize("name", INTERVENTIONS)


def hooks(model) -> int:
    """How many modules are not as they were."""
    return sum("forward" in vars(m) or len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


@every_intervention
def test_forward_and_trace_change_alike_and_come_back(model, name):
    before = model(tokens)
    with INTERVENTIONS[name](model) as inside:
        assert inside is model
        during = model(tokens)
        assert_close(model.trace(tokens).logits, during, atol=1e-11, rtol=0)
        assert (during - before).abs().max() > 1e-3
    assert torch.equal(model(tokens), before)
    assert hooks(model) == 0


@every_intervention
def test_generation_with_and_without_cache_follows_forward(model, name):
    with INTERVENTIONS[name](model):
        texts = [generate(model, tokens, 20, temperature=0, use_cache=c) for c in (True, False)]
        assert torch.equal(*texts)
        for end in range(9, 29):
            assert torch.equal(model(texts[0][:, :end])[:, -1].argmax(-1), texts[0][:, end])


@every_intervention
def test_restored_after_an_exception(model, name):
    before = model(tokens)
    with pytest.raises(KeyError, match="on purpose"), INTERVENTIONS[name](model):
        model(tokens)
        raise KeyError("on purpose")
    assert torch.equal(model(tokens), before)
    assert hooks(model) == 0
    assert model.causal


@every_intervention
@pytest.mark.parametrize("other", ["heads, mean", "attention, zero", "no mask in one layer", "no positions"])
def test_nesting_undoes_the_inner_one_first(model, name, other):
    with INTERVENTIONS[other](model):
        outer = model(tokens)
        with INTERVENTIONS[name](model):
            both = model(tokens)
            assert_close(model.trace(tokens).logits, both, atol=1e-11, rtol=0)
        assert torch.equal(model(tokens), outer)
    assert hooks(model) == 0 and model.causal


def test_a_zeroed_head_contributes_zero_and_the_others_as_before(model):
    attn = model.blocks[0].attn
    head_out = model.trace(tokens).blocks[0].attn.head_out.clone()
    head_out[:, 1] = 0
    expected = attn.out(merge_heads(head_out))
    with ablate_heads(model, [(0, 1)]):
        assert_close(model.trace(tokens).blocks[0].attn.out, expected, atol=1e-12, rtol=0)


def test_a_mean_ablated_head_gives_its_mean_over_the_reference(model):
    attn = model.blocks[1].attn
    head_out = model.trace(tokens).blocks[1].attn.head_out.clone()
    head_out[:, 2] = model.trace(reference).blocks[1].attn.head_out[:, 2].mean(dim=(0, 1))
    expected = attn.out(merge_heads(head_out))
    with ablate_heads(model, [(1, 2)], mean=reference):
        assert_close(model.trace(tokens).blocks[1].attn.out, expected, atol=1e-12, rtol=0)


def test_all_heads_zero_leaves_the_output_bias_and_no_attention_leaves_nothing(model):
    with ablate_heads(model, [(1, head) for head in range(3)]):
        out = model.trace(tokens).blocks[1].attn.out
        assert_close(out, model.blocks[1].attn.out.bias.expand_as(out), atol=1e-14, rtol=0)
    with ablate_attention(model, 1):
        block = model.trace(tokens).blocks[1]
        assert (block.attn.out == 0).all()
        assert torch.equal(block.resid_mid, block.resid_pre)


@pytest.mark.parametrize(("ablate", "part"), [(ablate_attention, "attn"), (ablate_feedforward, "ffn")])
def test_a_part_without_layers_means_all_layers(model, ablate, part):
    expected = [getattr(block, part).out.mean(dim=(0, 1)) for block in model.trace(reference).blocks]
    with ablate(model):
        assert all((getattr(block, part).out == 0).all() for block in model.trace(tokens).blocks)
    with ablate(model, mean=reference):
        for block, mean in zip(model.trace(tokens).blocks, expected, strict=True):
            out = getattr(block, part).out
            assert_close(out, mean.expand_as(out), atol=1e-14, rtol=0)


def test_zero_inside_mean_is_zero(model):
    with ablate_attention(model, [0], mean=reference), ablate_attention(model, [0]):
        assert (model.trace(tokens).blocks[0].attn.out == 0).all()


def test_mean_ablation_leaks_nothing_from_the_future(model):
    changed = tokens.clone()
    changed[:, -1] = (changed[:, -1] + 1) % 50
    heads = ablate_heads(model, [(0, 0), (1, 1)], mean=reference)
    with heads, ablate_feedforward(model, [2], mean=reference):
        assert_close(model(changed)[:, :-1], model(tokens)[:, :-1], atol=1e-12, rtol=0)


def test_a_silent_head_learns_nothing(model):
    with ablate_heads(model, [(0, 1)]):
        model(tokens).square().sum().backward()
    grad = model.blocks[0].attn.qkv.weight.grad.unflatten(0, (3, 3, 8))  # (q k v, head, d_head, d_model)
    assert (grad[:, 1] == 0).all()
    assert (grad[:, [0, 2]].abs().amax(dim=(2, 3)) > 0).all()


def test_without_positions_no_vector_is_added(model):
    with without_positions(model):
        trace = model.trace(tokens)
    assert (trace.position_embedding == 0).all()
    assert torch.equal(trace.blocks[0].resid_pre, trace.token_embedding)


def test_without_the_mask_every_position_sees_every_other(model):
    with without_causal_mask(model, [0, 2]):
        assert not model.causal
        blocks = model.trace(tokens).blocks
    assert blocks[0].attn.mask is None and blocks[2].attn.mask is None
    assert (blocks[0].attn.attn_weights > 0).all()
    assert (blocks[1].attn.attn_weights.triu(1) == 0).all()


@pytest.mark.parametrize(
    ("enter", "message"),
    [
        (lambda m: ablate_heads(m, [(3, 0)]), "layer must lie in 0 … 2, got 3"),
        (lambda m: ablate_heads(m, [(0, 3)]), "head must lie in 0 … 2, got 3"),
        (lambda m: ablate_heads(m, [(0, 1), (-1, 0)]), "layer must lie in 0 … 2, got -1"),
        (lambda m: ablate_heads(m, (0, 1)), r"pairs such as \[\(0, 3\)\], got \(0, 1\)"),
        (lambda m: ablate_heads(m, [0]), r"pairs such as \[\(0, 3\)\], got \[0\]"),
        (lambda m: ablate_heads(m, [(0.5, 1)]), "layer must lie in 0 … 2, got 0.5"),
        (lambda m: ablate_heads(m, [(0, True)]), "head must lie in 0 … 2, got True"),
        (lambda m: ablate_attention(m, [1.0]), "layer must lie in 0 … 2, got 1.0"),
        (lambda m: without_positions(torch.nn.Linear(1, 1)), r"without_positions needs a GPT2.*load_gpt2\(model\)"),
        (lambda m: ablate_attention(m, [7]), "layer must lie in 0 … 2, got 7"),
        (lambda m: ablate_feedforward(m, -1), "layer must lie in 0 … 2, got -1"),
        (lambda m: without_causal_mask(m, [0, 9]), "layer must lie in 0 … 2, got 9"),
        (lambda m: ablate_attention(m, mean=tokens[:, :0]), "tokens are empty"),
        (lambda m: ablate_heads(m, [(0, 0)], mean=tokens[0]), r"tokens must have shape \(B, T\)"),
    ],
)
def test_refuses_with_one_sentence_and_leaves_nothing_behind(model, enter, message):
    before = model(tokens)
    with pytest.raises(ValueError, match=message), enter(model):
        pass
    assert hooks(model) == 0 and torch.equal(model(tokens), before)


@pytest.mark.parametrize(
    "enter",
    [
        lambda m: ablate_heads(m, [(0, 0)]), lambda m: ablate_attention(m, [0]), lambda m: ablate_feedforward(m),
        lambda m: without_causal_mask(m), lambda m: without_positions(m),
        lambda m: cut_edges(m, 0, torch.zeros(9, 9, dtype=torch.bool)),
    ],
)  # fmt: skip
def test_a_transformers_model_is_told_the_detour(model, enter):
    with pytest.raises(ValueError, match=r"needs a GPT2 of gpt2lab, got GPT2LMHeadModel; .* load_gpt2\(model\)"):
        with enter(twin(model)):
            pass


def test_a_compiled_model_changes_and_comes_back():
    """All in a row, so that code made for one change would show in the next; in a fresh Python, because
    the shape checks of the tests cannot be compiled."""
    code = """
import torch
from torch.testing import assert_close
from gpt2lab import *
torch.manual_seed(0)
model = GPT2(GPT2Config.tiny(vocab_size=50)).double().eval()
tokens, reference = torch.randint(50, (2, 9)), torch.randint(50, (4, 12))
compiled = torch.compile(model, backend="eager")
before = compiled(tokens)
for given in (compiled, model):
    for enter in (
        lambda m: ablate_heads(m, [(0, 1)]), lambda m: ablate_heads(m, [(0, 2)]),
        lambda m: ablate_heads(m, [(0, 1)], mean=reference), lambda m: ablate_attention(m, [1]),
        lambda m: ablate_feedforward(m), lambda m: without_causal_mask(m), lambda m: without_positions(m),
    ):
        with enter(given), torch.no_grad():
            assert_close(compiled(tokens), model(tokens), atol=1e-11, rtol=0)
            assert (compiled(tokens) - before).abs().max() > 1e-6
        assert_close(compiled(tokens), before, atol=1e-11, rtol=0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def test_numpys_numbers_name_layers_and_heads(model):
    with ablate_heads(model, [(0, 1), (2, 0)]), ablate_attention(model, [1]):
        expected = model(tokens)
    pairs = np.array([[0, 1], [2, 0]])
    with ablate_heads(model, pairs), ablate_attention(model, np.int64(1)):
        assert torch.equal(model(tokens), expected)


@every_intervention
def test_a_copy_made_meanwhile_has_weights_of_its_own(model, name):
    with INTERVENTIONS[name](model):
        other = copy.deepcopy(model)
        with torch.no_grad():
            for parameter in other.parameters():
                parameter.mul_(1.5)
        copied = other(tokens)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(7)
    assert torch.equal(other(tokens), copied)


@every_intervention
def test_padded_rows_change_as_if_alone(model, name):
    mask = torch.ones_like(tokens, dtype=torch.bool)
    mask[0, :4] = False
    with INTERVENTIONS[name](model):
        together = model(tokens, mask)
        assert_close(model.trace(tokens, mask=mask).logits[mask], together[mask], atol=1e-11, rtol=0)
        assert_close(together[0, 4:], model(tokens[:1, 4:])[0], atol=1e-11, rtol=0)
