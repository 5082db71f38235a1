"""generation: the same text as transformers', with and without the cache; what sampling keeps."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from peers import properties, random_config, random_model, random_tokens, twin
from torch.testing import assert_close
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from gpt2lab.attention.cache import KVCache, LayerCache
from gpt2lab.config import GPT2Config
from gpt2lab.generation import generate, generate_steps, next_token_probabilities
from gpt2lab.interventions import without_causal_mask

DOUBLE = torch.float64  # near-ties are then decided by the weights, not by the order of additions
small = GPT2Config.tiny(vocab_size=50, context_length=24, d_model=24, n_heads=3)


def lively(config: GPT2Config = small, seed: int = 0):
    """Weights large enough that the text is not one token repeated."""
    model = random_model(config, seed, DOUBLE)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter *= 12
        model.position_embedding.weight *= 4
    return model


# the same text


@pytest.mark.parametrize("seed", range(20))
def test_greedy_text_equals_transformers_with_and_without_cache(seed):
    config = random_config(seed)
    model = random_model(config, seed, DOUBLE)
    tokens = random_tokens(config, 2, 1 + seed)
    expected = twin(model).generate(
        tokens,
        attention_mask=torch.ones_like(tokens),  # else prompt tokens equal to pad_token_id are masked
        max_new_tokens=40,
        do_sample=False,
        pad_token_id=0,
    )
    assert expected.shape == (2, 1 + seed + 40)
    for use_cache in (True, False):
        assert torch.equal(generate(model, tokens, 40, temperature=0, use_cache=use_cache), expected)


@pytest.mark.parametrize("seed", [0, 1, 3, 4])
def test_livelier_text_equals_transformers_too(seed):
    config = random_config(seed)
    model = lively(config, seed)
    tokens = random_tokens(config, 2, 7)
    expected = twin(model).generate(
        tokens, attention_mask=torch.ones_like(tokens), max_new_tokens=40, do_sample=False, pad_token_id=0
    )
    assert len(expected[0, 7:].unique()) > 3
    assert torch.equal(generate(model, tokens, 40, temperature=0), expected)


@properties
@given(st.integers(1, 40), st.integers(0, 30), st.integers(0, 10**6), st.sampled_from([0, 0.7, 1.5]))
def test_cache_and_no_cache_agree_inside_and_beyond_the_context(T, new, seed, temperature):
    model = lively()
    tokens = random_tokens(small, 2, T, seed)
    texts = [
        generate(
            model, tokens, new, temperature=temperature, top_k=20, top_p=0.95, use_cache=use_cache,
            generator=torch.Generator().manual_seed(seed),
        )
        for use_cache in (True, False)
    ]  # fmt: skip
    assert torch.equal(*texts)
    assert texts[0].shape == (2, T + new)
    assert torch.equal(texts[0][:, :T], tokens)


@pytest.mark.parametrize("T", [1, 20, 24, 25, 60])
def test_beyond_the_context_each_token_is_predicted_from_the_last_window(T):
    model = lively()
    tokens = random_tokens(small, 1, T)
    text = generate(model, tokens, 30, temperature=0)
    for end in range(T, T + 30):
        window = text[:, max(0, end - 24) : end]
        assert model(window)[0, -1].argmax() == text[0, end]


def test_without_the_causal_mask_the_cache_is_not_trusted():
    model = lively()
    tokens = random_tokens(small, 1, 6)
    with without_causal_mask(model):
        texts = [generate(model, tokens, 12, temperature=0, use_cache=c) for c in (True, False)]
    assert torch.equal(*texts)


# steps


def test_steps_yield_what_generate_returns():
    model = lively()
    tokens = random_tokens(small, 3, 4)
    steps = list(generate_steps(model, tokens, 9, generator=torch.Generator().manual_seed(3)))
    text = generate(model, tokens, 9, generator=torch.Generator().manual_seed(3))
    assert torch.equal(torch.cat([tokens, *(token for token, _ in steps)], dim=1), text)
    for i, (token, probabilities) in enumerate(steps):
        assert token.shape == (3, 1) and probabilities.shape == (3, 50)
        expected = model(text[:, : 4 + i])[:, -1].softmax(-1)
        assert_close(probabilities, expected, atol=1e-12, rtol=0)


def test_steps_are_made_one_by_one():
    model = lively()
    calls = []
    handle = model.ln_f.register_forward_hook(lambda *_: calls.append(1))
    steps = generate_steps(model, random_tokens(small, 1, 4), 10**6)
    assert len(list(itertools.islice(steps, 3))) == 3
    handle.remove()
    assert len(calls) == 3


def test_a_mistake_shows_at_the_call_and_not_at_the_first_step():
    with pytest.raises(ValueError, match="temperature"):
        generate_steps(lively(), random_tokens(small, 1, 4), 3, temperature=-1)


def test_greedy_takes_the_largest_logit_and_temperature_zero_may_be_an_int():
    model = lively()
    tokens = random_tokens(small, 2, 5)
    expected = model(tokens)[:, -1].argmax(-1)
    for zero in (0, 0.0):
        assert torch.equal(generate(model, tokens, 1, temperature=zero)[:, -1], expected)


def test_no_new_tokens_give_the_prompt_back():
    tokens = random_tokens(small, 2, 5)
    assert torch.equal(generate(lively(), tokens, 0), tokens)


# stopping


def greedy_text(model, tokens, new=20):
    return generate(model, tokens, new, temperature=0)[:, tokens.shape[1] :]


@pytest.mark.parametrize(
    "wrap", [lambda s: s, lambda s: np.int64(s), lambda s: torch.tensor([s]), lambda s: {s}, lambda s: (s,)]
)
def test_stop_ends_the_text_with_the_stop_token(wrap):
    model = lively()
    tokens = random_tokens(small, 1, 5)
    free = greedy_text(model, tokens)[0].tolist()
    stop = free[7]
    text = generate(model, tokens, 20, temperature=0, stop=wrap(stop))[0, 5:].tolist()
    assert text == free[: free.index(stop) + 1]


def test_token_zero_can_be_the_stop_token():
    model = random_model(small)
    with torch.no_grad():
        model.token_embedding.weight[0] = model.hidden(torch.tensor([[1]]))[0, -1]  # now 0 is the likeliest
    assert generate(model, torch.tensor([[1]]), 9, temperature=0, stop=0).tolist() == [[1, 0]]


def test_a_batch_goes_on_until_all_have_ended():
    model = lively()
    tokens = random_tokens(small, 4, 5)
    free = greedy_text(model, tokens).tolist()

    def ends(stop):
        return [row.index(stop) if stop in row else 19 for row in free]

    stop = max(range(50), key=lambda stop: max(ends(stop)) - min(ends(stop)))
    text = generate(model, tokens, 20, temperature=0, stop=stop)[:, 5:].tolist()
    assert len(text[0]) == max(ends(stop)) + 1 > min(ends(stop)) + 3
    for row, alone, end in zip(text, free, ends(stop), strict=True):
        assert row == (alone[: end + 1] + [stop] * 20)[: len(row)]


# the model is left as it was, and what comes out is an ordinary tensor


@pytest.mark.parametrize("training", [True, False])
def test_dropout_is_off_and_the_mode_comes_back(training):
    model = random_model(small.with_(dropout=0.5), dtype=DOUBLE).train(training)
    tokens = random_tokens(small, 1, 5)
    texts = [generate(model, tokens, 8, temperature=0, use_cache=c) for c in (True, False)]
    assert torch.equal(*texts)
    assert model.training is training and model.blocks[0].attn.training is training


def test_generated_tokens_can_be_trained_on():
    model = lively().train()
    text = generate(model, random_tokens(small, 1, 5), 8)
    model(text).sum().backward()
    token, probabilities = next(generate_steps(model, text, 3))
    assert not (token.is_inference() or probabilities.is_inference())


def test_sampling_is_repeatable():
    model = lively()
    tokens = random_tokens(small, 2, 5)
    texts = [generate(model, tokens, 18, generator=torch.Generator().manual_seed(s)) for s in (1, 1, 2)]
    assert torch.equal(texts[0], texts[1])
    assert not torch.equal(texts[0], texts[2])


# the distribution


def test_temperature_top_k_and_top_p_by_hand():
    logits = torch.tensor([[0.5, 0.25, 0.125, 0.125]], dtype=DOUBLE).log()
    p = next_token_probabilities

    def near(result, expected):
        assert_close(result, torch.tensor([expected], dtype=DOUBLE), atol=1e-12, rtol=0)

    near(p(logits), [0.5, 0.25, 0.125, 0.125])
    near(p(logits, temperature=0), [1.0, 0.0, 0.0, 0.0])
    near(p(logits, temperature=0.5), [16 / 22, 4 / 22, 1 / 22, 1 / 22])  # squares
    near(p(logits, top_k=1), [1.0, 0.0, 0.0, 0.0])
    near(p(logits, top_k=2), [2 / 3, 1 / 3, 0.0, 0.0])
    near(p(logits, top_k=3), [0.5, 0.25, 0.125, 0.125])  # a tie with the third is kept
    near(p(logits, top_k=99), [0.5, 0.25, 0.125, 0.125])
    near(p(logits, top_p=0.4), [1.0, 0.0, 0.0, 0.0])
    near(p(logits, top_p=0.5), [1.0, 0.0, 0.0, 0.0])
    near(p(logits, top_p=0.6), [2 / 3, 1 / 3, 0.0, 0.0])
    near(p(logits, top_p=1), [0.5, 0.25, 0.125, 0.125])
    near(p(logits, top_k=2, top_p=0.6), [1.0, 0.0, 0.0, 0.0])  # top-p sees 2/3 and 1/3


def test_greedy_takes_the_first_of_equals():
    assert next_token_probabilities(torch.tensor([1.0, 3.0, 3.0]), 0).tolist() == [0.0, 1.0, 0.0]


settings_of_sampling = st.tuples(
    st.sampled_from([0, 1e-6, 0.3, 1.0, 7, 1e6]),
    st.none() | st.integers(1, 60),
    st.none() | st.floats(0.01, 1.0),
)


@properties
@given(st.lists(st.floats(-300, 300, width=32), min_size=1, max_size=40), settings_of_sampling)
def test_every_setting_gives_a_distribution(logits, setting):
    logits = torch.tensor(logits)
    temperature, top_k, top_p = setting
    probabilities = next_token_probabilities(logits, *setting)
    assert torch.isfinite(probabilities).all() and (probabilities >= 0).all()
    assert_close(probabilities.sum().item(), 1.0, atol=1e-5, rtol=0)
    assert probabilities[logits.argmax()] > 0
    kept = probabilities > 0
    if top_k is not None:
        kth = logits.sort(descending=True).values[min(top_k, len(logits)) - 1]
        assert (logits[kept] >= kth).all()
    if kept.any() and (~kept).any() and temperature != 0:
        assert logits[kept].min() >= logits[~kept].max()


@pytest.mark.parametrize("seed", range(200))
def test_the_distribution_is_transformers(seed):
    """Temperature, then top-k, then top-p, as its ``generate`` applies them."""
    pick, generator = random.Random(seed), torch.Generator().manual_seed(seed)
    logits = 5 * torch.randn(3, pick.randint(2, 300), generator=generator, dtype=DOUBLE)
    hot, k, p = pick.uniform(0.1, 3.0), pick.choice([None, pick.randint(1, 60)]), pick.choice([None, pick.random()])
    theirs = [TemperatureLogitsWarper(hot)]
    theirs += [TopKLogitsWarper(k)] if k else []
    theirs += [TopPLogitsWarper(p)] if p else []
    expected = logits
    for warper in theirs:
        expected = warper(None, expected)
    assert_close(next_token_probabilities(logits, hot, k, p), expected.softmax(-1), atol=1e-6, rtol=0)


def test_top_p_one_keeps_every_token_of_a_large_vocabulary():
    logits = torch.randn(50257, generator=torch.Generator().manual_seed(0)) * 3
    assert_close(next_token_probabilities(logits, top_p=1.0), logits.softmax(-1), atol=0, rtol=0)


def test_tiny_temperatures_do_not_overflow():
    assert next_token_probabilities(torch.tensor([5.0, 9.0, -3.0]), 1e-40).tolist() == [0.0, 1.0, 0.0]


def test_samples_follow_the_distribution():
    model = lively()
    tokens = random_tokens(small, 1, 5)
    _, expected = next(generate_steps(model, tokens, 1, top_k=5))
    drawn = generate(model, tokens.expand(20_000, 5), 1, top_k=5, generator=torch.Generator().manual_seed(0))
    frequency = drawn[:, -1].bincount(minlength=50) / 20_000
    assert_close(frequency.double(), expected[0], atol=0.015, rtol=0)  # four standard errors at p = 1/2


# the cache


def test_layer_cache_keeps_order_and_knows_its_length():
    cache = LayerCache(capacity=4)
    k, v = torch.randn(2, 2, 3, 4, 5)  # each (B, n_heads, T, d_head)
    cache.append(k[:, :, :1], v[:, :, :1])
    all_k, all_v = cache.append(k[:, :, 1:], v[:, :, 1:])
    assert torch.equal(all_k, k) and torch.equal(all_v, v)
    assert cache.length == 4
    with pytest.raises(ValueError, match="the cache holds 4 tokens, got 5"):
        cache.append(k[:, :, :1], v[:, :, :1])


def test_a_cache_belongs_to_one_batch():
    cache = LayerCache(capacity=4)
    k = torch.randn(2, 3, 1, 5)
    cache.append(k, k)
    with pytest.raises(ValueError, match="a batch of 2, got a batch of 1"):
        cache.append(k[:1], k[:1])


def test_kv_cache_has_room_for_the_context_unless_told_otherwise():
    assert KVCache(small).layers[0].capacity == 24
    assert [layer.capacity for layer in KVCache(small, 7).layers] == [7, 7]
    assert KVCache(small).length == 0


# refusals


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (dict(temperature=-0.5), r"temperature must be a number of at least 0 \(0 is greedy\), got -0.5"),
        (dict(temperature=float("nan")), "temperature must be a number of at least 0 .*, got nan"),
        (dict(temperature=float("inf")), "temperature must be a number of at least 0 .*, got inf"),
        (dict(temperature=None), "temperature must be a number of at least 0 .*, got None"),
        (dict(temperature="hot"), "temperature must be a number of at least 0 .*, got 'hot'"),
        (dict(temperature=True), "temperature must be a number of at least 0 .*, got True"),
        (dict(top_k=0), "top_k must be a whole number of at least 1, or None for all tokens, got 0"),
        (dict(top_k=-3), "top_k must be a whole number of at least 1.*, got -3"),
        (dict(top_k=2.5), "top_k must be a whole number of at least 1.*, got 2.5"),
        (dict(top_p=0), r"top_p must lie in \(0, 1\], or be None for all tokens, got 0"),
        (dict(top_p=1.5), r"top_p must lie in \(0, 1\].*, got 1.5"),
        (dict(top_p=float("nan")), r"top_p must lie in \(0, 1\].*, got nan"),
        (dict(top_p=True), r"top_p must lie in \(0, 1\].*, got True"),
        (dict(max_new_tokens=-1), "max_new_tokens must be a whole number of at least 0, got -1"),
        (dict(max_new_tokens=2.0), "max_new_tokens must be a whole number of at least 0, got 2.0"),
        (dict(stop=[7.9]), "stop: a token id must be a whole number of at least 0, got 7.9"),
        (dict(stop=50), r"stop: token ids must lie in \[0, 50\), got 50"),
        (dict(stop=[-1]), "stop: a token id must be a whole number of at least 0, got -1"),
        (dict(stop="\n"), r"stop takes token ids, got the text '\\n': encode it first"),
        (dict(stop=["\n"]), "stop: a token id must be a whole number of at least 0, got "),
        (dict(allowed=[]), "allowed must name at least one token id, got none"),
        (dict(allowed=range(51)), r"allowed: token ids must lie in \[0, 50\), got 50"),
        (dict(tokens=[[]]), r"tokens are empty \(row 0 has none\)"),
        (dict(tokens=[]), r"tokens are empty \(there is no row\)"),
        (dict(tokens=[[1], [2.5]]), "row 1: a token id must be a whole number of at least 0, got 2.5"),
        (dict(tokens=[1, 2]), r"or a list of lists such as \[\[1, 2\], \[3\]\], got 1 as row 0"),
        (dict(tokens=[[1], [50]]), r"token ids must lie in \[0, 50\), got 50"),
        (dict(model=torch.nn.Linear(1, 1)), r"needs a GPT2 of gpt2lab, got Linear; .* load_gpt2\(model\)"),
        (dict(tokens=torch.zeros(1, 0, dtype=torch.long)), "tokens are empty"),
        (dict(tokens=torch.tensor([1, 2])), r"tokens must have shape \(B, T\), got \(2,\)"),
        (dict(tokens=torch.tensor([[50]])), r"token ids must lie in \[0, 50\), got 50"),
    ],
)
@pytest.mark.parametrize("function", [generate, generate_steps])
def test_refuses_with_one_sentence(setting, message, function):
    call = dict(model=lively(), tokens=torch.tensor([[1]]), max_new_tokens=3) | setting
    with pytest.raises(ValueError, match=message):
        function(**call)


def test_a_transformers_model_is_told_the_detour():
    theirs = twin(random_model(small))
    with pytest.raises(ValueError, match=r"got GPT2LMHeadModel; a GPT-2 of transformers .* load_gpt2\(model\)"):
        generate(theirs, torch.tensor([[1]]), 3)


def test_numpys_numbers_are_settings():
    model, tokens = lively(), random_tokens(small, 1, 5)
    texts = [
        generate(
            model, tokens, new, temperature=hot, top_k=k, top_p=p, stop=stop,
            generator=torch.Generator().manual_seed(0),
        )
        for new, hot, k, p, stop in [
            (9, 0.5, 7, 0.75, 3), (np.int64(9), np.float32(0.5), np.int32(7), np.float16(0.75), np.array([3])),
        ]
    ]  # fmt: skip
    assert torch.equal(*texts)


@pytest.mark.parametrize("temperature", [0, 1.0])
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_that_are_no_numbers_are_said(temperature, value):
    model = lively()
    with torch.no_grad():
        model.ln_f.bias.fill_(value)
    with pytest.raises(ValueError, match="logits are nan or infinite, so there is no next token"):
        generate(model, torch.tensor([[1]]), 3, temperature=temperature)


@pytest.mark.parametrize("temperature", [0, 1.0, 50.0])
def test_only_allowed_ids_are_drawn(temperature):
    model, tokens = lively(), random_tokens(small, 3, 5)
    allowed = {2, 5, 11, 30}
    steps = generate_steps(model, tokens, 30, temperature=temperature, top_k=9, top_p=0.99, allowed=allowed)
    drawn = set()
    for token, probabilities in steps:
        drawn |= set(token.flatten().tolist())
        assert_close(probabilities.sum(-1), torch.ones(3, dtype=DOUBLE), atol=1e-9, rtol=0)
    assert drawn <= allowed
    free = generate(model, tokens, 10, temperature=0, allowed=range(50))
    assert torch.equal(free, generate(model, tokens, 10, temperature=0))


# rows of different length


@pytest.mark.parametrize("use_cache", [True, False])
@pytest.mark.parametrize("seed", range(20))
def test_lists_of_any_length_are_continued_as_if_alone(seed, use_cache):
    """Lengths on both sides of the context, and texts that grow past it."""
    model = lively(seed=seed)
    lengths = torch.randint(1, 30 if seed % 2 else 12, (4,), generator=torch.Generator().manual_seed(seed)).tolist()
    rows = [random_tokens(small, 1, length, seed + i)[0].tolist() for i, length in enumerate(lengths)]
    alone = [generate(model, torch.tensor([row]), 20, temperature=0)[0].tolist() for row in rows]
    assert generate(model, rows, 20, temperature=0, use_cache=use_cache) == alone
    stop = alone[0][len(rows[0]) + 5]
    ends = [generate(model, torch.tensor([row]), 20, temperature=0, stop=stop)[0].tolist() for row in rows]
    assert generate(model, rows, 20, temperature=0, stop=stop, use_cache=use_cache) == ends
    assert len({len(end) - len(row) for end, row in zip(ends, rows, strict=True)}) >= 1


def test_lists_of_one_length_are_an_ordinary_batch():
    model, tokens = lively(), random_tokens(small, 3, 6)
    expected = generate(model, tokens, 9, temperature=0)
    assert generate(model, tokens.tolist(), 9, temperature=0) == expected.tolist()


# a cache that cannot go wrong silently


def test_after_an_interrupt_the_cache_is_refused():
    model, tokens = lively(), random_tokens(small, 1, 8)
    cache = KVCache(small)
    model.hidden(tokens[:, :3], cache)

    def interrupt(*_):
        raise KeyboardInterrupt

    handle = model.blocks[1].register_forward_pre_hook(interrupt)
    with pytest.raises(KeyboardInterrupt):
        model.hidden(tokens[:, 3:5], cache)
    handle.remove()
    with pytest.raises(ValueError, match="was interrupted: its layers hold between 3 and 5 tokens; start again"):
        model.hidden(tokens[:, 3:], cache)


def test_a_cache_serves_one_model_and_one_batch():
    model, tokens = lively(), random_tokens(small, 2, 8)
    cache = KVCache(small, 4)
    model.hidden(tokens[:, :3], cache)
    for other, pieces, message in [
        (lively(seed=1), tokens[:, 3:4], "keys and values of another model"),
        (lively(small.with_(n_layers=3)), tokens[:, 3:4], "the cache has 2 layers, the model 3"),
        (model, tokens[:1, 3:4], "a batch of 2, got a batch of 1"),
        (model, tokens[:, 3:5], "the cache holds 4 tokens, got 5"),
    ]:
        with pytest.raises(ValueError, match=message):
            other.hidden(pieces, cache)
    assert cache.length == 3
    model.float()
    with pytest.raises(ValueError, match="torch.float64 on cpu.*torch.float32 on cpu.*start with a new one"):
        model.hidden(tokens[:, 3:4], cache)
    for capacity in (0, 2.5, True, "4"):
        with pytest.raises(ValueError, match="capacity of a cache must be a whole number of at least 1"):
            KVCache(small, capacity)
