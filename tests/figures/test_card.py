"""Cards and dot tables: what they say is there, nothing is markup, what cannot be drawn is refused."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from gpt2lab.errors import InputError
from gpt2lab.figures import card
from gpt2lab.figures.dot_table import dot_table

VERSIONS = {"A": ("def f(x):", "    return x + 1"), "B": ("def f(x):", "    return x")}


def pixels(picture):
    return np.asarray(Image.open(io.BytesIO(picture.png())).convert("L"), dtype=float)


def test_a_card_says_everything_and_its_text_is_no_markup():
    blocks = [
        card.heading("Is <b> right?"),
        card.text("Use `a < b` & more"),
        card.code(VERSIONS, marked=["A2"]),
        card.numbers({"kept <all>": 0.123456, "parameters": 2362368, "a": 1.19e-7, "b": 0.0, "c": -2e-5}),
        card.small("Source: x"),
    ]
    html = card.html(blocks)
    assert "Is &lt;b&gt; right?" in html and ">a &lt; b</code> &amp; more" in html
    assert f"{card.MARK} 2      return x + 1" in html and f"{card.BLANK} 2      return x\n" not in html
    assert "kept &lt;all&gt;" in html and ">0.123<" in html and ">2,362,368<" in html
    assert ">≈ 0 (1e-07)<" in html and ">0<" in html and ">-2e-05<" in html
    assert 'scope="row"' in html and 'aria-label="code B"' in html


def test_a_lonely_backtick_stays():
    assert "a ` b" in card.html([card.text("a ` b")])


def test_letters_are_large_enough_to_be_read_from_afar():
    html = card.html([card.heading("a"), card.text("b"), card.small("c"), card.code(VERSIONS), card.numbers({"d": 1})])
    sizes = re.findall(r"font-size:([^;\"]+)", html)  # of the panels' letters, which grow on a projector
    one = r"var\(--gpt2lab-font,15px\)"
    assert sizes and all(re.fullmatch(rf"{one}|calc\({one} \+ \d+px\)|1em|0\.94em", size) for size in sizes)


def test_colours_come_from_the_page():
    assert not re.search(r"(?<!-)color:#", card.html([card.text("x"), card.code(VERSIONS), card.numbers({"d": 1})]))


def test_a_longer_card_is_higher_and_long_code_stands_one_below_the_other():
    short = card.picture([card.heading("a"), card.code(VERSIONS)], "t")
    long = card.picture([card.heading("a"), card.code({"A": VERSIONS["A"], "B": ("x = " + "y" * 60,)})], "t")
    assert long.get_size_inches()[1] > short.get_size_inches()[1] > 1
    assert pixels(long).std() > 10 and repr(long) == "Picture: t"


def test_as_many_dots_as_the_numbers_say():
    full = dot_table({"a": {"x": 10, "y": 0}, "b": {"x": 1, "y": 3}}, "t")
    offsets = sum(len(found.get_offsets()) for found in full.axes[0].collections)
    assert offsets == 14 and pixels(full).std() > 10


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({}, "at least one row and one column"),
        ({"a": {"x": 1}, "b": {"y": 1}}, "the same columns in every row"),
        ({"a": {"x": 16}}, "from 0 to 15, got 16"),
        ({"a": {"x": 0.5}}, "got 0.5"),
    ],
)
def test_what_cannot_be_drawn(counts, message):
    with pytest.raises(InputError, match=message):
        dot_table(counts)
