"""The two drawings of attention show numbers that are computed, and the maps one scale."""

import numpy as np
import pytest
import torch
from matplotlib.text import Text

from gpt2lab.attention import attention
from gpt2lab.course.cells import is_blank
from gpt2lab.figures.head_diagrams import heads_diagram, one_head_diagram
from gpt2lab.figures.weights import attention_maps, without_future

TOKENS = ["robot", "stops", "it"]
X = torch.tensor([[2.0, 0, 0], [0, 1, 0], [1, 0, 1]])
W_Q = torch.tensor([[0.0, 0], [1, 0], [2, 0]])
W_K = torch.tensor([[1.0, 0], [0, 1], [0, 0]])
W_V = torch.tensor([[5.0, 0], [0, 10], [0, 0]])


def words(picture):
    return {text.get_text() for axes in picture.axes for text in axes.texts}


def test_one_head_shows_what_attention_computes():
    picture = one_head_diagram(TOKENS, X, W_Q, W_K, W_V)
    blend, weights = attention((X @ W_Q)[-1:], X @ W_K, X @ W_V)
    written = words(picture)
    assert {f"{weight:.2f}" for weight in weights[0].tolist()} <= written
    assert f"blend  ({blend[0, 0]:.2f}, {blend[0, 1]:.2f})" in written
    assert {"query  (2, 0)", "(10, 0)", "robot  (2, 0, 0)"} <= written
    assert not is_blank(picture.png())


def test_one_head_hides_later_tokens():
    written = words(one_head_diagram(TOKENS, X, W_Q, W_K, W_V, query=1))
    assert "robot  (2, 0, 0)" in written and "it  (1, 0, 1)" not in written


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((TOKENS[:2], X, W_Q, W_K, W_V), "a row of x for each, got 2 tokens and x of shape \\(3, 3\\)"),
        ((TOKENS, X, W_Q.T, W_K, W_V), "must be \\(d_model, d_head\\) with d_model = 3, got \\(2, 3\\)"),
    ],
)
def test_one_head_says_what_does_not_fit(arguments, message):
    with pytest.raises(ValueError, match=message):
        one_head_diagram(*arguments)


def test_heads_are_drawn_with_their_shapes():
    picture = heads_diagram(n_heads=3, d_head=4, T=5)
    assert {"(5, 12)", "3 × (5, 5)", "3 × (5, 4)", "W_O", "head 2"} <= words(picture)
    assert not is_blank(picture.png())
    with pytest.raises(ValueError, match="1 to 6 heads"):
        heads_diagram(n_heads=12)


def test_maps_share_one_scale_and_hide_the_future():
    maps = {"sharp": torch.eye(3), "even": torch.full((3, 3), 1 / 3)}
    picture = attention_maps(maps, TOKENS, TOKENS)
    images = [axes.images[0] for axes in picture.axes[:2]]
    assert [axes.get_title(loc="left") for axes in picture.axes[:2]] == ["sharp", "even"]
    assert all((image.norm.vmin, image.norm.vmax) == (0, 1) for image in images)
    assert np.isnan(np.asarray(images[0].get_array().filled(np.nan))[0, 2])  # nobody looks ahead: hidden
    assert not np.ma.is_masked(images[1].get_array())
    assert [label.text for label in picture._written].count("0.33") == 9  # written into the cells of a small map
    with pytest.raises(ValueError, match="weights between 0 and 1, by name; got {'raw': \\(3, 3\\)}"):
        attention_maps({"raw": 5 * torch.eye(3)})


@pytest.mark.parametrize(("width", "ticks"), [(9, ["0", ".01", ".1"]), (6.5, ["0", ".1", ".25"])])
def test_a_narrow_scale_keeps_its_numbers_apart(width, ticks):
    picture = attention_maps({"one": torch.eye(9)}, width=width)
    assert [label.get_text() for label in picture.axes[-1].get_xticklabels()][:3] == ticks
    picture.draw_without_rendering()
    ends = [label.get_window_extent() for label in picture.axes[-1].get_xticklabels()]
    assert all(b.x0 - a.x1 > 3 for a, b in zip(ends, ends[1:], strict=False))


def test_little_room_is_left_above_the_maps():
    picture = attention_maps({"one": torch.eye(9)}, list("abcdefghi"), list("abcdefghi"), width=6.5)
    picture.draw_without_rendering()
    title = next(text for text in picture.axes[0].findobj(Text) if text.get_text() == "one")
    assert 3 < picture.bbox.y1 - title.get_window_extent().y1 < 30


def test_labels_stand_upright_only_where_a_column_is_narrow():
    for n, turned in ((3, 0), (24, 90)):
        names = [f"word {i}" for i in range(n)]
        axes = attention_maps({"even": torch.full((n, n), 1 / n)}, names, names).axes[0]
        assert {label.get_rotation() for label in axes.get_xticklabels()} == {turned}


def test_a_map_without_mask_stays_whole():
    assert np.isnan(without_future(np.eye(2))[0, 1])
    assert not np.isnan(without_future(np.full((2, 2), 0.5))).any()
