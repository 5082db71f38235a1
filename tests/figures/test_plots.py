"""Figures: not blank, in one style, and clear about what they were given."""

import io
import warnings

import matplotlib
import numpy as np
import pytest
import torch
from contrast import contrast
from PIL import Image

from gpt2lab.figures import plots
from gpt2lab.figures.drawing import as_array
from gpt2lab.figures.style import ANGLE
from gpt2lab.figures.weights import attention_maps

TOKENS = ["The", "␣robot", "$x$", "🙂"]


def spread(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("L"), dtype=float).std()


FIGURES = {
    "heatmap": lambda: plots.heatmap(torch.eye(4), TOKENS, TOKENS, title="Weights", scale="weight"),
    "signed": lambda: plots.heatmap(torch.randn(3, 30), signed=True, xlabel="feature"),
    "with infinities": lambda: plots.heatmap(torch.zeros(4, 4).masked_fill(torch.eye(4).bool(), -torch.inf)),
    "lines": lambda: plots.lines(range(9), {"a": torch.rand(5, 9), "b": np.ones(9)}, title="Curves"),
    "log lines": lambda: plots.lines([1, 10, 100], {"a": [1e-3, 1, 1e3]}, log_x=True, log_y=True),
    "bars": lambda: plots.bars(TOKENS, [1, -2, 0, 1e-6], title="Bars", xlabel="nats"),
    "two bars": lambda: plots.bars(TOKENS, {"before": [1, 2, 3, 4], "after": torch.rand(4, requires_grad=True)}),
}


@pytest.mark.parametrize(
    ("values", "written"),
    [
        ([0.2, 0.28, 0], ["0.20", "0.28", "0"]),
        ([-0.5, 1, 0.123], ["−0.500", "1.000", "0.123"]),
        ([12, 0.5, 1e-5], ["12", "0.5", "1e-05"]),
    ],
)
def test_shares_of_one_picture_have_the_same_decimals(values, written):
    picture = plots.bars(["a", "b", "c"], values)
    texts = [text.get_text() for text in picture.axes[0].texts]
    assert texts == written


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_not_blank_and_warns_of_nothing(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = FIGURES[name]()
        assert spread(picture.png()) > 10
    assert picture.axes[0].get_facecolor()[:3] == (1, 1, 1)


def test_a_figure_shows_itself_without_pyplot():
    picture = FIGURES["heatmap"]()
    bundle, metadata = picture._repr_mimebundle_()
    assert bundle["text/plain"] == repr(picture) == "Picture: Weights"
    assert isinstance(bundle["image/png"], str) and metadata["image/png"]["width"] > 500
    assert isinstance(picture, matplotlib.figure.Figure)


def test_letters_are_large_enough_for_the_back_row():
    for name, make in FIGURES.items():
        picture = make()
        picture.png()  # the numbers along the sides exist only now
        texts = [text for axes in picture.axes for text in axes.findobj(matplotlib.text.Text) if text.get_text()]
        assert texts and min(text.get_size() for text in texts) >= 9, name
        assert picture.axes[0].title.get_size() >= 13 or not picture.title


def test_the_mask_leaves_the_rest_of_the_values():
    mask = torch.ones(3, 3).tril().bool()
    picture = plots.heatmap(torch.full((3, 3), 0.5), mask=mask)
    shown = picture.axes[0].images[0].get_array()
    np.testing.assert_array_equal(np.isnan(np.ma.filled(shown, np.nan)), ~mask.numpy())


def test_curves_with_several_runs_show_median_and_range():
    runs = np.array([[0.0, 1, 2], [10, 11, 12], [1, 2, 3]])
    axes = plots.lines(range(3), {"loss": runs}).axes[0]
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), [1, 2, 3])
    band = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == (0, 12)


def test_a_curve_that_covers_another_lets_it_through():
    axes = plots.lines(range(9), {"below": np.ones(9), "apart": range(9), "above": np.ones(9)}).axes[0]
    assert [line.is_dashed() for line in axes.lines] == [False, False, True]


def test_a_mask_of_whole_numbers_has_no_colour_bar():
    assert len(plots.heatmap(torch.eye(4)).axes) == 1
    assert len(plots.heatmap(torch.eye(4), scale="weight").axes) == 2
    assert len(plots.heatmap(torch.eye(4) / 2).axes) == 2


def test_the_names_of_many_rows_do_not_touch():
    signs = list("jpqgjpqgjpqgjpqgjpqgjpqg")
    axes = attention_maps({"a": torch.eye(24), "b": torch.eye(24)}, signs, signs, width=8.4).axes[0]
    row = 72 * axes.bbox.height / axes.figure.dpi / 24  # points
    assert max(label.get_size() for label in axes.get_yticklabels()) <= 0.85 * row


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: plots.heatmap(torch.zeros(1, 4, 4)), r"heatmap needs a matrix .*\(1, 4, 4\)"),
        (lambda: plots.heatmap(torch.zeros(4, 4), ["a"]), "one label for each of the 4 rows, got 1"),
        (
            lambda: plots.heatmap(torch.zeros(4, 4), columns=["a"]),
            "one label for each of the 4 columns, got 1",
        ),
        (lambda: plots.lines([1, 2], {"a": [1, 2, 3]}), "curve 'a' needs one value for each of 2 x"),
        (lambda: plots.bars(["a"], [1, 2]), "one value for each of the 1 labels"),
        (lambda: plots.heatmap(torch.zeros(3, 0)), r"that is not empty, got shape \(3, 0\)"),
        (lambda: plots.lines(3, {"a": [1]}), r"x as a list of numbers that is not empty, got shape \(\)"),
        (lambda: plots.bars([], []), "at least one label and one row"),
        (lambda: plots.bars(["a"], {}), "at least one label and one row"),
        (lambda: plots.bars(["a"], ["much"]), r"needs numbers .*, got \['much'\]"),
        (lambda: plots.heatmap([[1, 2], [3]]), r"a list of one shape, got \[\[1, 2\], \[3\]\]"),
        (lambda: plots.heatmap(None), r"needs a matrix .*got shape \(\)"),
    ],
)
def test_what_does_not_fit_is_one_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    "values",
    [
        torch.tensor([1.0, 2.0], requires_grad=True),
        torch.tensor([1, 2], dtype=torch.bfloat16),
        [torch.tensor(1.0, requires_grad=True), 2],
        (np.float32(1), np.int64(2)),
        range(1, 3),
    ],
)
def test_numbers_in_any_container_become_one_float_array(values):
    array = as_array(values)
    assert array.dtype == np.float64
    np.testing.assert_array_equal(array, [1.0, 2.0])


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.12345, "0.123"), (-12.345, "−12.3"), (12345, "12345"), (1.234e-7, "1.23e-07")],
)
def test_short_numbers(value, text):
    assert plots.short(value) == text


def test_names_at_the_ends_stay_below_the_title():
    curves = {"heavy to large: the answer stays": [0, 1], "swapped and weak: the answer stays": [0, 0.99]}
    picture = plots.lines([0, 1], curves, title="A title that is as wide as the curves and the axes below it")
    picture.png()
    axes = picture.axes[0]
    names = [text.get_window_extent() for text in axes.texts]
    assert len(names) == 2
    assert all(name.y1 <= axes.bbox.y1 for name in names)
    assert not any(name.overlaps(other) for name, other in zip(names, names[1:], strict=False))


def test_the_colours_of_a_direction_close_a_circle_and_are_seen_on_white_and_on_black():
    around = ANGLE(np.linspace(0, 1, 60))
    np.testing.assert_allclose(around[0], around[-1])
    for page in ((1, 1, 1), (0, 0, 0)):
        assert min(contrast(color, page) for color in around) >= 3
