"""GPT-2's relatives: encoder, decoder with cross-attention, both; a classifier; models without attention.

The names in ``__init__.pyi`` load on first use.
"""

from __future__ import annotations

import lazy_loader

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _load(name)
