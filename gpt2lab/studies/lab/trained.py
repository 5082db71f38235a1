"""Trained weights for selected lab rows, one seed each.

    toy = load_trained("parts/no-residual")
    toy.model, toy.task, toy.provenance["seed"]

The seed is chosen by rule: its final score is the median of the row's seeds.
``gpt2lab train-lab parts/no-residual --checkpoint`` trains the row again and writes the model.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gpt2lab.errors import InputError
from gpt2lab.studies.lab import Curves
from gpt2lab.studies.lab.rows import ROWS
from gpt2lab.zoo.toys import WEIGHTS, ToyModel, load_toy

TRAINED = Path(__file__).parent / "trained"


def trained_names() -> list[str]:
    """The rows whose weights come with the course, in the order of the lab."""
    return [name for name in ROWS if (TRAINED / name / WEIGHTS).is_file()]


def load_trained(name: str) -> ToyModel:
    """Load the model of a row.

    Raises
    ------
    ValueError
        For a row without weights, listing those that have some.
    CheckpointError
        If the files are damaged or do not belong together.
    """
    if name not in trained_names():
        raise InputError(f"the lab has no trained model {name!r}; it has {', '.join(trained_names())}")
    return load_toy(TRAINED / name)


def final_score(curves: Curves) -> np.ndarray:
    """What each seed is judged by at the end, (seeds,): accuracy, by generation if the row has no mask."""
    return curves.final("generated_accuracy" if "generated_accuracy" in curves.scores else "accuracy")


def median_seed(curves: Curves) -> int:
    """The seed whose final score is the median of all; the lowest number if several are.

    With an even number of seeds the lower one of the two in the middle counts.
    """
    scores = np.nan_to_num(final_score(curves))  # a diverged seed scores 0
    return int(np.flatnonzero(scores == np.sort(scores)[(len(scores) - 1) // 2])[0])
