"""Who sees whom: one square map per architecture."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from gpt2lab.figures.family_diagrams import who_sees_whom

TOKENS = "three thousand = 3".split()


def drawn(*maps, n_source=2):
    return who_sees_whom({f"map {i}": one for i, one in enumerate(maps)}, TOKENS, n_source)


def blue(picture):
    """How many pixels are blue."""
    pixels = np.asarray(Image.open(io.BytesIO(picture.png()))).astype(int)
    return int(((pixels[..., 2] > 150) & (pixels[..., 0] < 60)).sum())


def test_a_pair_is_blue_if_it_is_seen():
    everything, nothing = torch.ones(4, 4, dtype=torch.bool), torch.zeros(4, 4, dtype=torch.bool)
    empty = blue(drawn(nothing))  # the legend alone
    one = blue(drawn(torch.eye(4, dtype=torch.bool))) - empty
    assert one > 500
    assert blue(drawn(everything)) - empty == pytest.approx(4 * one, rel=0.02)


def test_it_fits_the_page_and_has_a_stable_name():
    picture = drawn(*[torch.ones(4, 4, dtype=torch.bool)] * 3)
    size = picture.display_size()
    assert size["width"] <= 960 and size["height"] <= 500
    assert repr(picture) == "Picture: Who sees whom"


@pytest.mark.parametrize(
    ("maps", "n_source", "message"),
    [
        ([], 2, r"needs maps \(4, 4\) for 4 tokens, at most 12, got {}"),
        ([torch.ones(4, 3)], 2, r"got {'map 0': \(4, 3\)}"),
        ([torch.ones(4, 4)], 4, "n_source must lie between 1 and 3, got 4"),
        ([torch.ones(4, 4)], 0, "n_source must lie between 1 and 3, got 0"),
    ],
)
def test_bad_input_is_one_sentence(maps, n_source, message):
    with pytest.raises(ValueError, match=message):
        drawn(*maps, n_source=n_source)
