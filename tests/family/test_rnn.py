"""The recurrent model: the equations are torch's LSTM, the state stands for the text, no step sees the future."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

from gpt2lab.config import GPT2Config
from gpt2lab.family.language_model import greedy
from gpt2lab.family.rnn import LSTMLM, lstm_step
from gpt2lab.generation import generate


def small(**changes) -> LSTMLM:
    torch.manual_seed(0)
    return LSTMLM(GPT2Config.tiny(**{"vocab_size": 11, "context_length": 24, "d_model": 12, **changes})).eval()


def some_tokens(B: int = 3, T: int = 9, seed: int = 0) -> torch.Tensor:
    return torch.randint(11, (B, T), generator=torch.Generator().manual_seed(seed))


def torchs_own(model: LSTMLM) -> nn.LSTM:
    """nn.LSTM with the weights of the model."""
    d = model.config.d_model
    theirs = nn.LSTM(d, d, model.config.n_layers, batch_first=True).to(model.token_embedding.weight.dtype)
    with torch.no_grad():
        for i, layer in enumerate(model.layers):
            getattr(theirs, f"weight_ih_l{i}").copy_(layer.input.weight)
            getattr(theirs, f"weight_hh_l{i}").copy_(layer.recurrent.weight)
            getattr(theirs, f"bias_ih_l{i}").copy_(layer.input.bias)
            getattr(theirs, f"bias_hh_l{i}").zero_()
    return theirs


@pytest.mark.parametrize(("dtype", "atol"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
@pytest.mark.parametrize("n_layers", [1, 3])
def test_the_equations_are_torchs_lstm(dtype, atol, n_layers):
    model, tokens = small(n_layers=n_layers).to(dtype), some_tokens(T=20)
    expected, (_, cells) = torchs_own(model)(model.token_embedding(tokens))
    trace = model.trace(tokens)
    assert_close(trace.layers[-1].out, expected, atol=atol, rtol=0)
    assert_close(torch.stack([layer.cell[:, -1] for layer in trace.layers]), cells, atol=atol, rtol=0)
    assert_close(model.hidden(tokens), expected, atol=atol, rtol=0)
    assert_close(model(tokens), trace.logits, atol=10 * atol, rtol=0)


def test_the_gradients_are_torchs_as_well():
    model, tokens = small().double(), some_tokens()
    theirs = torchs_own(model)
    model.hidden(tokens).square().sum().backward()
    theirs(model.token_embedding(tokens).detach())[0].square().sum().backward()
    assert_close(model.layers[0].recurrent.weight.grad, theirs.weight_hh_l0.grad, atol=1e-12, rtol=0)


def test_a_step_by_hand():
    """One feature, one input: i = f = o = σ(0) = 1/2, g = tanh(1)."""
    W, U, b = torch.tensor([[0.0], [0.0], [1.0], [0.0]]), torch.zeros(4, 1), torch.zeros(4)
    h, c, _ = lstm_step(torch.ones(1, 1), torch.zeros(1, 1), torch.full((1, 1), 2.0), W, U, b)
    g = torch.tensor([[1.0]]).tanh()
    assert_close(c, 0.5 * 2.0 + 0.5 * g)
    assert_close(h, 0.5 * c.tanh())


def test_it_starts_fair():
    layer = small(d_model=16).layers[0]
    i, f, g, o = layer.input.bias.chunk(4)
    assert_close(f, torch.ones(16))
    assert_close(torch.cat([i, g, o]), torch.zeros(48))
    for U in layer.recurrent.weight.chunk(4):
        assert_close(U @ U.T, torch.eye(16), atol=1e-5, rtol=0)


@given(t=st.integers(0, 8), seed=st.integers(0, 50))
@settings(max_examples=25, deadline=None)
def test_no_output_depends_on_a_later_token(t, seed):
    model, tokens = small(), some_tokens(seed=seed)
    changed = tokens.clone()
    changed[:, t] = (changed[:, t] + 1) % 11
    for before, after in ((model(tokens), model(changed)), (model.trace(tokens).logits, model.trace(changed).logits)):
        assert_close(before[:, :t], after[:, :t], atol=0, rtol=0)
        assert not torch.equal(before[:, t:], after[:, t:])


@given(cut=st.integers(1, 8))
@settings(max_examples=8, deadline=None)
def test_the_state_stands_for_the_tokens_before(cut):
    model, tokens = small(), some_tokens()
    state = model.empty_state(3)
    parts = [model.hidden(tokens[:, :cut], state), model.hidden(tokens[:, cut:], state)]
    assert_close(torch.cat(parts, dim=1), model.hidden(tokens), atol=1e-6, rtol=0)


def test_the_state_does_not_grow():
    model = small()
    state = model.empty_state(1)
    model.hidden(some_tokens(1, 1), state)
    one = state.n_bytes
    model.hidden(some_tokens(1, 20), state)
    assert state.n_bytes == one == 2 * 2 * 12 * 4  # h and c, 2 layers, 12 numbers of 4 bytes


def test_greedy_is_the_likeliest_token_each_time():
    model, tokens = small(), some_tokens(2, 4)
    expected = tokens
    for _ in range(6):
        expected = torch.cat([expected, model(expected)[:, -1:].argmax(-1)], dim=1)
    assert torch.equal(greedy(model, tokens, 6), expected)
    assert torch.equal(greedy(model, tokens, 0), tokens)


def test_generate_says_that_it_needs_a_gpt2():
    with pytest.raises(ValueError, match="generate needs a GPT2 of gpt2lab, got LSTMLM"):
        generate(small(), some_tokens(), 2)


def test_bad_input_is_refused():
    model = small()
    with pytest.raises(ValueError, match=r"tokens must have shape \(B, T\), got \(4,\)"):
        model(torch.zeros(4, dtype=torch.long))
    with pytest.raises(ValueError, match="tokens are empty"):
        model(torch.zeros(2, 0, dtype=torch.long))
    with pytest.raises(ValueError, match="the sequence has 25 tokens, but context_length is 24"):
        model(some_tokens(1, 25))
    with pytest.raises(ValueError, match=r"token ids must lie in \[0, 11\), got 11"):
        model.trace(torch.full((1, 3), 11))
    with pytest.raises(ValueError, match="the state belongs to a batch of 2, got a batch of 3"):
        model.hidden(some_tokens(), model.empty_state(2))
    with pytest.raises(ValueError, match="lstm_step needs h and c"):
        lstm_step(*(torch.zeros(2, 4) for _ in range(3)), torch.zeros(16, 4), torch.zeros(16, 4), torch.zeros(12))
    with pytest.raises(ValueError, match="greedy needs a recurrent or convolutional language model, got Linear"):
        greedy(nn.Linear(2, 2), some_tokens(), 1)
    with pytest.raises(ValueError, match="max_new_tokens must be a whole number"):
        greedy(model, some_tokens(), -1)
