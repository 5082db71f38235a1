"""The ablation lab: what breaks without each part, with several seeds and real curves.

    lab = load_lab()
    lab["parts/no-residual"].median("accuracy")      # over the seeds, one number per evaluation
    lab["parts/no-residual"].steps_to(0.9)           # of each seed: when 90 % of the letters were right

A row is one setting, trained with several seeds at the learning rate that suits it. Rows of a group
differ in one thing only, and the first row of a group is the one to compare with.
``gpt2lab train-lab parts/no-residual`` repeats a row.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np

from gpt2lab.errors import CheckpointError
from gpt2lab.studies.lab.rows import ROWS, Row
from gpt2lab.training.config import TrainSettings

CURVES = Path(__file__).parent / "curves.json"


Numbers = list[list[float | None]]  # None where a seed has diverged, because JSON has no nan


class RowFacts(TypedDict):
    """How a row was made."""

    seeds: int
    parameters: int
    seconds: float
    device: str
    torch: str
    python: str
    made: str  # date, UTC
    shape: dict[str, int | float]  # of GPT2Config
    training: TrainSettings
    command: str  # repeats it


class Tuning(TypedDict):
    """How a row's learning rate was found."""

    rates: list[float]  # that were tried
    seeds: list[int]  # with which; none of them is reported
    scores: list[list[float]]  # (rates, seeds): mean share of letters right, over the evaluations on the way


class StoredRow(TypedDict):
    """One row as ``curves.json`` holds it; the entries are those of ``Curves``."""

    facts: RowFacts
    tuning: Tuning | None  # None for a row whose rate is given
    steps: list[int]
    loss: Numbers
    eval_steps: list[int]
    scores: dict[str, Numbers]


@dataclass(frozen=True)
class Curves:
    """What came out for one row: arrays of (points, seeds), nan where a seed has diverged."""

    row: Row
    facts: RowFacts
    tuning: Tuning | None
    steps: np.ndarray  # (points,) of the training loss
    loss: np.ndarray  # (points, seeds) nats, mean over the steps since the last point
    eval_steps: np.ndarray  # (evaluations,)
    scores: dict[str, np.ndarray]  # loss, token_accuracy, accuracy: (evaluations, seeds), held-out cases

    def median(self, score: str = "accuracy") -> np.ndarray:
        """Over the seeds, at each evaluation: (evaluations,), nan where all have diverged."""
        return _over_seeds(np.nanmedian, self.scores[score])

    def range(self, score: str = "accuracy") -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest seed at each evaluation, nan where all have diverged."""
        return _over_seeds(np.nanmin, self.scores[score]), _over_seeds(np.nanmax, self.scores[score])

    @property
    def rate(self) -> float:
        """The highest learning rate of the training."""
        return float(self.facts["training"]["learning_rate"])

    @property
    def at_edge(self) -> bool:
        """Whether the best rate is the lowest or highest that was tried, so that a better one may lie beyond."""
        return self.tuning is not None and self.rate in (self.tuning["rates"][0], self.tuning["rates"][-1])

    def steps_to(self, share: float = 0.9, score: str = "token_accuracy") -> np.ndarray:
        """After how many steps each seed first had this share right, (seeds,); infinity where it never had."""
        reached = np.nan_to_num(self.scores[score]) >= share  # (evaluations, seeds)
        first = self.eval_steps[reached.argmax(axis=0)].astype(float)
        return np.where(reached.any(axis=0), first, np.inf)

    def final(self, score: str = "accuracy") -> np.ndarray:
        """Each seed's last evaluation, (seeds,)."""
        return self.scores[score][-1]


def _over_seeds(reduce: Callable[..., np.ndarray], values: np.ndarray) -> np.ndarray:
    """(evaluations, seeds) -> (evaluations,); numpy warns where there is nothing to reduce."""
    out = np.full(len(values), np.nan)
    known = np.isfinite(values).any(axis=1)
    out[known] = reduce(values[known], axis=1)
    return out


def read_table(path: Path) -> dict[str, StoredRow]:
    """The stored rows by name, as ``run_row`` returned them.

    Raises
    ------
    CheckpointError
        If the file is damaged.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(stored, dict):
            raise TypeError(f"expected rows by name, got a {type(stored).__name__}")
        return stored
    except (OSError, ValueError, TypeError) as error:
        raise CheckpointError(f"{path}: not a readable table of the lab ({error})") from error


def load_lab(path: Path | None = None) -> dict[str, Curves]:
    """All rows that have been run, in the order of the lab.

    Raises
    ------
    CheckpointError
        If the file is damaged.
    """
    path = CURVES if path is None else Path(path)
    stored = read_table(path)
    try:
        return {name: curves_of(row, stored[name]) for name, row in ROWS.items() if name in stored}
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: not a readable table of the lab ({error})") from error


def curves_of(row: Row, stored: StoredRow) -> Curves:
    """What ``run_row`` returned, as arrays."""

    def table(values: Numbers) -> np.ndarray:
        return np.array(values, dtype=float)  # None becomes nan

    return Curves(
        row=row,
        facts=stored["facts"],
        tuning=stored["tuning"],
        steps=np.array(stored["steps"]),
        loss=table(stored["loss"]),
        eval_steps=np.array(stored["eval_steps"]),
        scores={name: table(values) for name, values in stored["scores"].items()},
    )
