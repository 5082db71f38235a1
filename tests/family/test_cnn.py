"""The convolutional model: the equation is torch's kernel, nothing sees the future or beyond its field."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from gpt2lab.config import GPT2Config
from gpt2lab.family.cnn import ConvLM, causal_conv
from gpt2lab.family.language_model import greedy


def small(kernel: int = 3, dilated: bool = True, **changes) -> ConvLM:
    torch.manual_seed(0)
    config = GPT2Config.tiny(**{"vocab_size": 11, "context_length": 24, "d_model": 12, **changes})
    return ConvLM(config, kernel, dilated).eval()


def some_tokens(B: int = 3, T: int = 9, seed: int = 0) -> torch.Tensor:
    return torch.randint(11, (B, T), generator=torch.Generator().manual_seed(seed))


def test_a_convolution_by_hand():
    """W_0 = 1 and W_1 = 10, dilation 2: y_t = x_t + 10 x_{t-2} + 0.5."""
    x = torch.tensor([1.0, 2.0, 3.0, 4.0])[None, :, None]
    y = causal_conv(x, torch.tensor([1.0, 10.0])[:, None, None], torch.tensor([0.5]), dilation=2)
    assert_close(y[0, :, 0], torch.tensor([1.5, 2.5, 13.5, 24.5]))


@given(k=st.integers(2, 4), dilation=st.integers(1, 5), T=st.integers(1, 9))
@settings(max_examples=30, deadline=None)
def test_the_equation_is_torchs_convolution(k, dilation, T):
    rng = torch.Generator().manual_seed(k + 10 * dilation + 100 * T)
    x, W, b = (torch.randn(shape, generator=rng) for shape in ((2, T, 4), (k, 5, 4), (5,)))
    padded = F.pad(x, (0, 0, (k - 1) * dilation, 0)).transpose(1, 2)
    expected = F.conv1d(padded, W.flip(0).permute(1, 2, 0), b, dilation=dilation).transpose(1, 2)
    assert_close(causal_conv(x, W, b, dilation), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("dtype", "atol"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
@pytest.mark.parametrize("dilated", [True, False])
def test_forward_is_trace(dtype, atol, dilated):
    model, tokens = small(dilated=dilated, n_layers=4).to(dtype), some_tokens(T=20)
    trace = model.trace(tokens)
    assert_close(model(tokens), trace.logits, atol=atol, rtol=0)
    for block in trace.blocks:
        assert_close(block.resid_post, block.resid_pre + block.out, atol=0, rtol=0)


@given(t=st.integers(0, 8), seed=st.integers(0, 50), kernel=st.integers(2, 4), dilated=st.booleans())
@settings(max_examples=30, deadline=None)
def test_no_output_depends_on_a_later_token(t, seed, kernel, dilated):
    model, tokens = small(kernel, dilated), some_tokens(seed=seed)
    changed = tokens.clone()
    changed[:, t] = (changed[:, t] + 1) % 11
    for before, after in ((model(tokens), model(changed)), (model.trace(tokens).logits, model.trace(changed).logits)):
        assert_close(before[:, :t], after[:, :t], atol=0, rtol=0)
        assert not torch.equal(before[:, t], after[:, t])


@pytest.mark.parametrize(("dilated", "field"), [(True, 15), (False, 7)])
def test_the_receptive_field_is_as_far_as_an_output_sees(dilated, field):
    model = small(dilated=dilated, n_layers=3)
    assert model.receptive_field == field
    x = torch.randn(1, 20, 12, requires_grad=True)
    (gradient,) = torch.autograd.grad(model.run(x)[0, -1].square().sum(), x)
    seen = gradient[0].norm(dim=-1) > 0
    assert seen.tolist() == [False] * (20 - field) + [True] * field


@given(cut=st.integers(1, 8), kernel=st.integers(2, 4))
@settings(max_examples=12, deadline=None)
def test_the_state_stands_for_the_tokens_before(cut, kernel):
    model, tokens = small(kernel, n_layers=3), some_tokens()
    state = model.empty_state(3)
    parts = [model.hidden(tokens[:, :cut], state), model.hidden(tokens[:, cut:], state)]
    assert_close(torch.cat(parts, dim=1), model.hidden(tokens), atol=1e-5, rtol=0)


def test_the_state_does_not_grow():
    model = small(n_layers=3)
    state = model.empty_state(1)
    before = state.n_bytes
    for T in (1, 5, 20):
        model.hidden(some_tokens(1, T), state)
        assert state.n_bytes == before == (2 + 4 + 8) * 12 * 4


def test_greedy_is_the_likeliest_token_each_time():
    model, tokens = small(), some_tokens(2, 4)
    expected = tokens
    for _ in range(6):
        expected = torch.cat([expected, model(expected)[:, -1:].argmax(-1)], dim=1)
    assert torch.equal(greedy(model, tokens, 6), expected)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="kernel must be a whole number of at least 2, got 1"):
        small(kernel=1)
    with pytest.raises(ValueError, match="the dilation must be a whole number of at least 1, got 0"):
        causal_conv(torch.zeros(1, 3, 4), torch.zeros(2, 4, 4), torch.zeros(4), 0)
    with pytest.raises(ValueError, match=r"causal_conv needs x \(B, T, d_in\), .* got x \(1, 3, 4\), W \(2, 4, 5\)"):
        causal_conv(torch.zeros(1, 3, 4), torch.zeros(2, 4, 5), torch.zeros(4))
    with pytest.raises(ValueError, match="the sequence has 25 tokens, but context_length is 24"):
        small()(some_tokens(1, 25))
