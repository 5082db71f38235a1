"""The panels over a model: their numbers equal the model's, their pictures are pictures."""

import io
import math
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from gpt2lab import GPT2, GPT2Config, ablate_heads, course_encoding, gpt2_encoding
from gpt2lab.widgets import AttentionPanel, HeadsPanel, LayerNormPanel, ResidualPanel
from gpt2lab.widgets.layernorm_panel import NORMS
from gpt2lab.widgets.text_panel import demo_model, is_untrained
from gpt2lab.zoo import load_toy

PANELS = [AttentionPanel, HeadsPanel, LayerNormPanel, ResidualPanel]
close = dict(atol=1e-6, rtol=1e-5)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(3)
    model = GPT2(GPT2Config(vocab_size=1024, context_length=16, n_layers=2, n_heads=4, d_model=32))
    for parameter in model.parameters():  # as if trained: nothing is exactly 0 or 1
        torch.nn.init.normal_(parameter, std=0.2)
    return model.eval()


def spread(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("L"), dtype=float).std()


@pytest.mark.parametrize("make", PANELS)
def test_every_panel_starts_by_itself_and_says_that_its_weights_are_random(make):
    panel = make()
    assert panel.weights == "random weights" and panel.redraws == 1
    assert spread(panel.png) > 15
    assert repr(panel) == repr(make()) and "0x" not in repr(panel)
    assert repr(panel.result) == repr(make().result) and "0x" not in repr(panel.result)


@pytest.mark.parametrize("make", PANELS)
def test_any_model_with_its_own_encoding(make, model):
    panel = make(model, course_encoding(), text="def f(x):")
    assert panel.weights == "" and spread(panel.png) > 15
    assert make(model, course_encoding(), weights="toy", text="def f(x):").weights == "toy"


@pytest.mark.parametrize("make", PANELS)
def test_an_object_with_model_and_encoding_brings_both(make, model):
    class Toy:
        encoding = course_encoding()

    Toy.model = model
    assert make(Toy, text="x = 1").model is model


@pytest.mark.parametrize("make", PANELS)
@pytest.mark.parametrize("text", ["a", "$x^2$ <b>&", "👩‍👩‍👧", "עברית", "\n\t ", "<|endoftext|>", "\0"])
def test_every_kind_of_text_is_drawn(make, text, recwarn):
    panel = make(text=text)
    assert spread(panel.png) > 3
    assert [str(warning.message) for warning in recwarn] == []


@pytest.mark.parametrize("make", PANELS)
def test_texts_that_cannot_be_shown(make, model):
    panel = make()
    limit = panel.max_tokens
    with pytest.raises(ValueError, match="^text must have at least one token, got an empty string$"):
        panel.text = ""
    with pytest.raises(ValueError, match=f"^text must have at most {limit} tokens here, got 51"):
        panel.text = "a " * 50
    with pytest.raises(ValueError, match="the model knows only 1024: give the panel the model's own encoding"):
        make(model, gpt2_encoding(), text="robot")
    panel.control("text").value = ""
    assert panel.message.startswith("text must have at least one token")
    panel.control("text").value = "a shorter one"
    assert panel.message == "" and panel.text == "a shorter one"


def test_shorter_text_takes_the_token_along():
    for make in (AttentionPanel, LayerNormPanel, ResidualPanel):
        panel = make(text="one two three four")
        panel.token = 3
        panel.text = "one two"
        assert (panel.token, panel.control("token").max) == (1, 1)
        with pytest.raises(ValueError, match="^token must be a whole number from 0 to 1, got 2$"):
            panel.token = 2


def test_an_untrained_model_is_recognised(model):
    assert is_untrained(GPT2(GPT2Config.tiny())) and is_untrained(demo_model(50257))
    assert not is_untrained(model)


def test_the_demo_model_leaves_the_random_generator_alone():
    demo_model.cache_clear()
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    demo_model(300)
    torch.testing.assert_close(torch.rand(1), expected, atol=0, rtol=0)


# Attention


def test_attention_row_equals_the_models(model):
    panel = AttentionPanel(model, course_encoding(), text="return self.x", layer=1, head=2, token=3)
    attn = model.trace(torch.tensor([panel.tokens])).blocks[1].attn
    row = panel.result
    torch.testing.assert_close(torch.tensor(row.weights), attn.attn_weights[0, 2, 3], **close)
    torch.testing.assert_close(torch.tensor(row.scaled), attn.scores[0, 2, 3], **close)
    torch.testing.assert_close(torch.tensor(row.raw), attn.scores[0, 2, 3] * math.sqrt(8), **close)
    assert [math.isinf(score) for score in row.masked] == [i > 3 for i in range(len(panel.tokens))]
    torch.testing.assert_close(panel.matrix, attn.attn_weights[0, 2], **close)


def test_attention_step_by_step_by_hand():
    panel = AttentionPanel(text="The cat sat", layer=2, head=1, token=1, divide=False, temperature=2.0)
    row = panel.result
    first, second = (math.exp(score / 2) for score in row.raw[:2])
    assert row.scaled == pytest.approx([score / 2 for score in row.raw])
    assert row.weights == pytest.approx([first / (first + second), second / (first + second), 0])
    panel.divide = True
    assert panel.result.scaled == pytest.approx([score / 2 / math.sqrt(8) for score in row.raw])


def test_attention_starts_at_the_last_token_unless_told():
    assert AttentionPanel(text="one two three").token == 2
    assert AttentionPanel(text="one two three", token=0).token == 0


def test_the_mask_can_be_switched_off_and_on():
    panel = AttentionPanel(text="one two three", token=0)
    assert panel.result.weights == (1.0, 0.0, 0.0)
    panel.causal = False
    assert min(panel.result.weights) > 0 and sum(panel.result.weights) == pytest.approx(1)
    assert panel.model.causal  # the model itself is as it was
    panel.causal = True
    assert panel.result.weights == (1.0, 0.0, 0.0)


def test_each_stage_shows_another_matrix():
    panel = AttentionPanel()
    pictures = set()
    for stage in ("raw scores", "scaled scores", "masked scores", "weights"):
        panel.stage = stage
        pictures.add(panel.png)
        assert panel.matrix.shape == (11, 11)
    assert len(pictures) == 4
    torch.testing.assert_close(panel.matrix.sum(-1), torch.ones(11), **close)


def test_the_attention_row_prints_as_a_table():
    text = repr(AttentionPanel(text="The cat sat", token=1).result)
    assert re.fullmatch(r"query ␣cat\nkey .*\nThe .*\n␣cat .*\n␣sat +\S+ +\S+ +-inf +0\.000", text)


def test_the_model_runs_once_per_text_and_again_when_asked(model):
    panel = AttentionPanel(model, course_encoding(), text="x = 1", layer=1)
    before = panel.trace
    panel.head = 2
    assert panel.trace is before
    with ablate_heads(model, [(0, 0)]):
        panel.redraw()
        assert panel.trace is not before
        changed = panel.result.weights
    panel.redraw()
    assert panel.result.weights != changed


# Heads


def test_head_patterns_by_hand(model):
    panel = HeadsPanel(model, course_encoding(), text="x = [1, 2]", layer=1, head=3)
    trace = model.trace(torch.tensor([panel.tokens]))
    weights = trace.blocks[1].attn.attn_weights[0, 3].double().tolist()
    T = len(weights)
    by_hand = {"itself": lambda i: i, "previous": lambda i: i - 1, "first": lambda i: 0}
    for name, key in by_hand.items():
        mean = sum(weights[i][key(i)] for i in range(1, T)) / (T - 1)
        assert getattr(panel.result, name) == pytest.approx(mean, abs=1e-6)
    entropy = [-sum(w * math.log(w) for w in row if w > 0) for row in weights]
    assert panel.result.spread == pytest.approx(sum(entropy[1:]) / (T - 1), abs=1e-5)
    assert repr(panel.pattern(1, 3)) == repr(panel.result)


def test_gpt2s_own_shape_fits():
    config = GPT2Config(vocab_size=1024, context_length=32, n_layers=12, n_heads=12, d_model=48)
    panel = HeadsPanel(GPT2(config), course_encoding(), text="def f(x): return x", layer=11, head=11)
    assert spread(panel.png) > 15 and panel.control("layer").max == 11


# Residual stream


def test_sizes_are_norms_and_shares_add_up(model):
    panel = ResidualPanel(model, course_encoding(), text="import os", token=1)
    trace = model.trace(torch.tensor([panel.tokens]))
    reading = panel.result
    assert reading.parts == ("token", "position", "attn 0", "ffn 0", "attn 1", "ffn 1")
    torch.testing.assert_close(torch.tensor(reading.added[2]), trace.blocks[0].attn.out[0, 1].norm(), **close)
    torch.testing.assert_close(torch.tensor(reading.stream[3]), trace.blocks[1].resid_pre[0, 1].norm(), **close)
    final = float(trace.resid_final[0, 1].norm())
    assert reading.stream[-1] == pytest.approx(final, rel=1e-5)
    panel.show = "share of the final stream"
    assert sum(panel.result.added) == pytest.approx(final, rel=1e-4)
    assert panel.result.stream[-1] == pytest.approx(final, rel=1e-5)


def test_gpt2s_own_depth_fits():
    config = GPT2Config(vocab_size=1024, context_length=32, n_layers=12, n_heads=4, d_model=48)
    assert spread(ResidualPanel(GPT2(config), course_encoding(), text="x = 1").png) > 15


# Layer norm


@pytest.mark.parametrize("norm", NORMS)
def test_each_norm_equals_torchs(norm):
    panel = LayerNormPanel(norm=norm, eps=0.01, gain=2.0, bias=-0.5, input_scale=0.1)
    x, d = panel.x, panel.x.shape[-1]
    weight, bias = torch.full((d,), 2.0), torch.full((d,), -0.5)
    expected = {
        "LayerNorm": lambda: F.layer_norm(x, (d,), weight, bias, eps=0.01),
        "RMSNorm": lambda: F.rms_norm(x, (d,), weight, eps=0.01),
        "BatchNorm": lambda: F.batch_norm(x, None, None, weight, bias, training=True, eps=0.01),
        "whole tensor": lambda: F.layer_norm(x, x.shape, eps=0.01) * 2 - 0.5,
    }[norm]()
    torch.testing.assert_close(panel.steps(x)["gain and bias"], expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("norm", NORMS)
def test_who_leaks(norm):
    panel = LayerNormPanel(norm=norm)
    assert panel.result.leaks is (norm in ("BatchNorm", "whole tensor"))
    changes = panel.changes()
    assert changes.argmax() == panel.last_token
    if not panel.result.leaks:
        others = torch.cat([changes[: panel.last_token], changes[panel.last_token + 1 :]])
        torch.testing.assert_close(others, torch.zeros_like(others), atol=0, rtol=0)


def test_layer_norm_undoes_the_scale_of_the_input_until_eps_wins():
    panel = LayerNormPanel()
    for scale in (0.1, 1, 1000):
        panel.input_scale = scale
        assert panel.result.std_after == pytest.approx(1, abs=2e-3)
        assert panel.result.mean_after == pytest.approx(0, abs=1e-5)
    panel.set(input_scale=0.001, eps=1.0)
    assert panel.result.std_after < 1e-3


def test_layer_norm_undoes_a_shift_of_the_input_and_rms_norm_does_not():
    panel = LayerNormPanel(input_shift=5.0)
    assert panel.result.mean_before == pytest.approx(5, abs=0.5)
    assert panel.result.mean_after == pytest.approx(0, abs=1e-5)
    panel.norm = "RMSNorm"
    assert panel.result.mean_after > 0.9


def test_gain_and_bias_are_the_std_and_mean_after_layer_norm():
    panel = LayerNormPanel(gain=2.5, bias=-1.0)
    assert (panel.result.std_after, panel.result.mean_after) == pytest.approx((2.5, -1.0), abs=1e-3)
    assert repr(panel.result).splitlines()[2] == "after:  mean -1.00, std 2.50"
    assert LayerNormPanel(norm="RMSNorm", bias=2.0).result.mean_after < 1  # it has no bias


def test_one_token_alone_is_nobodys_neighbour():
    assert not LayerNormPanel(text="robot").result.leaks


def test_a_word_that_a_toy_does_not_know_is_named_and_the_last_picture_stays():
    toy = load_toy("reference")
    panel = AttentionPanel(toy, text="the robot could")
    with pytest.raises(ValueError, match="made of the words that the model knows, got 'zebra': leave it out"):
        panel.text = "the zebra could"
    assert panel.text == "the robot could"
    panel.text = "the box could "  # a blank at the end is no word
