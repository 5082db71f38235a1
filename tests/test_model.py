"""model: GPT-2 against transformers', its initialisation, its properties, and what it refuses."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from peers import properties, random_config, random_model, random_tokens, twin
from torch.testing import assert_close

from gpt2lab.config import GPT2Config
from gpt2lab.generation import KVCache
from gpt2lab.interventions import without_causal_mask, without_positions
from gpt2lab.model import GPT2
from gpt2lab.tokenizer.tokens import readable

DOUBLE = torch.float64


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("dtype", "atol"), [(torch.float32, 1e-5), (DOUBLE, 1e-10)])
def test_agrees_with_transformers(seed, dtype, atol):
    config = random_config(seed)
    model = random_model(config, seed, dtype)
    tokens = random_tokens(config, 2, 5 + 3 * seed)
    with torch.no_grad():
        expected = twin(model)(tokens).logits
        assert_close(model(tokens), expected, atol=atol, rtol=0)
        assert_close(model.trace(tokens).logits, expected, atol=atol, rtol=0)


def test_loss_and_gradients_agree_with_transformers():
    config = random_config(4).with_(dropout=0.0)
    model = random_model(config, 4, DOUBLE).train()
    theirs = twin(model).train()
    tokens = random_tokens(config, 3, 20)
    losses = []
    for logits in (model(tokens), theirs(tokens).logits):
        losses.append(F.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten()))
        losses[-1].backward()
    assert_close(losses[0], losses[1], atol=1e-10, rtol=0)
    block, their_block = model.blocks[0], theirs.transformer.h[0]
    for ours, other in [
        (model.token_embedding.weight.grad, theirs.transformer.wte.weight.grad),
        (model.position_embedding.weight.grad, theirs.transformer.wpe.weight.grad),
        (block.attn.qkv.weight.grad.T, their_block.attn.c_attn.weight.grad),
        (block.ffn.down.bias.grad, their_block.mlp.c_proj.bias.grad),
        (block.ln_1.weight.grad, their_block.ln_1.weight.grad),
    ]:
        assert_close(ours, other, atol=1e-10, rtol=0)


# initialisation


@pytest.mark.parametrize("n_layers", [1, 2, 8])
def test_initialisation_follows_the_formula(n_layers):
    torch.manual_seed(0)
    model = GPT2(GPT2Config(vocab_size=500, context_length=200, n_layers=n_layers, n_heads=4, d_model=192))
    writers = ("attn.out.weight", "ffn.down.weight")
    for name, parameter in model.named_parameters():
        if parameter.ndim == 1:
            is_gain = "ln_" in name and name.endswith("weight")
            assert_close(parameter, torch.full_like(parameter, float(is_gain)), atol=0, rtol=0)
            continue
        expected = 0.02 / math.sqrt(2 * n_layers) if name.endswith(writers) else 0.02
        # the standard error of a standard deviation from n numbers is std / sqrt(2n); take five
        tolerance = 5 * expected / math.sqrt(2 * parameter.numel())
        assert abs(parameter.std().item() - expected) < tolerance, name
        assert abs(parameter.mean().item()) < 5 * expected / math.sqrt(parameter.numel()), name


def test_untrained_logits_are_close_to_a_uniform_guess():
    model = random_model(GPT2Config.tiny(vocab_size=300))
    tokens = random_tokens(model.config, 4, 60)
    loss = F.cross_entropy(model(tokens)[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())
    assert_close(loss.item(), math.log(300), atol=0.05, rtol=0)  # nats


def test_the_output_layer_is_the_embedding_itself():
    model = random_model(GPT2Config.tiny(vocab_size=40))
    x = torch.randn(2, 32)
    assert_close(model.unembed(x), x @ model.token_embedding.weight.T)
    assert not [name for name, _ in model.named_parameters() if "head" in name]
    with torch.no_grad():
        model.token_embedding.weight.zero_()
    assert (model.unembed(x) == 0).all()


# properties

small = GPT2Config.tiny(vocab_size=50, context_length=32, n_layers=3, d_model=24, n_heads=3)


@st.composite
def tokens_and_change(draw):
    """Tokens (1, T), and the same tokens with everything from position t on replaced."""
    ids = st.integers(0, 49)
    before = draw(st.lists(ids, max_size=15))
    here = draw(st.lists(ids, min_size=1, max_size=15))
    there = draw(st.lists(ids, min_size=len(here), max_size=len(here)))
    return torch.tensor([before + here]), torch.tensor([before + there]), len(before)


@properties
@given(tokens_and_change())
def test_no_change_reaches_an_earlier_position(case):
    tokens, changed, t = case
    model = random_model(small, dtype=DOUBLE)
    assert_close(model(changed)[:, :t], model(tokens)[:, :t], atol=1e-12, rtol=0)
    first, second = model.trace(tokens), model.trace(changed)
    for one, other in zip(first.blocks, second.blocks, strict=True):
        assert_close(one.resid_post[:, :t], other.resid_post[:, :t], atol=1e-12, rtol=0)
        assert (one.attn.attn_weights.masked_select(~one.attn.mask) == 0).all()


@pytest.mark.parametrize("way", ["forward", "trace", "cache"])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_no_change_reaches_an_earlier_position_with_dropout_in_any_mode(way, training, dropout):
    model = random_model(small.with_(dropout=dropout), dtype=DOUBLE).train(training)
    tokens = random_tokens(small, 3, 15)

    def logits(tokens):
        torch.manual_seed(1)  # the same numbers are dropped
        if way == "cache":
            cache = KVCache(small)
            return torch.cat([model.unembed(model.hidden(part, cache)) for part in tokens.split(4, dim=1)], dim=1)
        return model(tokens) if way == "forward" else model.trace(tokens).logits

    before = logits(tokens)
    for t in (1, 7, 14):
        changed = torch.cat([tokens[:, :t], (tokens[:, t:] + 9) % 50], dim=1)
        after = logits(changed)
        assert_close(after[:, :t], before[:, :t], atol=1e-12, rtol=0)
        assert (after[:, t:] - before[:, t:]).abs().max() > 1e-3


@properties
@given(st.integers(1, 31), st.integers(1, 31), st.integers(0, 10**6))
def test_longer_texts_leave_earlier_logits_alone(T, more, seed):
    model = random_model(small, dtype=DOUBLE)
    tokens = random_tokens(small, 2, min(T + more, 32), seed)
    assert_close(model(tokens[:, :T]), model(tokens)[:, :T], atol=1e-12, rtol=0)


def test_the_leak_test_sees_a_leak():
    model = random_model(small, dtype=DOUBLE)
    tokens = random_tokens(small, 1, 10)
    changed = tokens.clone()
    changed[0, -1] = (changed[0, -1] + 1) % 50
    with without_causal_mask(model, layers=[1]):
        assert (model(changed)[:, :9] - model(tokens)[:, :9]).abs().max() > 1e-8


@properties
@given(st.integers(1, 3), st.integers(1, 32), st.integers(0, 10**6))
def test_forward_equals_trace_and_rows_sum_to_one(B, T, seed):
    model = random_model(small, seed)
    tokens = random_tokens(small, B, T, seed)
    trace = model.trace(tokens)
    assert_close(model(tokens), trace.logits, atol=1e-5, rtol=0)
    for block in trace.blocks:
        assert_close(block.attn.attn_weights.sum(-1), torch.ones(B, 3, T), atol=1e-6, rtol=0)


@properties
@given(st.lists(st.integers(0, 49), min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_without_mask_and_positions_order_means_nothing(ids, random):
    model = random_model(small, dtype=DOUBLE)
    order = list(range(len(ids)))
    random.shuffle(order)
    tokens = torch.tensor([ids])
    with without_causal_mask(model), without_positions(model):
        assert_close(model(tokens[:, order]), model(tokens)[:, order], atol=1e-12, rtol=0)


@properties
@given(st.lists(st.integers(1, 6), min_size=1, max_size=5), st.integers(0, 10**6))
def test_step_by_step_with_a_cache_equals_the_full_pass(pieces, seed):
    model = random_model(small, dtype=DOUBLE)
    tokens = random_tokens(small, 2, sum(pieces), seed)
    cache = KVCache(small)
    logits = [model.unembed(model.hidden(piece, cache)) for piece in tokens.split(pieces, dim=1)]
    assert_close(torch.cat(logits, dim=1), model(tokens), atol=1e-12, rtol=0)
    assert cache.length == sum(pieces)


def test_samples_of_a_batch_do_not_see_each_other():
    model = random_model(small, dtype=DOUBLE)
    tokens = random_tokens(small, 4, 12)
    alone = torch.cat([model(row[None]) for row in tokens])
    assert_close(model(tokens), alone, atol=1e-12, rtol=0)


def test_int32_tokens_are_tokens_too():
    model = random_model(small)
    tokens = random_tokens(small, 2, 5)
    assert torch.equal(model(tokens.int()), model(tokens))


# training mode


def test_dropout_only_while_training_and_never_in_a_trace():
    model = random_model(small.with_(dropout=0.3))
    tokens = random_tokens(small, 2, 10)
    still = model(tokens)
    assert torch.equal(still, model(tokens))
    model.train()
    assert not torch.equal(model(tokens), model(tokens))
    assert_close(model.trace(tokens).logits, still, atol=1e-5, rtol=0)
    assert_close(model.trace(tokens, layers=[1]).logits, still, atol=1e-5, rtol=0)
    assert model.training and model.blocks[0].attn.training
    model.eval().blocks[0].ffn.train()  # as when a part is trained by itself
    assert_close(model.trace(tokens, layers=[1]).logits, still, atol=1e-5, rtol=0)
    assert model.blocks[0].ffn.training and not model.blocks[0].training


# refusals


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (torch.zeros(1, 33, dtype=torch.long), "has 33 tokens, but context_length is 32"),
        (torch.zeros(1, 0, dtype=torch.long), r"empty \(shape \(1, 0\)\): GPT-2 needs at least one token"),
        (torch.zeros(0, 3, dtype=torch.long), r"empty \(shape \(0, 3\)\)"),
        (torch.tensor([[1, 50]]), r"token ids must lie in \[0, 50\), got 50"),
        (torch.tensor([[1, -1]]), r"token ids must lie in \[0, 50\), got -1"),
        (torch.tensor([1, 2]), r"shape \(B, T\), got \(2,\); for one sequence use torch.tensor\(\[ids\]\)"),
        (torch.tensor([[1.0, 2.0]]), r"token ids \(torch.long\), got torch.float32"),
        (torch.tensor([[True]]), r"token ids \(torch.long\), got torch.bool"),
    ],
)
@pytest.mark.parametrize("entry", ["forward", "hidden", "trace"])
@pytest.mark.parametrize("training", [False, True])
def test_bad_tokens_get_one_sentence(tokens, message, entry, training):
    model = random_model(small).train(training)
    with pytest.raises(ValueError, match=message):
        getattr(model, entry)(tokens)


def test_a_list_of_ids_gets_one_sentence():
    """In a fresh Python: under pytest the type checker would answer before the model does."""
    code = """
from gpt2lab import GPT2, GPT2Config, generate, layer_norm
model = GPT2(GPT2Config.tiny())
for call in (model, model.trace, lambda tokens: generate(model, tokens, 3)):
    try:
        call([1, 2, 3])
    except ValueError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    sentences = done.stdout.splitlines()
    assert sentences[:2] == 2 * ["tokens must be a tensor of token ids (torch.long), got list"]
    assert sentences[2].endswith("or a list of lists such as [[1, 2], [3]], got 1 as row 0")
    assert done.stderr == ""


def test_a_full_cache_is_refused():
    model = random_model(small)
    cache = KVCache(small)
    model.hidden(random_tokens(small, 1, 30), cache)
    with pytest.raises(ValueError, match="has 33 tokens, but context_length is 32"):
        model.hidden(random_tokens(small, 1, 3), cache)


@pytest.mark.parametrize("layers", [[3], [-1], [0, 99]])
def test_trace_refuses_layers_that_do_not_exist(layers):
    with pytest.raises(ValueError, match="layers must lie in 0 … 2, got"):
        random_model(small).trace(random_tokens(small, 1, 4), layers=layers)


def test_the_blocks_one_at_a_time_are_those_of_the_trace():
    model, tokens = GPT2(GPT2Config.tiny(vocab_size=50)).train(), torch.randint(50, (2, 9))
    whole = model.trace(tokens)
    for one, block in zip(model.trace_blocks(tokens), whole.blocks, strict=True):
        assert_close(one.resid_post, block.resid_post, atol=0, rtol=0)
        assert_close(one.attn.attn_weights, block.attn.attn_weights, atol=0, rtol=0)
    with pytest.raises(ValueError, match=r"token ids must lie in \[0, 50\)"):
        next(model.trace_blocks(tokens + 50))


# rows of different length


def padded(B, T, seed):
    """Tokens (B, T) and a mask (B, T): each row has its own length and its padding on either side."""
    generator = torch.Generator().manual_seed(seed)
    tokens, mask = random_tokens(small, B, T, seed), torch.zeros(B, T, dtype=torch.bool)
    for row in mask:
        length = int(torch.randint(1, T + 1, (1,), generator=generator))
        start = int(torch.randint(0, T - length + 1, (1,), generator=generator))
        row[start : start + length] = True
    return tokens, mask


@pytest.mark.parametrize("seed", range(200))
def test_padded_rows_are_computed_as_if_alone(seed):
    model = random_model(small, seed)
    with torch.no_grad():
        model.position_embedding.weight *= 20  # positions matter
    tokens, mask = padded(4, 4 + seed % 29, seed)
    with torch.no_grad():
        logits, trace = model(tokens, mask), model.trace(tokens, layers=[0, 2], mask=mask)
        cache = KVCache(small)
        parts = [
            model.unembed(model.hidden(part, cache, real))
            for part, real in zip(tokens.split(3, dim=1), mask.split(3, dim=1), strict=True)
        ]
        assert not logits.isnan().any() and not trace.logits.isnan().any()
        for i, (row, real) in enumerate(zip(tokens, mask, strict=True)):
            alone = model(row[real][None])[0]
            for together in (logits, trace.logits, torch.cat(parts, dim=1)):
                assert_close(together[i, real], alone, atol=1e-5, rtol=0)
            weights = trace.blocks[2].attn.attn_weights[i][:, real]
            assert (weights[..., ~real] == 0).all()


def test_the_text_of_the_padding_reaches_no_token():
    model = random_model(small, dtype=DOUBLE)
    tokens, mask = padded(3, 12, 5)
    mask[0] = torch.arange(12) >= 5  # in front of its tokens, where the causal mask would not hide it
    other = torch.where(mask, tokens, (tokens + 7) % 50)
    assert_close(model(tokens, mask)[mask], model(other, mask)[mask], atol=0, rtol=0)
    assert (model(tokens)[mask] - model(other)[mask]).abs().max() > 1e-6


def test_a_mask_without_padding_changes_nothing():
    model, tokens = random_model(small), random_tokens(small, 2, 9)
    assert torch.equal(model(tokens, torch.ones(2, 9, dtype=torch.bool)), model(tokens))


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (torch.ones(2, 3), r"must be boolean \(True = a real token\) .* \(2, 3\), got torch.float32 \(2, 3\)"),
        (torch.ones(2, 4, dtype=torch.bool), r"shape of the tokens \(2, 3\), got torch.bool \(2, 4\)"),
        ([[True] * 3] * 2, "got list"),
        (torch.tensor([[True, True, True], [True, False, True]]), "row 1 has padding between its tokens"),
        (torch.tensor([[False, False, False], [True, True, True]]), "row 0 has no real token"),
    ],
)
@pytest.mark.parametrize("entry", ["forward", "hidden", "trace"])
def test_a_mask_that_means_nothing_gets_one_sentence(mask, message, entry):
    with pytest.raises(ValueError, match=message):
        getattr(random_model(small), entry)(random_tokens(small, 2, 3), mask=mask)


# where values cannot be read


def test_shapes_alone_pass_on_the_meta_device():
    with torch.device("meta"):
        logits = GPT2(small).eval()(torch.zeros(2, 5, dtype=torch.long))
    assert logits.shape == (2, 5, 50) and logits.is_meta


def test_vmap_runs_one_sample_at_a_time():
    model, tokens = random_model(small), random_tokens(small, 3, 7)
    assert_close(torch.vmap(lambda row: model(row[None])[0])(tokens), model(tokens), atol=1e-5, rtol=0)


@pytest.mark.filterwarnings("ignore:.*jit:DeprecationWarning")
def test_values_are_not_read_while_a_graph_is_traced():
    """What is read becomes a constant of the graph."""
    seen = []

    def step(tokens):
        seen.append(readable(tokens))
        return tokens + 1

    torch.jit.trace(step, torch.zeros(1, 3, dtype=torch.long), check_trace=False)
    assert seen and not any(seen) and readable(torch.zeros(1, 3))


def test_export_records_the_whole_model():
    """In a fresh Python: the shape checks of the tests are no part of the graph."""
    code = """
import torch
from gpt2lab import GPT2, GPT2Config
model = GPT2(GPT2Config.tiny(vocab_size=50)).eval()
tokens = torch.randint(50, (2, 7))
graph = torch.export.export(model, (tokens,)).module()
torch.testing.assert_close(graph(tokens), model(tokens), atol=1e-5, rtol=0)
whole = torch.compile(model, backend="eager", fullgraph=True)
torch.testing.assert_close(whole(tokens), model(tokens), atol=1e-5, rtol=0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
