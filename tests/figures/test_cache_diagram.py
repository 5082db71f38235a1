"""The drawing of the cache: its numbers, its rows, what it refuses."""

import pytest
import torch

from gpt2lab.errors import InputError
from gpt2lab.figures.cache_diagram import KEPT, NEW, cache_diagram

Q = torch.tensor([[1.0, 0], [0, 2], [1, 2], [2, -2]])
K, V = Q + 10, Q + 20
TOKENS = ["She", "was", "not", "sure"]


def colours(picture):
    drawn = [patch.get_facecolor() for patch in picture.axes[0].patches]
    return {name: sum(same(color, name) for color in drawn) for name in (KEPT, NEW)}


def same(color, name):
    return "#" + "".join(f"{round(255 * part):02x}" for part in color[:3]) == name


def test_each_step_adds_one_row_to_keys_and_values():
    drawn = colours(cache_diagram(TOKENS, Q, K, V))
    assert drawn[NEW] - 1 == 4 * 3 * 2  # the legend; 4 steps with a query, a key and a value of 2 numbers
    assert drawn[KEPT] - 1 == (0 + 1 + 2 + 3) * 2 * 2  # the legend; keys and values of earlier tokens


def test_it_shows_the_numbers():
    written = [label.text for label in cache_diagram(TOKENS, Q, K, V)._written]
    assert written.count("30") == 0 and written.count("22") == 3 + 2 + 1  # the values 22: in rows 1, 2 and 3
    assert written.count("8") == 1  # the last key's second number, in the last step only
    assert "step 3: “sure”" in written and "1 query, 4 keys" in written


def test_it_fits_on_a_page_and_is_not_blank():
    picture = cache_diagram(TOKENS, Q, K, V)
    size = picture.display_size()
    assert size["width"] <= 900 and size["height"] <= 500
    assert len(picture.png()) > 5_000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((TOKENS[:3], Q, K, V), "a row of q, k and v for each"),
        (([], Q[:0], K[:0], V[:0]), "1 to 5 tokens"),
        ((TOKENS, Q, K, V[:, :1]), "the shapes"),
        ((TOKENS, Q.repeat(1, 2), K.repeat(1, 2), V.repeat(1, 2)), "1 to 3 features"),
    ],
)
def test_it_refuses_what_it_cannot_draw(arguments, words):
    with pytest.raises(InputError, match=words):
        cache_diagram(*arguments)
