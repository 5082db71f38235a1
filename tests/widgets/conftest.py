"""Panels draw their pictures coarsely in these tests: by the same code, in a sixth less time for all of them."""

import pytest

from gpt2lab.figures import style

SHARP, COARSE = style.PIXELS_PER_INCH, 36


def draw_with(pixels_per_inch):
    style.PIXELS_PER_INCH = pixels_per_inch
    style._font.cache_clear()


@pytest.fixture(scope="module", autouse=True)
def coarse():
    draw_with(COARSE)
    yield
    draw_with(SHARP)


@pytest.fixture
def sharp():
    """For a test that measures the picture: as the learner gets it."""
    draw_with(SHARP)
    yield
    draw_with(COARSE)
