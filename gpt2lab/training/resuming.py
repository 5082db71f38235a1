"""Resuming from a checkpoint: whether it belongs to this run, and its history."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from gpt2lab.errors import CheckpointError, shorten, shown
from gpt2lab.tasks.base import Task
from gpt2lab.training.config import TrainConfig
from gpt2lab.training.history import History

MAY_CHANGE = {"device", "folder", "resume", "progress", "checkpoint_every", "compile"}  # on resuming


def check_same_run(path: Path, stored_task: object, stored: object, task: Task, config: TrainConfig) -> None:
    """Refuse a checkpoint of another task, or of settings under which the next step would differ.

    Parameters
    ----------
    path : Path
        Of the checkpoint, for the message.
    stored_task, stored
        The task's name and the settings that the checkpoint holds, as JSON.
    task, config
        What is to be trained now.

    Raises
    ------
    CheckpointError
        Naming the first difference.
    """
    if stored_task != task.identity:
        raise CheckpointError(f"{path}: was trained on task {shown(stored_task)}, not {task.identity!r}")
    if not isinstance(stored, dict):
        raise CheckpointError(f"{path}: its settings are not those of a training run, got {shown(stored)}")
    for name, value in asdict(config).items():
        before = stored.get(name)
        before = tuple(before) if isinstance(before, list) else before  # JSON has no tuples
        if name not in MAY_CHANGE and before != value:
            raise CheckpointError(
                f"{path}: was trained with {name}={shown(before)}, got {shown(value)}; "
                "resume with the same settings, or start in another folder"
            )


def history_from(path: Path, stored: object) -> History:
    """The history that a checkpoint holds as JSON.

    Raises
    ------
    CheckpointError
        If it has other entries than a ``History``.
    """
    try:
        if not isinstance(stored, dict):
            raise TypeError(f"expected an object, got {shown(stored)}")
        return History(**stored)
    except TypeError as error:
        raise CheckpointError(f"{path}: its history is not that of a training run ({shorten(str(error))})") from error
