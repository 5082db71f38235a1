"""Toy models that were really trained, each with its provenance."""

from gpt2lab.zoo.toys import ToyModel, load_toy, save_toy, toy_names

__all__ = ["ToyModel", "load_toy", "save_toy", "toy_names"]
