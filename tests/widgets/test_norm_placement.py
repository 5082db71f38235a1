"""The panel on pre-LN and post-LN through depth."""

import pytest

from gpt2lab.widgets.norm_placement_panel import NormPlacementPanel


@pytest.fixture(scope="module")
def panel():
    return NormPlacementPanel(n_blocks=6)


def test_post_ln_keeps_the_stream_at_one_and_pre_ln_lets_it_grow(panel):
    panel.set(n_blocks=24, scaled_init=False)
    profiles = panel.profiles()
    assert len(profiles["pre-LN"].spread) == 24
    assert abs(profiles["post-LN"].spread - 1).max() < 5e-3
    assert profiles["pre-LN"].spread[-1] > 3


def test_depth_shrinks_the_last_gradient_of_pre_ln_only(panel):
    panel.set(n_blocks=6, scaled_init=False)
    shallow = panel.result
    panel.n_blocks = 24
    deep = panel.result
    assert deep["pre-LN"]["gradient, last block"] < 0.6 * shallow["pre-LN"]["gradient, last block"]
    assert 0.5 < deep["post-LN"]["gradient, last block"] / shallow["post-LN"]["gradient, last block"] < 2


def test_scaled_weights_make_both_even(panel):
    panel.set(n_blocks=24, scaled_init=True)
    for name in ("pre-LN", "post-LN"):
        assert 0.5 < panel.result[name]["gradient, last block"] / panel.result[name]["gradient, block 1"] < 2
    assert panel.result["pre-LN"]["spread"] < 1.5


def test_a_bad_depth_is_one_sentence(panel):
    with pytest.raises(ValueError, match="n_blocks must be a whole number from 1 to 48, got 49"):
        panel.n_blocks = 49
    panel.control("scaled_init").value = False  # the mouse
    assert panel.scaled_init is False and panel.message == ""
