"""The descent panel: its steps are those of autograd, and its rates do what they are said to do."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from gpt2lab.errors import InputError
from gpt2lab.widgets import DescentPanel
from gpt2lab.widgets.descent_panel import CUPS, PAID, START


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.2, 0.3])
def test_the_steps_are_those_of_autograd(rate):
    run = DescentPanel(learning_rate=rate, steps=7).result
    w = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=rate)
    for weight, loss in zip(run.weights, run.losses, strict=True):
        measured = (CUPS * w - PAID) ** 2
        torch.testing.assert_close(torch.tensor([weight, loss]).double(), torch.stack([w, measured]).detach())
        optimizer.zero_grad()
        measured.backward()
        optimizer.step()


def test_an_eighth_is_exact_a_quarter_jumps_for_ever_and_more_leaves_the_valley():
    panel = DescentPanel(learning_rate=0.125, steps=1)
    assert panel.result.weight == 3 and panel.result.loss == 0
    panel.set(learning_rate=0.25, steps=20)
    assert set(panel.result.weights) == {0.5, 5.5}
    panel.learning_rate = 0.3
    assert all(a < b for a, b in zip(panel.result.losses, panel.result.losses[1:], strict=False))
    panel.learning_rate = 0.2
    assert all(a > b for a, b in zip(panel.result.losses, panel.result.losses[1:], strict=False))


def test_what_it_says():
    panel = DescentPanel(learning_rate=0.05, steps=1)
    assert repr(panel.result) == "after 1 step at rate 0.05: weight 1.5, loss 9"
    panel.steps = 0
    assert repr(panel.result) == "after 0 steps at rate 0.05: weight 0.5, loss 25"
    with pytest.raises(InputError, match="learning_rate must be a number from 0.01 to 0.3, got 3"):
        panel.learning_rate = 3


@pytest.mark.parametrize("settings", [{"steps": 0}, {}, {"learning_rate": 0.3, "steps": 20}])
def test_the_picture(settings):
    panel = DescentPanel(**settings)
    assert np.asarray(Image.open(io.BytesIO(panel.png)).convert("L"), dtype=float).std() > 15
