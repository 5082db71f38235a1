"""Find the bug: a claim's broken code beside the right one; which line is wrong?"""

from __future__ import annotations

from collections.abc import Sequence

from gpt2lab import claims
from gpt2lab.claims.bets import Result
from gpt2lab.claims.bugs import Bug, bugs
from gpt2lab.claims.decks import CHAPTERS, topic
from gpt2lab.claims.readings import READINGS
from gpt2lab.figures import card
from gpt2lab.widgets.clinic_panel import asked, measured, one_line
from gpt2lab.widgets.rounds import SIGNS, Rounds, round_number


class FindTheBug(Rounds):
    """Two versions of a function, A and B; one is right. Name the line that is wrong in the other.

    Attributes
    ----------
    number : int
        Of the round, from 1; the order, and what stands on the left, are the learner's own.
    answer : str or None
        A line, such as "A2". Another line of the broken version is near.
    result : Score
    """

    number = round_number()
    prefix = "bug "

    def deck(self) -> tuple[str, ...]:
        return tuple(bugs(self.seed_of_order))

    def bug(self, key: str) -> Bug:
        """The two versions of a round."""
        return bugs(self.seed_of_order)[key]

    def options(self, key: str) -> tuple[str, ...]:
        return self.bug(key).lines

    def said(self, option: str) -> str:
        return f"{option[0]}, line {option[1:]}"

    def outcome(self, key: str, answer: object) -> Result:
        return self.bug(key).outcome(str(answer))

    def ask(self, key: str, answer: object) -> Sequence[card.Block]:
        bug = self.bug(key)
        return [
            card.heading("One of the two is wrong. Which line?"),
            card.text(f"The task: {bug.purpose}."),
            card.code(bug.versions, marked=() if answer is None else (bug.wrong,)),
        ]

    def tell(self, key: str, answer: object) -> Sequence[card.Block]:
        bug, claim, answered = self.bug(key), claims.get(key), str(answer)
        place = self.said(bug.wrong)
        blocks = [
            card.heading(f"{SIGNS[self.outcome(key, answered)]}: you say {self.said(answered)}; it is {place}."),
            card.text(claim.correct),
        ]
        if measurement := claim.measurement:
            blocks += [card.text(f"Measured: {one_line(measurement.run.__doc__)}"), card.numbers(measured(key, 0))]
            if key in READINGS:
                blocks.append(card.text(READINGS[key]))
        return [*blocks, card.small(f"In circulation: {asked(claim)[1]} More in chapter {CHAPTERS[topic(claim)]}.")]
