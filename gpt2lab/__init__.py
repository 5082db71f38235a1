"""gpt2lab: GPT-2 taken apart and put back together.

The names in ``__init__.pyi`` load on first use, so that ``import gpt2lab`` stays as fast as torch.
"""

from __future__ import annotations

import gc
import sys

import lazy_loader

from gpt2lab.course import moved

moved.install()
_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

# torch brings a quarter of a million objects that stay. Python would search them for garbage again and again while the
# rest of a first cell loads, which takes a quarter of its time, and in each full search after it.
gc.freeze()  # if torch is there already; if not, see below


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if "torch" in sys.modules or not gc.isenabled():
        return _load(name)
    gc.disable()
    try:
        return _load(name)
    finally:
        gc.freeze()
        gc.enable()
