"""Old import places, most of them of the first edition, so that a learner's notebook in ``work/`` goes on working.

    gpt2lab.depth  →  gpt2lab.studies.depth

An import of an old name hands on the module that took its place. Remove this file with the third
edition, together with the two lines of ``gpt2lab/__init__.py`` that install it.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
from types import ModuleType

MOVED = {
    "gpt2lab.bpe": "gpt2lab.tokenizer.bpe",
    "gpt2lab.cache": "gpt2lab.attention.cache",
    "gpt2lab.checkpointing": "gpt2lab.training.checkpoint",
    "gpt2lab.cli": "gpt2lab.__main__",
    "gpt2lab.compression": "gpt2lab.weights.compression",
    "gpt2lab.depth": "gpt2lab.studies.depth",
    "gpt2lab.distributed": "gpt2lab.training.distributed",
    "gpt2lab.lab": "gpt2lab.studies.lab",
    "gpt2lab.lab.rows": "gpt2lab.studies.lab.rows",
    "gpt2lab.lab.run": "gpt2lab.studies.lab.run",
    "gpt2lab.lab.trained": "gpt2lab.studies.lab.trained",
    "gpt2lab.length_study": "gpt2lab.studies.length",
    "gpt2lab.metrics": "gpt2lab.tasks.metrics",
    "gpt2lab.notebooks": "gpt2lab.course.notebooks",
    "gpt2lab.optimizer": "gpt2lab.training.optimizer",
    "gpt2lab.presets": "gpt2lab.zoo.recipes",
    "gpt2lab.records": "gpt2lab.files.records",
    "gpt2lab.reference_study": "gpt2lab.studies.reference",
    "gpt2lab.sampling": "gpt2lab.generation.sampling",
    "gpt2lab.stacked": "gpt2lab.training.stacked",
    "gpt2lab.tokens": "gpt2lab.tokenizer.tokens",
    "gpt2lab.topics": "gpt2lab.course.topics",
    "gpt2lab.train_config": "gpt2lab.training.config",
    "gpt2lab.two_processes": "gpt2lab.studies.two_processes",
    "gpt2lab.vocabulary": "gpt2lab.tokenizer.vocabulary",
    "gpt2lab.widgets.block_diagram": "gpt2lab.figures.block_diagram",
    "gpt2lab.widgets.drawing": "gpt2lab.figures.drawing",
    "gpt2lab.widgets.filing_cabinet": "gpt2lab.widgets.filing_cabinet_panel",
    "gpt2lab.widgets.norm_placement": "gpt2lab.widgets.norm_placement_panel",
    "gpt2lab.widgets.plots": "gpt2lab.figures.plots",
    "gpt2lab.widgets.score_scaling": "gpt2lab.widgets.score_scaling_panel",
    "gpt2lab.widgets.style": "gpt2lab.figures.style",
    "gpt2lab.zoo.measure": "gpt2lab.zoo.head_scores",
}


class OldPlaces(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the names in ``MOVED`` and hands on the module that took their place."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.ModuleSpec(fullname, self) if fullname in MOVED else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        """None asks for a plain module; ``exec_module`` replaces it."""

    def exec_module(self, module: ModuleType) -> None:
        sys.modules[module.__name__] = importlib.import_module(MOVED[module.__name__])


def install() -> None:
    """Let old names be imported; harmless when called again."""
    if not any(isinstance(finder, OldPlaces) for finder in sys.meta_path):
        sys.meta_path.insert(0, OldPlaces())  # first: the folder of gpt2lab.lab would be searched otherwise
