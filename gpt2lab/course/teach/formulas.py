"""Formulas as MathML, which browsers draw by themselves: nothing is fetched, and a screen reader can read it."""

from __future__ import annotations

import functools
import html
import re


@functools.cache
def mathml(latex: str, block: bool = False) -> str:
    """A formula of the chapters as an element ``<math>``; its source stays readable as ``alttext``."""
    from latex2mathml.converter import convert

    made: str = convert(latex.strip(), display="block" if block else "inline")
    made = re.sub(r"\n\s*", "", made)
    return made.replace("<math ", f'<math alttext="{html.escape(latex.strip())}" ', 1)
