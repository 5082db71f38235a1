"""Smaller models: equal to what they stand for, with as many numbers as they should have."""

import copy

import pytest
import torch
from torch.testing import assert_close
from torch.utils.flop_counter import FlopCounterMode

from gpt2lab import GPT2, GPT2Config, ablate_heads, generate, save_gpt2
from gpt2lab.errors import InputError
from gpt2lab.weights.compression import remove_heads, round_weights, rounded, zero_smallest

CONFIG = GPT2Config.tiny(vocab_size=60, context_length=16, d_model=32, n_heads=4, n_layers=3)
HEADS = [(0, 1), (0, 3), (2, 0)]


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = GPT2(CONFIG).eval()
    for weight in model.parameters():
        weight.data += 0.02 * torch.randn_like(weight)
    return model


@pytest.fixture
def tokens():
    return torch.randint(60, (2, 10), generator=torch.Generator().manual_seed(1))


def flop(model, tokens):
    """Of a traced pass: torch does not count what is inside the fused attention of a CPU."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.trace(tokens)
    return counter.get_total_flops()


def test_a_model_without_heads_is_the_one_with_silent_heads(model, tokens):
    smaller = remove_heads(model, HEADS)
    with ablate_heads(model, HEADS):
        expected = model(tokens)
    assert_close(smaller(tokens), expected, atol=1e-5, rtol=0)
    assert_close(smaller.trace(tokens).logits, expected, atol=1e-5, rtol=0)


def test_each_head_saves_its_numbers_and_multiplications(model, tokens):
    smaller = remove_heads(model, HEADS)
    d, d_head = CONFIG.d_model, CONFIG.d_head
    each = 3 * (d + 1) * d_head + d_head * d  # rows of q, k, v with their biases, columns of W_O
    assert model.n_parameters() - smaller.n_parameters() == len(HEADS) * each
    T, B = tokens.shape[1], len(tokens)
    each = 2 * B * T * (4 * d * d_head) + 2 * B * 2 * T * T * d_head
    assert flop(model, tokens) - flop(smaller, tokens) == len(HEADS) * each


def test_zeros_save_nothing(model, tokens):
    smaller = zero_smallest(model, 0.9)
    assert smaller.n_parameters() == model.n_parameters()
    assert flop(smaller, tokens) == flop(model, tokens)


def test_a_model_without_heads_generates_with_its_cache(model, tokens):
    smaller = remove_heads(model, HEADS)
    cached = generate(smaller, tokens, 5, temperature=0)
    assert cached.tolist() == generate(smaller, tokens, 5, temperature=0, use_cache=False).tolist()


def test_the_smallest_weights_of_each_matrix_go(model):
    smaller = zero_smallest(model, 0.25)
    for name, weight in model.named_parameters():
        after = smaller.get_parameter(name)
        if name.startswith("blocks") and weight.ndim == 2:
            gone = after == 0
            assert int(gone.sum()) == round(0.25 * weight.numel())
            assert weight[gone].abs().max() <= weight[~gone].abs().min()
            assert_close(after[~gone], weight[~gone], atol=0, rtol=0)
        else:
            assert_close(after, weight, atol=0, rtol=0)


def test_equal_weights_do_not_go_together():
    """A threshold would take all of them."""
    model = GPT2(CONFIG)
    model.blocks[0].attn.out.weight.data.fill_(0.5)
    assert int((zero_smallest(model, 0.5).blocks[0].attn.out.weight == 0).sum()) == 32 * 32 // 2


def test_rounding_by_hand():
    weight = torch.tensor([[0.3, -1.0, 0.6], [0.0, 0.0, 0.0], [7.0, 3.4, -3.6]])
    assert_close(rounded(weight, 4), torch.tensor([[2 / 7, -1, 4 / 7], [0, 0, 0], [7, 3, -4]]), atol=1e-6, rtol=0)


def test_rows_hold_few_values_and_the_error_is_half_a_step(model):
    smaller = round_weights(model, 4)
    for name, weight in model.named_parameters():
        if weight.ndim == 2:
            after = smaller.get_parameter(name)
            assert max(len(row.unique()) for row in after) <= 15
            step = weight.abs().amax(dim=-1, keepdim=True) / 7
            assert ((after - weight).abs() <= step / 2 + 1e-7).all()


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_more_bits_are_nearer(model, tokens, bits):
    expected = model(tokens)
    error = (round_weights(model, bits)(tokens) - expected).abs().max()
    assert error < (round_weights(model, bits - 4)(tokens) - expected).abs().max()


def test_the_model_itself_stays(model):
    before = copy.deepcopy(model.state_dict())
    zero_smallest(model, 0.5), remove_heads(model, HEADS), round_weights(model, 3)
    for name, weight in model.state_dict().items():
        assert_close(weight, before[name], atol=0, rtol=0)


def test_a_head_twice_or_none_at_all(model, tokens):
    assert remove_heads(model, [(1, 2), (1, 2)]).blocks[1].attn.n_heads == 3
    assert_close(remove_heads(model, [])(tokens), model(tokens), atol=0, rtol=0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: remove_heads(m, [(0, h) for h in range(4)]), "layer 0 would lose all its 4 heads"),
        (lambda m: remove_heads(m, [(0, 4)]), "head must lie in 0 … 3, got 4"),
        (lambda m: remove_heads(m, [(3, 0)]), "layer must lie in 0 … 2, got 3"),
        (lambda m: remove_heads(m, [0, 1]), r"heads must be a list of \(layer, head\) pairs"),
        (lambda m: zero_smallest(m, 90), "share must be a number from 0 to 1, got 90"),
        (lambda m: zero_smallest(m, float("nan")), "share must be a number from 0 to 1, got nan"),
        (lambda m: zero_smallest(m, "half"), "share must be a number from 0 to 1, got 'half'"),
        (lambda m: round_weights(m, 1), "bits must be a whole number of at least 2, got 1"),
        (lambda m: round_weights(m, 32), "bits must lie in 2 … 16, got 32"),
        (lambda m: round_weights(torch.nn.Linear(2, 2)), "round_weights needs a GPT2 of gpt2lab, got Linear"),
    ],
)
def test_bad_input_gets_one_sentence(model, call, message):
    with pytest.raises(InputError, match=message) as caught:
        call(model)
    assert "\n" not in str(caught.value)


def test_a_model_without_heads_is_not_written_as_a_plain_one(model, tmp_path):
    with pytest.raises(InputError, match="blocks.0.attn has 2 heads"):
        save_gpt2(remove_heads(model, HEADS), tmp_path)
    assert not list(tmp_path.iterdir())
