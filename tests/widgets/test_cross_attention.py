"""The cross-attention panel: its numbers are the model's, step by step."""

import pytest
import torch
from torch.testing import assert_close

from gpt2lab.family import translate
from gpt2lab.widgets import CrossAttentionPanel
from gpt2lab.zoo import load_toy


@pytest.fixture(scope="module")
def toy():
    return load_toy("words-to-digits")


@pytest.fixture
def panel(toy):
    return CrossAttentionPanel(toy, text="three thousand forty two")


def test_it_writes_what_translate_writes(panel, toy):
    source = toy.task.encode("three thousand forty two")
    (written,) = translate(toy.model, source, start=toy.task.start, end=toy.task.end)
    assert panel.target == [*written, toy.task.end]
    assert toy.encoding.decode(written) == "3042"


def test_weights_and_probabilities_are_the_models(panel, toy):
    source, target = toy.task.encode("three thousand forty two"), toy.task.encode("=3042")
    with torch.no_grad():
        trace = toy.model.trace(source, target)
    for layer in range(2):
        for head in range(2):
            panel.set(layer=layer, head=head)
            expected = trace.decoder.blocks[layer].cross_attn.attn_weights[0, head]
            assert_close(panel.weights, expected, atol=1e-6, rtol=1e-5)
    for step, row in enumerate(trace.logits[0].softmax(-1)):
        panel.step = step
        assert panel.result.probability == round(float(row.max()), 2)
        assert panel.result.weight == round(float(panel.weights[step].max()), 2)
        assert panel.result.looks_at == panel.words[int(panel.weights[step].argmax())]
        assert len(panel.result.written) == step


def test_the_result_prints_as_a_sentence(panel):
    assert repr(panel.result).startswith("written: nothing yet · now: 3 (100%) · looks at: three (")
    panel.step = 4
    assert repr(panel.result).startswith("written: 3 0 4 2 · now: end (")
    assert panel.layer == 1  # the last one


def test_a_shorter_text_takes_the_step_along(panel):
    panel.step = 4
    panel.text = "seven"
    assert panel.step == 1 and panel.words == ["seven"]
    assert (panel.result.written, panel.result.token) == (("7",), "end")


def test_rows_that_are_not_written_stay_empty(panel):
    first = panel.png
    panel.step = 3
    assert panel.png != first and panel.redraws == 2


def test_another_translator_brings_its_own_text():
    panel = CrossAttentionPanel(load_toy("dates"), step=3)
    assert panel.text == load_toy("dates").task.examples(1)[0].split("=")[0]
    panel.set(text="september 30, 1815", step=6)
    assert (panel.result.token, panel.result.looks_at) == ("9", "september")
    size = panel._picture.display_size()
    assert size["width"] <= 960 and size["height"] <= 500


@pytest.mark.parametrize("text", ["eleven", "one thousand two hundred thirty four", "nine " * 6 + "nine"])
def test_any_number_of_words_is_drawn(panel, text):
    panel.text = text
    assert_close(panel.weights.sum(-1), torch.ones(len(panel.target)), atol=1e-5, rtol=0)
    assert panel._picture.display_size()["height"] <= 500


def test_what_it_cannot_show_is_refused(panel):
    for text, message in (
        ("forty-two", "made of the words that the model knows, got '-': leave it out"),
        ("", "at least one token"),
        ("nine " * 7 + "nine", "at most 7 tokens here, got 8: shorten it"),
    ):
        with pytest.raises(ValueError, match=message):
            panel.text = text
    with pytest.raises(ValueError, match="needs a toy that translates.*got ToyModel"):
        CrossAttentionPanel(load_toy("words-to-digits-gpt"))
