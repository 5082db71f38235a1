"""Panels: live pictures with sliders.

Each panel has a file of its own; ``base`` says how to make one. The names in ``__init__.pyi`` load on
first use, so that one panel does not wait for the others.
"""

from __future__ import annotations

import lazy_loader

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _load(name)
