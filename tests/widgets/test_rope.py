"""The panel of turning arrows: distance alone counts, and the picture shows what is measured."""

import math

import pytest
import torch

from gpt2lab.widgets.rope_panel import KEY, LENGTHS, QUERY, RopePanel, T


@pytest.mark.parametrize("pair", range(4))
def test_the_angle_belongs_to_the_distance(pair):
    panel = RopePanel(query=5, key=2, pair=pair)
    near = panel.result
    panel.set(query=20, key=17)
    assert panel.result == near
    panel.set(query=20, key=12)
    assert panel.result["angle"] != near["angle"] and panel.result["distance"] == 8


def test_turned_by_hand():
    panel = RopePanel(query=3, key=1, pair=0)  # one radian per place
    angle = math.radians(QUERY - KEY) + 2
    assert panel.result["degrees per place"] == 57.3
    torch.testing.assert_close(panel.result["angle"], math.degrees(angle), atol=0.06, rtol=0)
    torch.testing.assert_close(panel.result["score"], LENGTHS[0] * LENGTHS[1] * math.cos(angle), atol=0.006, rtol=0)


def test_scores_are_one_number_along_each_diagonal_and_not_all_alike():
    scores = RopePanel().scores()
    assert scores.shape == (T, T)
    torch.testing.assert_close(scores[1:, 1:], scores[:-1, :-1], atol=1e-5, rtol=0)
    assert scores[:, 0].std() > 0.1


def test_the_key_s_arrow_belongs_to_the_key_s_place():
    panel = RopePanel(query=3, key=8, pair=2)
    at = panel.scores()[3, 8]
    torch.testing.assert_close(panel.result["score"], float(at), atol=0.006, rtol=0)
