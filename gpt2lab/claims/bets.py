"""Betting on a claim before looking: three bets for eight verdicts, and how near a bet came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from gpt2lab.claims.base import Claim
from gpt2lab.errors import InputError, shown, validates

Result: TypeAlias = Literal["hit", "near", "miss"]

RIGHT, HALF_RIGHT, WRONG = BETS = ("right", "half right", "wrong")
BET_OF = {  # what a learner can decide without knowing the words of the data
    "right": RIGHT,
    "misleading": HALF_RIGHT,
    "incomplete": HALF_RIGHT,
    "outdated": HALF_RIGHT,
    "contested": HALF_RIGHT,
    "false": WRONG,
    "does not run": WRONG,
    "computes something else": WRONG,
}


@validates
def outcome(claim: Claim, bet: str) -> Result:
    """How near a bet came to the verdict.

    Returns
    -------
    "hit", "near" or "miss"
        Near: something was seen to be off, though not how much; half right for wrong, or wrong for half right.

    Raises
    ------
    InputError
        If it is none of ``BETS``.
    """
    if bet not in BETS:
        raise InputError(f"a bet must be one of {', '.join(map(repr, BETS))}, got {shown(bet)}")
    right = BET_OF[claim.verdict]
    if bet == right:
        return "hit"
    return "near" if RIGHT not in (bet, right) else "miss"


@dataclass(frozen=True)
class Score:
    """What came of the rounds that were played."""

    hits: int
    near: int
    misses: int
    of: int  # rounds that there are

    @property
    def played(self) -> int:
        return self.hits + self.near + self.misses

    def __repr__(self) -> str:
        if not self.played:
            return f"0 of {self.of} answered"
        near = f", {self.near} near" if self.near else ""
        misses = f", {self.misses} miss{'es' * (self.misses != 1)}" if self.misses else ""
        return f"{self.played} of {self.of} answered: {self.hits} hit{'s' * (self.hits != 1)}{near}{misses}"
