"""Numbers as people read them, written as js/words.mjs writes them."""

from __future__ import annotations

import math
from typing import Any


def amount(p: Any) -> str:
    """A probability or weight as the browser writes it: .43, <.001, 1.0."""
    if not math.isfinite(p):
        return "–"
    if p == 0:
        return "0"
    if p < 0.0005:
        return "<.001"
    return "1.0" if p >= 0.995 else f"{p:.{3 if p < 0.0995 else 2}f}".removeprefix("0")


def percent(p: Any) -> str:
    """A probability in percent with one digit, as the browser writes it."""
    return "<0.1 %" if 0 < p < 0.0005 else f"{100 * p:.1f} %"


def number(value: Any) -> str:
    """Four digits at most, with a real minus sign, as the browser writes it."""
    if not math.isfinite(value):
        return "–" if math.isnan(value) else "−∞" if value < 0 else "∞"
    size = abs(float(value))
    digits = 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 1 else 3
    return "0" if value == 0 else f"{value:.{digits}f}".replace("-", "−")
