"""Results of trainings that take no time, for the check that judges settings by what their run shows."""

import importlib

from gpt2lab.errors import DivergenceError
from gpt2lab.training import History

REAL = importlib.import_module("gpt2lab.check.rope_lab").measure
FALLING, STANDING = (2.0, 1.5, 1.0, 0.5), (2.0, 1.0, 1.0, 1.0)
RUNS = {  # what a run with this learning rate shows: accuracy, and the loss of its four quarters
    1e-2: (0.99, FALLING),
    2e-2: (0.98, FALLING),
    1e-3: (0.5, FALLING),
    0.011: (0.979, FALLING),
    0.012: (0.979, STANDING),
    0.3: (0.0, STANDING),
}


def measure(config):
    """The result of a run with these settings; with a rate that is not in the table it explodes."""
    if config.learning_rate not in RUNS:
        raise DivergenceError(step=7, loss=99.0, advice="")
    accuracy, quarters = RUNS[config.learning_rate]
    return History(loss=[value for value in quarters for _ in range(10)], evaluations=[{"accuracy": accuracy}])
