"""The panel on 1/√d_head, held against autograd and against what probability says."""

import math

import pytest
import torch

from gpt2lab.widgets.score_scaling_panel import N_KEYS, ScoreScalingPanel, _gradient, _queries_and_keys


@pytest.fixture(scope="module")
def panel():
    return ScoreScalingPanel()


@pytest.mark.parametrize("log2_d_head", [2, 6, 10])
def test_spread_of_the_scores(panel, log2_d_head):
    d_head = 2**log2_d_head
    expected = {"√d_head": 1.0, "1": math.sqrt(d_head), "d_head": 1 / math.sqrt(d_head)}
    for divide_by, spread in expected.items():
        panel.set(log2_d_head=log2_d_head, divide_by=divide_by)
        assert panel.result["d_head"] == d_head
        assert panel.result["spread"] == pytest.approx(spread, rel=0.2)


def test_undivided_wide_heads_are_stuck(panel):
    panel.set(log2_d_head=10, divide_by="1")
    assert panel.result["stuck"] > 0.5 and panel.result["at_scores"] < 0.01
    panel.divide_by = "√d_head"
    assert panel.result["stuck"] == 0 and panel.result["at_scores"] > 0.3
    panel.divide_by = "d_head"
    assert panel.result["largest"] == pytest.approx(1 / N_KEYS, rel=0.2)


def test_gradient_is_autograds(panel):
    panel.set(log2_d_head=6, divide_by="√d_head")
    scores = panel.scores().requires_grad_()
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(N_KEYS, 8, generator=generator)
    loss = torch.randn(len(scores), 8, generator=generator)
    (scores.softmax(-1) @ values * loss).sum().backward()
    torch.testing.assert_close(_gradient(scores.detach().softmax(-1)), scores.grad, atol=1e-5, rtol=0)


@pytest.mark.parametrize("divide_by", ["√d_head", "1", "d_head"])
def test_gradient_at_the_query_is_autograds(divide_by):
    panel = ScoreScalingPanel(log2_d_head=4, divide_by=divide_by)
    queries, keys = _queries_and_keys(16)
    queries = queries.clone().requires_grad_()
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(N_KEYS, 8, generator=generator)
    loss = torch.randn(len(queries), 8, generator=generator)
    ((queries @ keys.T / panel.divisor).softmax(-1) @ values * loss).sum().backward()
    torch.testing.assert_close(panel.query_gradients(), queries.grad.norm(dim=-1), atol=1e-5, rtol=1e-5)
    assert panel.result["at_query"] == pytest.approx(queries.grad.norm(dim=-1).median().item(), rel=0.05)


def test_the_picture_keeps_the_gradients_for_later():
    panel = ScoreScalingPanel(gradients=False)
    assert "gradient" not in texts(panel) and "largest weight" in texts(panel)
    panel.gradients = True
    assert "gradient at the query" in texts(panel)


def texts(panel):
    return " ".join(text.get_text() for text in panel.draw().axes[1].texts)


def test_bad_settings_are_one_sentence(panel):
    with pytest.raises(ValueError, match="log2_d_head must be a whole number from 1 to 10, got 11"):
        panel.log2_d_head = 11
    with pytest.raises(ValueError, match="divide_by must be one of"):
        panel.divide_by = "√d_model"
