"""Byte-pair encoding, trained here: start from 256 bytes, join the most frequent pair, repeat.

Source: Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units"; bytes
instead of characters from Radford et al. 2019, section 2.2.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise

import regex  # tiktoken's own dependency; knows \p{L}, which the standard library does not

ENDOFTEXT = "<|endoftext|>"

# How GPT-2 cuts text before merging: contractions, then letters, digits or signs with the space
# *before* them, then white space. Merges never cross a cut. (The ++ never takes a character back;
# with a single + a million spaces would overflow the stack.)
GPT2_PATTERN = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"""


def bpe_merges(text: str) -> Iterator[tuple[bytes, bytes, int]]:
    """Yield the merges in the order they are learned: (left, right, occurrences of the pair).

    Ties go to the pair whose bytes sort first, so the same text gives the same vocabulary.
    Stops early when no pair occurs twice.
    """
    counts = Counter(match[0] for match in regex.finditer(GPT2_PATTERN, text))  # one at a time, not a list of all
    words = [([bytes([byte]) for byte in word.encode("utf-8")], count) for word, count in sorted(counts.items())]
    pairs: Counter[tuple[bytes, bytes]] = Counter()
    where: defaultdict[tuple[bytes, bytes], set[int]] = defaultdict(set)
    for index, (parts, count) in enumerate(words):
        for pair in pairwise(parts):
            pairs[pair] += count
            where[pair].add(index)
    while pairs:
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        if pairs[best] < 2:
            return
        yield *best, pairs[best]
        for index in where.pop(best):
            parts, count = words[index]
            for pair in pairwise(parts):  # only words that hold the pair are counted again
                pairs[pair] -= count
                if pairs[pair] <= 0:
                    del pairs[pair]
            parts[:] = merge(parts, *best)
            for pair in pairwise(parts):
                pairs[pair] += count
                where[pair].add(index)
        pairs.pop(best, None)


def merge(parts: list[bytes], left: bytes, right: bytes) -> list[bytes]:
    """Join every (left, right) in the list, from left to right."""
    merged: list[bytes] = []
    for part in parts:
        if merged and merged[-1] == left and part == right:
            merged[-1] = left + right
        else:
            merged.append(part)
    return merged
