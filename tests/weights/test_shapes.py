"""A model of shapes: as the real one, and nothing drawn."""

import torch

from gpt2lab.config import GPT2Config
from gpt2lab.model import GPT2
from gpt2lab.weights.shapes import shapes_only


def test_shapes_only_has_every_shape_and_no_number():
    config = GPT2Config.tiny(vocab_size=50)
    real, shapes = GPT2(config).state_dict(), shapes_only(config).state_dict()
    assert {n: w.shape for n, w in shapes.items()} == {n: w.shape for n, w in real.items()}
    assert all(weight.is_meta for weight in shapes.values())


def test_the_published_sizes_without_their_memory():
    assert shapes_only(GPT2Config.gpt2_xl()).n_parameters() == 1_557_611_200


def test_afterwards_weights_are_drawn_again():
    config = GPT2Config.tiny(vocab_size=50)
    torch.manual_seed(0)
    before = GPT2(config).state_dict()
    generator_state = torch.get_rng_state()
    shapes_only(config)
    assert torch.equal(torch.get_rng_state(), generator_state)
    torch.manual_seed(0)
    after = GPT2(config).state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
