"""The shapes that signatures state are enforced in these tests: a tensor of another one is refused by name."""

import re

import pytest
import torch
from jaxtyping import TypeCheckError

from gpt2lab import attention, feedforward, positions
from gpt2lab.family import encoder
from gpt2lab.studies import influence
from gpt2lab.tasks import drawing

WHOLE, FLAT = torch.zeros(4, 8, dtype=torch.long), torch.zeros(4, 8)


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        pytest.param(lambda: attention.merge_heads(FLAT), "x", id="attention"),
        pytest.param(lambda: feedforward.gelu(WHOLE), "x", id="feedforward"),
        pytest.param(lambda: positions.apply_rope(FLAT, FLAT[0]), "positions", id="positions"),
        pytest.param(lambda: encoder.Encoder.forward(None, FLAT), "x", id="family.encoder"),
        pytest.param(lambda: influence.rank_correlation(FLAT[0], FLAT[:, 0]), "b", id="studies.influence"),
        pytest.param(lambda: drawing.is_held_out(FLAT), "rows", id="tasks.drawing"),
    ],
)
def test_another_shape_or_kind_is_refused(call, argument):
    with pytest.raises(
        TypeCheckError, match=rf"(?s)problem arose whilst typechecking parameter {re.escape(repr(argument))}"
    ):
        call()


def test_a_result_is_compared_too(monkeypatch):
    monkeypatch.setattr(positions, "rotation_angles", lambda *_: torch.zeros(3, 1, 4))  # broadcasts to another shape
    with pytest.raises(TypeCheckError, match="return value"):
        positions.apply_rope(torch.zeros(1, 8), torch.zeros(1, dtype=torch.long))
