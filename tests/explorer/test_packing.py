import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt2lab.explorer import packing


@settings(deadline=None)  # a busy machine is slow, not wrong
@given(st.integers(1, 12), st.integers(0, 1000))
def test_a_weight_survives_as_one_byte_to_within_four_thousandths(T, seed):
    torch.manual_seed(seed)
    weights = (torch.randn(T, T) * 4).softmax(-1)
    torch.testing.assert_close(packing.decode(packing.encode(weights)), weights, atol=0.004, rtol=0)


def test_a_head_that_looks_everywhere_is_not_erased():
    weights = torch.full((500, 500), 1 / 500)
    decoded = packing.decode(packing.encode(weights))
    torch.testing.assert_close(decoded, weights, rtol=0.09, atol=0)
    linear = (weights * 255).round() / 255
    assert not torch.allclose(linear, weights, rtol=0.5)  # what a linear byte would do


def test_a_triangle_takes_half_the_bytes_and_keeps_the_order():
    weights = torch.tensor([[1.0, 0, 0], [0.25, 0.75, 0], [0, 0, 1]])
    assert packing.is_triangular(weights)
    assert list(packing.pack(weights, triangular=True)) == [255, 128, 221, 0, 0, 255]
    assert list(packing.pack(weights, triangular=False)) == [255, 0, 0, 128, 221, 0, 0, 0, 255]


def test_a_thumbnail_keeps_thin_lines_and_the_triangle():
    weights = torch.diag(torch.ones(98), -1)
    weights[0, 0] = 1.0
    small = packing.thumbnail(weights)
    assert small.shape == (33, 33)
    assert packing.is_triangular(small)
    torch.testing.assert_close(small.diagonal(), torch.ones(33))
    short = torch.rand(5, 5)
    assert packing.thumbnail(short) is short


@pytest.mark.parametrize("T", [37, 98, 130, 512])
def test_the_rows_left_over_at_the_end_of_a_thumbnail_count_too(T):
    torch.manual_seed(T)
    weights = torch.rand(2, T, T)
    small = packing.thumbnail(weights)
    step = -(-T // packing.THUMBNAIL)
    for i in range(small.shape[1]):
        for j in range(small.shape[2]):
            part = weights[:, i * step : (i + 1) * step, j * step : (j + 1) * step]
            torch.testing.assert_close(small[:, i, j], part.amax(dim=(1, 2)), rtol=0, atol=0)
    assert small.shape[1] * step >= T


def test_nan_is_packed_as_zero():
    assert list(packing.encode(torch.tensor([float("nan"), 2.0, -1.0]))) == [0, 255, 0]


@pytest.mark.parametrize(("layers", "heads", "T", "limit"), [(12, 12, 128, 1_300_000)])
def test_all_maps_of_gpt2_small_stay_small(layers, heads, T, limit):
    weights = torch.rand(heads, T, T).tril()
    assert layers * len(packing.pack(weights, triangular=True)) <= limit
