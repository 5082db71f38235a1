"""Heads that are drawn together with the selected one: what the explorer's ``also`` trait holds."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gpt2lab.errors import InputError

MOST = 5  # beside the selected one: more colours are not told apart
_HEAD = re.compile(r"head ([0-9]+)\.([0-9]+)")


def why_not(words: Sequence[object], grid: Sequence[int] | None) -> str:
    """Why these heads cannot be drawn together; empty if they can. js/links.mjs says the same.

    Parameters
    ----------
    grid : heads per layer; None if it is not known yet
    """
    for word in words:
        match = _HEAD.fullmatch(word) if isinstance(word, str) else None
        if match is None:
            return f'also must hold heads such as "head 0.3", got "{str(word)[:40]}"'
        layer, head = int(match[1]), int(match[2])
        if grid is not None and not (layer < len(grid) and head < grid[layer]):
            return f"there is no head {head} in layer {layer}"
    return f"also must hold at most {MOST} heads, got {len(words)}" if len(words) > MOST else ""


def check(words: Sequence[object], grid: Sequence[int] | None) -> list[str]:
    """The list, each head once; InputError for what is no head of this model, and for more than ``MOST``."""
    if why := why_not(words, grid):
        raise InputError(why)
    return list(dict.fromkeys(map(str, words)))
