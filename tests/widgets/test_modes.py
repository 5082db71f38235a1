"""Panels leave every module of a model in the mode in which they found it, also after an exception."""

import pytest
import torch

from gpt2lab import GPT2, GPT2Config, course_encoding, widgets
from gpt2lab.widgets.text_panel import TextPanel

PANELS = [name for name in widgets.__all__ if issubclass(getattr(widgets, name), TextPanel)]


@pytest.fixture
def model():
    torch.manual_seed(3)
    model = GPT2(GPT2Config(vocab_size=1024, context_length=64, n_layers=2, n_heads=4, d_model=32, dropout=0.5)).eval()
    model.blocks[0].train()  # a mixture, as when some blocks are frozen
    model.blocks[1].ffn.train()
    return model


def modes(model):
    return {name: module.training for name, module in model.named_modules()}


@pytest.mark.parametrize("name", PANELS)
def test_mixed_modes_stay_and_dropout_is_off(name, model):
    before, make = modes(model), getattr(widgets, name)
    shown = make(model, course_encoding(), text="def f").result
    assert modes(model) == before
    assert shown == make(model.eval(), course_encoding(), text="def f").result  # not its text, which is shorter


@pytest.mark.parametrize("name", PANELS)
def test_modes_stay_after_an_exception_in_the_middle(name, model, monkeypatch):
    before = modes(model)
    panel = getattr(widgets, name)(model, course_encoding(), text="def f")

    def broken(*args, **kwargs):
        raise RuntimeError("out of order")

    for method in ("forward", "trace"):
        monkeypatch.setattr(model.blocks[1].ffn, method, broken)
    with pytest.raises(RuntimeError, match="out of order"):
        panel.redraw()
    panel.control("text").value = "return x"
    assert panel.message == "The model could not be run: RuntimeError: out of order"
    assert modes(model) == before
