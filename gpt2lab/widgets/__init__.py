"""Panels: live pictures with sliders.

Each panel has a file of its own; ``base`` says how to make one. Names load on first use, so that one
panel does not wait for the others.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "SizesPanel": "sizes_panel",
    "ActivationPanel": "activation_panel",
    "AttentionPanel": "attention_panel",
    "BPEPanel": "bpe_panel",
    "BudgetPanel": "budget_panel",
    "CachePanel": "cache_panel",
    "DepthPanel": "depth_panel",
    "FilingCabinetPanel": "filing_cabinet_panel",
    "MaskPanel": "mask_panel",
    "MapPanel": "map_panel",
    "NeuronsPanel": "neurons_panel",
    "NormPlacementPanel": "norm_placement_panel",
    "HeadsPanel": "heads_panel",
    "LabModelsPanel": "lab_models_panel",
    "LabPanel": "lab_panel",
    "LayerNormPanel": "layernorm_panel",
    "Panel": "base",
    "RipplePanel": "ripple_panel",
    "SamplingPanel": "sampling_panel",
    "SchedulePanel": "schedule_panel",
    "ScoreScalingPanel": "score_scaling_panel",
    "PathPanel": "path_panel",
    "PositionsPanel": "positions_panel",
    "Predict": "predict",
    "ResidualPanel": "residual_panel",
    "TrainPanel": "train_panel",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'gpt2lab.widgets' has no attribute {name!r}")
    return getattr(importlib.import_module(f"gpt2lab.widgets.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
