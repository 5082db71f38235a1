"""The panels of the feed-forward chapter, driven from Python."""

import pytest
import torch
import torch.nn.functional as F

from gpt2lab.widgets.activation_panel import ActivationPanel
from gpt2lab.widgets.neurons_panel import NeuronsPanel


def test_activations_at_one_number():
    panel = ActivationPanel(x=-1.0)
    expected = torch.tensor([F.gelu(torch.tensor(-1.0), approximate="tanh"), F.gelu(torch.tensor(-1.0)), 0.0])
    torch.testing.assert_close(torch.tensor(list(panel.result.values())), expected, atol=1e-3, rtol=0)


def test_slopes_agree_with_small_steps():
    panel = ActivationPanel(x=0.5, view="their slopes")
    step = 1e-3
    for name, slope in panel.result.items():
        function = {"ReLU": F.relu, "GELU (exact)": F.gelu}.get(name, lambda x: F.gelu(x, approximate="tanh"))
        ends = function(torch.tensor([0.5 - step, 0.5 + step], dtype=torch.float64))
        torch.testing.assert_close(slope, float(ends[1] - ends[0]) / (2 * step), atol=1e-2, rtol=0)


def test_the_difference_view_leaves_gpt2s_own_out():
    panel = ActivationPanel(view="difference to GPT-2's")
    assert set(panel.result) == {"GELU (exact)", "ReLU"}


def test_neurons_are_the_traces():
    panel = NeuronsPanel(layer=1, token=2)
    post = panel.trace.blocks[1].ffn.post[0]
    strongest = post[2].argmax().item()
    assert panel.result.top[0][0] == panel.result.neuron == strongest
    torch.testing.assert_close(
        torch.tensor([value for _, value in panel.result.along]), post[:, strongest], atol=1e-6, rtol=0
    )
    panel.rank = 2
    assert panel.result.neuron == panel.result.top[1][0]


def test_what_a_neuron_pushes_towards():
    panel = NeuronsPanel()
    direction = panel.model.blocks[0].ffn.down.weight[:, panel.result.neuron].detach()
    best = int((panel.model.token_embedding.weight @ direction).argmax())
    assert panel.result.promotes[0] == panel.encoding.decode([best]).replace(" ", "␣")


def test_a_direction_s_likeness_stands_beside_chance():
    panel = NeuronsPanel()
    embeddings = torch.nn.functional.normalize(panel.model.token_embedding.weight.detach(), dim=-1)
    direction = panel.model.blocks[0].ffn.down.weight[:, panel.result.neuron].detach()
    best = float((embeddings @ (direction / direction.norm())).max())
    assert abs(panel.result.likeness - best) < 1e-5
    fresh = torch.randn(2000, len(direction), generator=torch.Generator().manual_seed(1))
    below = (fresh @ embeddings.T).amax(-1) / fresh.norm(dim=-1) < panel.result.chance
    assert 0.9 < below.float().mean() < 0.99
    assert f"{panel.result.chance:.2f}" in repr(panel.result)


def test_a_shorter_text_brings_the_token_back_into_range():
    panel = NeuronsPanel()
    panel.text = "A robot"
    assert panel.token == len(panel.tokens) - 1
    with pytest.raises(ValueError, match="rank must be a whole number from 1 to 8"):
        panel.rank = 9
