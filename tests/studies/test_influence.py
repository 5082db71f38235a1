"""Effects by cutting: what is hidden or cut has no influence, and nothing else is touched."""

import pytest
import torch
from torch.testing import assert_close

from gpt2lab import GPT2, GPT2Config, cut_edges
from gpt2lab.studies.influence import effects_of_hiding, moved, rank_correlation


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = GPT2(GPT2Config.tiny(vocab_size=13, context_length=8, n_layers=2, n_heads=2, d_model=16)).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return model.requires_grad_(False)


def test_distance_and_rank_by_hand():
    assert_close(moved(torch.zeros(1, 4), torch.zeros(4)), torch.zeros(1))
    half, quarter = torch.tensor([0.5, 0.5]).log(), torch.tensor([0.25, 0.75]).log()
    assert_close(moved(half, quarter), torch.tensor([2.0, 2 / 3]).log().mean())
    assert rank_correlation(torch.tensor([1.0, 5.0, 9.0]), torch.tensor([0.1, 0.2, 70.0])) == pytest.approx(1)
    assert rank_correlation(torch.tensor([1.0, 5.0, 9.0]), torch.tensor([3.0, 2.0, 1.0])) == pytest.approx(-1)


def test_hiding_a_token_equals_a_mask_that_hides_it(model):
    """With position 0 hidden, whatever stands there cannot matter."""
    tokens = torch.tensor([[1, 2, 3, 4, 5]])
    other = tokens.clone()
    other[0, 0] = 7
    effects = effects_of_hiding(model, tokens)
    assert effects.shape == (4,) and (effects > 0).all()
    before = model(tokens)[0, -1]
    edges = torch.zeros(5, 5, dtype=torch.bool)
    edges[1:, 0] = True
    with cut_edges(model, 0, edges), cut_edges(model, 1, edges):
        assert_close(model(tokens)[0, -1], model(other)[0, -1])
        assert_close(moved(before, model(tokens)[0, -1]), effects[0])
