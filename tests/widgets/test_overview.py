"""The panels of the first two chapters, driven from Python: the map, the ripple, depth."""

import pytest
import torch

from gpt2lab import interventions
from gpt2lab.model import GPT2
from gpt2lab.studies.depth import profile_stack, stack
from gpt2lab.widgets.depth_panel import DepthPanel
from gpt2lab.widgets.map_panel import MapPanel
from gpt2lab.widgets.ripple_panel import RipplePanel


def test_the_map_shows_the_models_own_prediction():
    panel = MapPanel(text="I love AI", position=1)
    with torch.no_grad():
        logits = panel.model(torch.tensor([panel.tokens]))[0]
    best = logits[1].softmax(-1).topk(5)
    torch.testing.assert_close(torch.tensor([p for _, p in panel.result.top]), best.values)
    assert panel.result.shapes["logits"] == (1, 3, panel.model.config.vocab_size)


def test_the_map_starts_at_the_last_token_and_comes_back_into_range():
    panel = MapPanel(text="The robot could not lift the box")
    assert panel.position == 6
    panel.text = "I love AI"
    assert panel.position == 2


def test_the_map_says_in_one_sentence_what_it_cannot_draw():
    panel = MapPanel(text="I love AI")
    panel.control("text").value = ""
    assert panel.message == "text must have at least one token, got an empty string"
    panel.control("text").value = "one two " * 600
    assert "at most 64 tokens" in panel.message  # as many as its model reads
    assert panel.text == "I love AI"


def test_the_map_takes_a_long_sentence_and_its_columns_follow_the_chosen_token():
    panel = MapPanel(text="I love AI")
    panel.control("text").value = "one two three four " * 5 + "five"
    panel.position = 20
    assert panel.message == "" and panel.result.shapes["ids"] == (1, 21)
    with torch.no_grad():
        best = panel.model(torch.tensor([panel.tokens]))[0, -1].softmax(-1).topk(5)
    torch.testing.assert_close(torch.tensor([p for _, p in panel.result.top]), best.values)
    assert panel.drawn == range(11, 21)
    pictures = {panel.png}
    for position, first in ((19, 11), (15, 8), (9, 2), (3, 0), (0, 0)):
        panel.position = position
        assert position in panel.drawn and panel.drawn == range(first, first + 10)
        pictures.add(panel.png)
    assert len(pictures) == 6
    panel.text = "I love AI, and I love to read about AI"
    assert panel.drawn == range(11)  # so few have a column each


def test_the_map_fits_a_small_screen_with_its_controls():
    _, height = MapPanel(text="The robot could not lift the box")._view.size
    assert height <= 520  # of the 768 pixels of a projector


def test_the_map_takes_another_model():
    panel = MapPanel(text="I love AI")
    before = panel.result.top
    with torch.random.fork_rng():
        torch.manual_seed(5)
        panel.model = GPT2(panel.model.config)
    panel.redraw()
    assert panel.result.top != before


def test_the_map_leaves_the_models_mode_alone():
    panel = MapPanel(text="I love AI")
    panel.model.train()
    try:
        panel.text = "I love"
        assert panel.model.training
    finally:
        panel.model.eval()


def test_ripples_go_right_and_stay_right():
    panel = RipplePanel(text="The robot could not lift the box", position=3)
    assert panel.result.untouched == ("The", "␣robot", "␣could")
    assert panel.result.reached == ("␣not", "␣lift", "␣the", "␣box")
    assert (panel.change[0] > 0).tolist() == [False] * 3 + [True] + [False] * 3  # the embedding: one column


def test_without_attention_a_ripple_stays_in_its_column():
    panel = RipplePanel(text="I love AI", position=1, attention=False)
    assert panel.result.reached == ("␣love",)


def test_without_the_mask_a_ripple_reaches_everything():
    panel = RipplePanel(text="I love AI", position=2, causal_mask=False)
    assert panel.result.untouched == ()
    assert panel.model.causal  # switched back on


def test_the_ripple_panel_would_notice_a_leak(monkeypatch):
    panel = RipplePanel(text="I love AI", position=2)
    with interventions.without_causal_mask(panel.model):
        panel.redraw()
    assert panel.result.reached == ("I", "␣love", "␣AI")


def test_depth_without_sums_and_norms_starves_the_first_block():
    panel = DepthPanel(blocks=48, residual=False, layer_norm=False, scaled_init=False)
    assert panel.result["gradient"] < 1e-12
    panel.set(residual=True, layer_norm=True, scaled_init=True)
    assert 0.5 < panel.result["gradient"] < 2
    assert panel.result["similarity"] < 0.5


def test_depth_with_norms_but_without_sums_makes_all_tokens_alike():
    panel = DepthPanel(blocks=12, residual=False, scaled_init=False)
    assert panel.result["similarity"] > 0.99


@pytest.mark.parametrize("scaled", [True, False])
def test_depth_panel_measures_the_stack_it_shows(scaled):
    """Its blocks are kept and rescaled; the result must be that of a stack built afresh."""
    panel = DepthPanel(blocks=5, scaled_init=not scaled)
    panel.scaled_init = scaled
    fresh = profile_stack(stack(5, scaled_init=scaled, d_model=32))
    torch.testing.assert_close(panel.profile.spread, fresh.spread)
    torch.testing.assert_close(panel.profile.gradient, fresh.gradient)
