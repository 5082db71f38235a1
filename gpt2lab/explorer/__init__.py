"""The explorer: all of GPT-2 for one sentence, to look at, point at and switch off.

``Explorer`` is the widget. It loads on first use, because it needs anywidget and matplotlib.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {"Explorer": "explorer", "head_scores": "roles"}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'gpt2lab.explorer' has no attribute {name!r}")
    return getattr(importlib.import_module(f"gpt2lab.explorer.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
