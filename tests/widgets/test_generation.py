"""The panels of the generation chapter, driven from Python."""

import pytest
import torch

from gpt2lab.config import GPT2Config
from gpt2lab.widgets.cache_panel import CachePanel
from gpt2lab.widgets.sampling_panel import SamplingPanel


@pytest.fixture
def panel():
    return SamplingPanel()


def test_plain_settings_show_the_models_own_distribution(panel):
    own = panel.model(torch.tensor([panel.tokens]))[0, -1].softmax(-1)
    torch.testing.assert_close(panel.probabilities(), own.detach(), atol=1e-6, rtol=1e-4)
    assert panel.result.kept == len(own)


def test_probabilities_have_two_digits_and_grey_bars_an_edge(panel):
    axes = panel.draw().axes[0]
    assert all(len(text.get_text().lstrip("0.")) == 2 for text in axes.texts)
    assert axes.patches[0].get_edgecolor() != axes.patches[0].get_facecolor()


def test_temperature_zero_leaves_one_token(panel):
    panel.temperature = 0.0
    assert panel.result.kept == 1 and panel.top_probability == 1.0 and panel.result.entropy == 0.0


def test_higher_temperature_is_flatter(panel):
    before = panel.result.entropy
    panel.temperature = 2.0
    assert panel.result.entropy > before


def test_top_k_and_top_p_cut(panel):
    panel.set(temperature=0.3, top_k=7)
    assert panel.result.kept == 7
    torch.testing.assert_close(panel.probabilities().sum(), torch.tensor(1.0), atol=1e-5, rtol=0)
    panel.set(top_k=0, top_p=0.5)
    ordered = panel.probabilities().sort(descending=True).values
    own = (panel.trace.logits[0, -1] / 0.3).softmax(-1).sort(descending=True).values
    kept = panel.result.kept
    assert own[: kept - 1].sum() < 0.5 <= own[:kept].sum() + 1e-6
    torch.testing.assert_close(ordered[:kept], own[:kept] / own[:kept].sum(), atol=1e-5, rtol=1e-4)


BAD = [("temperature", -1.0), ("top_k", -1), ("top_p", 0.0), ("top_p", float("nan"))]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_bad_settings_are_one_sentence(panel, name, value):
    with pytest.raises(ValueError, match=f"{name} must be"):
        setattr(panel, name, value)


def test_cache_panel_counts_rows():
    cached = CachePanel(GPT2Config.gpt2(), tokens=5)
    assert (cached.result.rows_without, cached.result.so_far_without, cached.result.so_far_with) == (5, 15, 5)
    assert cached.result.cache_bytes == 2 * 12 * 5 * 768 * 4
    cached.tokens = 1
    assert cached.result.so_far_without == cached.result.so_far_with == 1
