"""Whatever a panel writes can be read: no pale letters, none in one another's way, no picture for nothing."""

import pytest
from contrast import ENOUGH, contrast
from matplotlib.colors import to_rgb
from matplotlib.text import Text

import gpt2lab.widgets
from gpt2lab.figures.style import house_style
from gpt2lab.widgets import AttentionPanel, BPEPanel, MaskPanel, Panel, PathPanel

OFFERED = [getattr(gpt2lab.widgets, name) for name in dir(gpt2lab.widgets)]
KINDS = [kind for kind in OFFERED if issubclass(kind, Panel) and kind is not Panel]
SENTENCE = "The robot could not lift the box because it was heavy"


def drawn(panel):
    with house_style():
        picture = panel.draw()
    picture.png()
    return picture


def written(picture):
    """Every label with its colour; white ones stand on a dark ground."""
    for text in picture.findobj(Text):
        if text.get_visible():
            yield text.get_text(), to_rgb(text.get_color())
    for label in picture._written:
        yield label.text, to_rgb(label.color)


@pytest.mark.parametrize("kind", KINDS)
def test_letters_stand_out_from_the_page(kind):
    more = {"merges": 2} if kind is BPEPanel else {}
    faint = {
        text: color
        for text, color in written(drawn(kind(**more)))
        if any(map(str.isalnum, text)) and color != (1, 1, 1) and contrast(color, (1, 1, 1)) < ENOUGH
    }
    assert faint == {}


@pytest.mark.usefixtures("sharp")
@pytest.mark.parametrize("panel", [MaskPanel(text=SENTENCE), AttentionPanel(text=SENTENCE, stage="weights")])
def test_the_longest_token_below_a_map_ends_above_the_scale(panel):
    picture = drawn(panel)
    scale = max(axes.get_window_extent().y1 for axes in picture.axes[2:])
    label = next(label for label in picture._written if label.text == "␣because" and label.upright)
    top = label.axes.transData.transform((label.x, label.y))[1]
    assert top - 0.78 * picture.dpi > scale + 4  # at 11.5 points the word is 0.78 inches long


def test_two_rows_of_tokens_leave_room_for_five_merges_and_no_more():
    panel = BPEPanel(merges=9)
    picture = drawn(panel)
    merges = [text.get_text() for text in picture.texts if "×" in text.get_text()]
    assert [line[:2] for line in merges] == ["9.", "8.", "7.", "6.", "5."]
    lowest = min(text.get_window_extent().y0 for text in picture.texts)
    assert 0 < lowest < 0.5 * picture.dpi


def test_a_curve_that_another_runs_along_is_seen_on_both_sides_of_it():
    widths = {line.get_label(): line.get_linewidth() for line in PathPanel().draw().axes[0].get_lines()}
    assert widths["RNN"] >= 2 * widths["LSTM"]
