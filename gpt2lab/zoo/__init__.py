"""Toy models that were really trained, each with its provenance."""

from gpt2lab.zoo.toys import PairToy, ToyModel, load_toy, save_toy, toy_names

__all__ = ["PairToy", "ToyModel", "load_toy", "save_toy", "toy_names"]
