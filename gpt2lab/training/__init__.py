"""Training: the trainer, its settings, the optimiser, checkpoints, several processes, many models at once."""

from gpt2lab.training.config import TrainConfig
from gpt2lab.training.history import Evaluation, History, perplexity
from gpt2lab.training.trainer import train

__all__ = ["Evaluation", "History", "TrainConfig", "perplexity", "train"]
