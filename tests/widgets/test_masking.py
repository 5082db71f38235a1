"""The panels of the masking chapter, driven from Python."""

import pytest
import torch

from gpt2lab.widgets.mask_panel import RECIPES, MaskPanel
from gpt2lab.widgets.path_panel import PathPanel


@pytest.fixture(scope="module")
def panel():
    return MaskPanel()


def test_minus_infinity_is_the_models_own_mask(panel):
    panel.recipe = "−∞ before the softmax"
    expected = panel.trace.blocks[0].attn.attn_weights[0, 0]
    torch.testing.assert_close(panel.weights_shown, expected, atol=1e-6, rtol=0)
    assert panel.result.future_share == 0


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_does_what_it_is_called(panel, recipe):
    panel.recipe = recipe
    weights, T = panel.weights_shown, len(panel.labels)
    future = weights.triu(1)
    if recipe in ("no mask", "scores set to 0", "scores set to 0.1"):
        assert bool((future.sum(-1)[:-1] > 0).all())
        torch.testing.assert_close(weights.sum(-1), torch.ones(T), atol=1e-5, rtol=0)
    elif recipe == "zero after the softmax":
        torch.testing.assert_close(future, torch.zeros(T, T), atol=0, rtol=0)
        assert panel.result.smallest_sum < 0.9
    elif recipe == "inverted mask":
        assert bool(weights[-1].isnan().all()) and not bool(weights[:-1].isnan().any())
    elif recipe == "diagonal hidden as well":
        assert bool(weights[0].isnan().all()) and not bool(weights[1:].isnan().any())


def test_two_scores_by_hand(panel):
    panel.recipe = "scores set to 0"
    first_row = panel.trace.blocks[0].attn.scores[0, 0, 0]
    exponentials = torch.cat([first_row[:1], torch.zeros(len(first_row) - 1)]).exp()
    expected = exponentials[1:].sum() / exponentials.sum()
    torch.testing.assert_close(panel.future_share[0], expected, atol=1e-6, rtol=0)


def test_a_bad_recipe_is_one_sentence(panel):
    with pytest.raises(ValueError, match="recipe must be one of"):
        panel.recipe = "cross out"


def test_how_far_a_network_reaches_depends_on_its_initial_weights():
    paths = PathPanel()
    paths.length = 64
    assert paths.gradient["attention"] > 1e-3 > 1e-6 > paths.gradient["LSTM"]
    assert paths.gradient["LSTM, forget bias 3"] > paths.gradient["attention"]
    assert paths.gradient["RNN, orthogonal"] > 1e-3 > 1e-9 > paths.gradient["RNN"]
    assert paths.steps == dict.fromkeys(paths.gradient, 64) | {"attention": 1}
    assert "64 tokens" in paths.result
    with pytest.raises(ValueError, match="tokens must be one of"):
        paths.length = 63


def test_the_colours_of_the_scores_have_a_scale(panel):
    left, _, bar, _ = panel.draw().axes
    low, high = left.images[0].get_clim()
    assert bar.get_xlim() == pytest.approx((low, high)) and high == -low
