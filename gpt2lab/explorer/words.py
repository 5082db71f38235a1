"""Numbers as people read them, written as js/words.mjs writes them: tests/js/rounding.json holds cases of both.

Halves are rounded up (away from zero), as JavaScript's ``toFixed`` does and Python's own formatting
does not: 1/8 is .13 on either side.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import SupportsFloat

_EXACT = Context(prec=60)
_EXPONENT = 1e21  # from here on toFixed writes an exponent


def half_up(value: float) -> int:
    """The nearest whole number, of two the larger, as ``Math.round``."""
    whole = math.floor(value)
    return whole + (value - whole >= 0.5)  # the difference is exact; value + 0.5 need not be


def fixed(value: float, digits: int) -> str:
    """A number with so many digits after the point, as ``toFixed``."""
    if abs(value) >= _EXPONENT:
        return repr(value)
    return f"{Decimal(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, _EXACT):f}"


def amount(p: SupportsFloat) -> str:
    """A probability or weight: .43, <.001, 1.0."""
    p = float(p)
    if not math.isfinite(p):
        return "–"
    if p == 0:
        return "0"
    if p < 0.0005:
        return "<.001"
    return "1.0" if p >= 0.995 else fixed(p, 3 if p < 0.0995 else 2).removeprefix("0")


def percent(p: SupportsFloat) -> str:
    """A probability in percent, with one digit."""
    p = float(p)
    return "<0.1 %" if 0 < p < 0.0005 else f"{fixed(100 * p, 1)} %"


def number(value: SupportsFloat) -> str:
    """Four digits at most, with a real minus sign."""
    value = float(value)
    if not math.isfinite(value):
        return "–" if math.isnan(value) else "−∞" if value < 0 else "∞"
    size = abs(value)
    digits = 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 1 else 3
    return "0" if value == 0 else fixed(value, digits).replace("-", "−")
