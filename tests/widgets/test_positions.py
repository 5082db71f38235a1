"""The panels of the chapter on tokens and positions, driven from Python."""

import pytest
import torch

from gpt2lab.positions import sinusoidal_table
from gpt2lab.tokenizer import train_bpe
from gpt2lab.widgets.bpe_panel import BPEPanel
from gpt2lab.widgets.positions_panel import KINDS, PositionsPanel

TEXT = "low lower lowest new newer newest slow slower slowest"


def test_merges_agree_with_the_trained_vocabulary():
    panel = BPEPanel(TEXT)
    for _ in range(7):
        panel.step()
    trained = train_bpe(TEXT, 256 + 7 + 1)
    expected = [trained.decode([token]).replace(" ", "␣") for token in trained.encode(TEXT)]
    assert list(panel.result.pieces) == expected
    assert panel.result.learned[0] == ("l", "o", 6)


def test_pieces_always_spell_the_text():
    panel = BPEPanel("añb añb 🙂🙂 añb")
    while panel.merges < len(panel.all_merges):
        panel.step()
        assert b"".join(piece for word in panel.words() for piece in word).decode() == panel.text
    last = panel.merges
    panel.step()
    assert panel.merges == last


def test_a_new_text_brings_the_merges_back_into_range():
    panel = BPEPanel(TEXT, merges=11)
    panel.text = "aa aa"
    assert panel.merges == len(panel.all_merges) < 11


@pytest.mark.parametrize(("text", "message"), [("  ", "empty"), ("ab " * 200, "at most 400 characters")])
def test_bad_text_is_one_sentence(text, message):
    panel = BPEPanel(TEXT)
    with pytest.raises(ValueError, match=message):
        panel.text = text
    panel.control("text").value = text  # typed by hand: a sentence in the panel, and the old picture stays
    assert message in panel.message and panel.text == TEXT


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_compares_a_place_with_itself(kind):
    panel = PositionsPanel(kind=kind, position=20)
    curve = list(panel.comparison().values())[0]
    expected = 0.0 if kind in ("ALiBi", "relative bias") else 1.0
    torch.testing.assert_close(curve[20].item(), expected, atol=1e-5, rtol=0)
    assert panel.result["itself"] == expected


def test_a_given_table_is_shown_and_a_short_one_refused():
    panel = PositionsPanel(sinusoidal_table(80, 16), "waves", kind="learned")
    assert panel.result == {"itself": 1.0, **{k: v for k, v in panel.result.items() if k != "itself"}}
    torch.testing.assert_close(panel.image(), sinusoidal_table(64, 16), atol=1e-6, rtol=0)
    with pytest.raises(ValueError, match="n_positions"):
        PositionsPanel(torch.zeros(3, 4))


def test_a_few_large_features_do_not_fade_a_learned_table():
    table = torch.randn(64, 32, generator=torch.Generator().manual_seed(1)) / 10
    table[0, :4] = 50.0
    panel = PositionsPanel(table, "trained", kind="learned")
    assert panel.limit() < 0.4
    panel.kind = "sinusoidal"
    assert panel.limit() is None


@pytest.mark.parametrize("kind", KINDS)
def test_the_colours_of_each_kind_have_a_scale(kind):
    left, _, bar = PositionsPanel(kind=kind).draw().axes
    low, high = left.images[0].get_clim()
    assert bar.get_ylim() == pytest.approx((low, high))
