"""From and to Hugging Face checkpoints; only safetensors is ever loaded, because a pickle can run code.

``compression`` makes smaller copies of a model.
"""

from gpt2lab.weights.load import load_gpt2
from gpt2lab.weights.names import ours_to_theirs, read_config
from gpt2lab.weights.save import save_gpt2

__all__ = ["load_gpt2", "ours_to_theirs", "read_config", "save_gpt2"]
