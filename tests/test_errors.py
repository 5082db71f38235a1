"""errors: a damaged file and a wrong argument are told apart."""

from __future__ import annotations

import pytest

from gpt2lab import GPT2Config
from gpt2lab.errors import CheckpointError, InputError, is_number, whole_number
from gpt2lab.generation.sampling import Sampling
from gpt2lab.training import TrainConfig


def test_a_checkpoint_error_is_no_value_error():
    assert not issubclass(CheckpointError, ValueError)
    with pytest.raises(RuntimeError, match="model.safetensors is cut off"):
        raise CheckpointError("model.safetensors is cut off")


HUGE = 10**5000  # more digits than Python writes out


class Unprintable:
    def __repr__(self):
        raise RuntimeError("no repr")


def test_a_number_is_one_that_a_float_can_hold():
    assert [is_number(value) for value in (1, 0.5, 10**300, 10**400, -HUGE, True, "1")] == [True] * 3 + [False] * 4


@pytest.mark.parametrize(
    "refused",
    [
        lambda value: whole_number("size", value),
        lambda value: GPT2Config(dropout=value),
        lambda value: GPT2Config(layer_norm_eps=value),
        lambda value: GPT2Config(n_layers=value),
        lambda value: Sampling(temperature=value),
        lambda value: Sampling(top_k=value),
        lambda value: Sampling(top_p=value),
        lambda value: TrainConfig(learning_rate=value),
        lambda value: TrainConfig(weight_decay=value),
        lambda value: TrainConfig(betas=(0.9, value)),
        lambda value: TrainConfig(clip_norm=value),
        lambda value: TrainConfig(steps=value),
        lambda value: TrainConfig(precision=value),
    ],
    ids=range(13),
)
def test_what_cannot_be_written_out_or_is_long_is_refused_in_a_short_sentence(refused):
    for value in (-HUGE, "x" * 10**6, [Unprintable()], Unprintable()):
        with pytest.raises(InputError) as caught:
            refused(value)
        assert len(str(caught.value)) < 400
