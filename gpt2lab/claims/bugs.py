"""Find the bug: a claim's broken code and the right one, as text, and which of its lines is wrong."""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass

from gpt2lab.claims.base import Experiment, all_claims, listing
from gpt2lab.claims.bets import Result
from gpt2lab.errors import InputError, shown

SHOWN = ("D4", "H1")  # chapter 15 takes these apart before the game begins: they come last


@dataclass(frozen=True)
class Bug:
    """Two versions of one function, side by side.

    Attributes
    ----------
    id : str
        The claim's.
    purpose : str
        What both are meant to do.
    versions : dict of str to tuple of str
        The lines of "A" and of "B".
    broken : "A" or "B"
    lines : tuple of str
        The lines that can be named, such as "A2": all but the head of the function.
    wrong : str
        The one that is.
    """

    id: str
    purpose: str
    versions: dict[str, tuple[str, ...]]
    broken: str
    lines: tuple[str, ...]
    wrong: str

    def outcome(self, line: str) -> Result:
        """A hit for the wrong line, near for another line of the broken version, a miss for the other one.

        Raises
        ------
        InputError
            If there is no such line.
        """
        if line not in self.lines:
            raise InputError(f"the line must be one of {', '.join(self.lines)}, got {shown(line)}")
        return "hit" if line == self.wrong else "near" if line[0] == self.broken else "miss"


@functools.cache
def bugs(seed: int) -> dict[str, Bug]:
    """A round for every claim with code, by id: short code first, otherwise in an order of the learner's own.

    Parameters
    ----------
    seed : int
        Decides the order of the rounds, and which version stands on the left.
    """
    draw, found = random.Random(f"bugs {seed}"), []
    for id, claim in all_claims().items():
        if claim.measurement and claim.measurement.wrong:
            found.append(_bug(id, claim.measurement, draw.choice("AB")))
    draw.shuffle(found)
    return {bug.id: bug for bug in sorted(found, key=lambda bug: (bug.id in SHOWN, len(bug.lines)))}


def _bug(id: str, code: Experiment, broken: str) -> Bug:
    """The round of an experiment with code, whose broken version is called so."""
    assert code.wrong and code.right
    versions = {
        side: tuple(listing(code.wrong if side == broken else code.right).splitlines())
        for side in "AB"  # in this order, whichever is broken
    }
    lines = tuple(f"{side}{n}" for side in "AB" for n, _ in enumerate(versions[side], start=1) if n > 1)
    purpose = " ".join((code.purpose or "").split()).rstrip(".")
    return Bug(id, purpose, versions, broken, lines, f"{broken}{code.wrong_line}")
