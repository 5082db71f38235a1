"""The course's pictures on JupyterLab's page: dark in the dark theme, larger on a large screen."""

import io

import pytest
from PIL import Image

PICTURE = [
    "from gpt2lab.figures import plots\nplots.bars(['here', 'there'], [1, 2])",
]


def _corner(picture):
    """The colour of the upper left corner as it is seen, in grey levels."""
    return Image.open(io.BytesIO(picture.screenshot())).convert("L").getpixel((3, 3))


def test_a_picture_is_white_by_day_and_dark_by_night(lab):
    with lab.open(lab.write("picture", PICTURE)) as notebook:
        notebook.run(0)
        picture = notebook.output(0).locator("img")
        picture.wait_for()
        assert _corner(picture) > 250
        notebook.theme(dark=True)
        assert _corner(picture) < 30
        notebook.theme(dark=False)
        assert _corner(picture) > 250


@pytest.mark.parametrize(("width", "larger"), [(1366, 1), (1920, 1.25)])
def test_a_picture_grows_on_a_large_screen(lab, width, larger):
    with lab.open(lab.write("picture", PICTURE), width=width) as notebook:
        notebook.run(0)
        picture = notebook.output(0).locator("img")
        picture.wait_for()
        assert picture.bounding_box()["width"] == pytest.approx(7.5 * 96 * larger, abs=2)
        assert picture.evaluate("picture => picture.closest('.jp-Cell').scrollWidth") <= width
