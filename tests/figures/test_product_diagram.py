"""The drawing of a matrix product: its numbers, what it marks, what it refuses."""

import pytest
import torch

from gpt2lab.course.cells import is_blank
from gpt2lab.errors import InputError
from gpt2lab.figures.product_diagram import BOTH, COLUMN, ROW, product_diagram

LEFT = torch.tensor([[2.0, 1, 4], [0, 3, 2]])
RIGHT = torch.tensor([[3.0, 4], [2, 1], [0.5, 1]])
NAMES = {"rows": ["Jane", "Lydia"], "inner": ["tea", "muffins", "ribbons"], "columns": ["Meryton", "Lambton"]}


def marked(picture, color):
    wanted = tuple(int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return sum(patch.get_facecolor()[:3] == pytest.approx(wanted, abs=1e-6) for patch in picture.axes[0].patches)


def test_it_marks_one_row_one_column_and_where_they_meet():
    picture = product_diagram(LEFT, RIGHT, 1, 1, **NAMES)
    assert (marked(picture, ROW), marked(picture, COLUMN), marked(picture, BOTH)) == (3, 3, 1)
    assert not is_blank(picture.png())


def test_it_writes_the_sum_and_every_number_of_the_result():
    written = {text.get_text() for text in product_diagram(LEFT, RIGHT, 1, 1, **NAMES).axes[0].texts}
    assert "Lydia in Lambton:  0·4 + 3·1 + 2·1 = 5" in written
    assert {f"{number:g}" for number in (LEFT @ RIGHT).flatten().tolist()} <= written
    assert {name for names in NAMES.values() for name in names} <= written


@pytest.mark.parametrize(
    ("left", "right", "at", "names", "message"),
    [
        (LEFT, LEFT, (0, 0), NAMES, r"needs \(n, m\) and \(m, k\)"),
        (LEFT[0], RIGHT, (0, 0), NAMES, r"got \(3,\) and"),
        (LEFT, RIGHT, (2, 0), NAMES, "no number at"),
        (LEFT, RIGHT, (0, 0), NAMES | {"inner": ["tea"]}, "3 names for inner, got 1"),
    ],
)
def test_it_refuses(left, right, at, names, message):
    with pytest.raises(InputError, match=message):
        product_diagram(left, right, *at, **names)
