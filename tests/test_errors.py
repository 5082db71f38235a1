"""errors: a damaged file and a wrong argument are told apart."""

from __future__ import annotations

import pytest

from gpt2lab.errors import CheckpointError


def test_a_checkpoint_error_is_no_value_error():
    assert not issubclass(CheckpointError, ValueError)
    with pytest.raises(RuntimeError, match="model.safetensors is cut off"):
        raise CheckpointError("model.safetensors is cut off")
