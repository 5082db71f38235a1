"""gpt2lab: GPT-2 taken apart and put back together.

The names in ``__init__.pyi`` load on first use, so that ``import gpt2lab`` stays as fast as torch.
"""

from __future__ import annotations

import lazy_loader

from gpt2lab import moved

moved.install()
_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _load(name)
