"""Two sentences side by side: brought to one length, and called by the word in which they differ."""

from __future__ import annotations

from collections.abc import Callable


def aligned(first: list[int], second: list[int]) -> tuple[list[int], list[int], str]:
    """Both cut to the length of the shorter, and a note if something was cut.

    Position is compared with position: after one token more, a causal model's vectors have other neighbours.
    """
    if not second or len(first) == len(second):
        return first, second, ""
    T = min(len(first), len(second))
    note = f"The sentences have {len(first):,} and {len(second):,} tokens: the first {T:,} of both are compared."
    return first[:T], second[:T], note


def called(first: list[int], second: list[int], label: Callable[[int], str]) -> tuple[str, str]:
    """Names for the two: the tokens that differ, if it is one."""
    differ = [(a, b) for a, b in zip(first, second, strict=True) if a != b]
    if len(differ) != 1:
        return "first sentence", "second sentence"
    words = [label(token).replace("␣", " ").strip() for token in differ[0]]
    return (words[0] or "first", words[1] or "second")
