"""Generation: predict, choose, append, repeat. ``loop`` is the whole of it; ``sampling`` is how one token is chosen."""

from gpt2lab.attention.cache import KVCache, LayerCache
from gpt2lab.generation.loop import generate, generate_steps
from gpt2lab.generation.sampling import Sampling, check_sampling, next_token_probabilities

__all__ = [
    "KVCache",
    "LayerCache",
    "Sampling",
    "check_sampling",
    "generate",
    "generate_steps",
    "next_token_probabilities",
]
