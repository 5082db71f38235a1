"""Where something is put in a running model, written as words: what the explorer's ``patched`` trait holds.

A place is written as words, with what is put there at the end:

"edge 1.3 14>7 zero"    what query 14 takes from key 7 in head 3 of layer 1: weight times value vector
"head 1.3 14 mean"      what that head computes at position 14, before the output layer
"ffn 1 14 other"        what the feed-forward network of layer 1 adds at position 14
"stream 1 all other"    the stream that enters block 1, at every position ("all" goes with head and ffn as well)

zero    nothing
mean    the mean over all positions of the same sentence, later ones too; of an edge, its weight times the mean value
other   what stands at the same place in the run on another sentence of as many tokens
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gpt2lab.errors import InputError, shown, validates

SOURCES = ("zero", "mean", "other")
EXPECTED = 'expected "edge 1.3 14>7 zero", "head 1.3 14 mean", "ffn 1 14 other" or "stream 1 all other"'
_PATTERN = re.compile(
    r"(?P<place>edge (?P<e>\d+)\.(?P<eh>\d+) (?P<query>\d+)>(?P<key>\d+)"
    r"|head (?P<h>\d+)\.(?P<hh>\d+) (?P<hp>\d+|all)"
    r"|(?P<part>ffn|stream) (?P<p>\d+) (?P<pp>\d+|all)) (?P<source>zero|mean|other)",
    re.ASCII,
)


class Patch(NamedTuple):
    """A word, read: where something is put, and from where it comes."""

    kind: str  # edge, head, ffn or stream
    layer: int
    head: int  # 0 where there is none
    position: int | None  # of the query, of an edge; None: all
    key: int | None  # of an edge
    source: str
    place: str  # the word without its source

    @property
    def word(self) -> str:
        """As it is written."""
        return f"{self.place} {self.source}"

    @property
    def at(self) -> slice:
        """Its positions."""
        return slice(None) if self.position is None else slice(self.position, self.position + 1)


@validates
def read(words: Iterable[str], heads: Sequence[int]) -> list[Patch]:
    """The words as patches of a model with so many heads per layer; of two for one place, the later stays.

    Raises
    ------
    InputError
        For another word, a layer or a head that is not there.
    """
    if isinstance(words, str) or not isinstance(words, Iterable):
        raise InputError(f'patched must be a list of words such as ["head 1.3 14 zero"], got {shown(words)}')
    by_place: dict[str, Patch] = {}
    for word in words:
        patch = _read(word, heads)
        by_place.pop(patch.place, None)
        by_place[patch.place] = patch
    return list(by_place.values())


def _read(word: object, heads: Sequence[int]) -> Patch:
    found = _PATTERN.fullmatch(word) if isinstance(word, str) else None
    if found is None:
        raise InputError(f"{EXPECTED}, got {shown(word)}")
    kind = found["place"].split()[0]
    layer, head = int(found["e"] or found["h"] or found["p"]), int(found["eh"] or found["hh"] or 0)
    if layer >= len(heads):
        raise InputError(f"{word!r} names layer {layer}, but the last layer is {len(heads) - 1}")
    if head >= heads[layer]:
        raise InputError(f"{word!r} names head {head}, but the last head is {heads[layer] - 1}")
    position = found["query"] or found["hp"] or found["pp"]
    key = None if found["key"] is None else int(found["key"])
    where = None if position == "all" else int(position)
    return Patch(kind, layer, head, where, key, found["source"], found["place"])


def check_places(patches: Iterable[Patch], T: int) -> None:
    """InputError for a position behind the end of T tokens."""
    for patch in patches:
        for position in (patch.position, patch.key):
            if position is not None and position >= T:
                raise InputError(f"{patch.word!r} names position {position}, but the last position is {T - 1}")
