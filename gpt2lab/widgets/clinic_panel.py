"""The claim clinic: bet on a statement, run the experiment, read what is right."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import ipywidgets

from gpt2lab import claims
from gpt2lab.claims import bets, decks
from gpt2lab.claims.base import Claim, Figures, listing
from gpt2lab.claims.bets import BETS, Result
from gpt2lab.claims.readings import READINGS
from gpt2lab.figures import card
from gpt2lab.widgets.rounds import SIGNS, Rounds, round_number
from gpt2lab.widgets.traits import Choice, Whole

CODE, LEFT_OUT = "In code: ", "(Left out: "
SEEDS = 99
# What figures show, where no reading of their own is written.
SHOWS = {
    bets.WRONG: "If the statement were right, these figures could not come out like this.",
    bets.HALF_RIGHT: "The figures show where the statement stops being right.",
    bets.RIGHT: "An attempt to refute the statement, and it stands.",
}

HINTS = {
    bets.RIGHT: "It holds as it stands.",
    bets.HALF_RIGHT: "True in part, incomplete, outdated or disputed.",
    bets.WRONG: "It does not hold; code does not run, or computes something else.",
}


def asked(claim: Claim) -> tuple[str, str]:
    """What kind of statement it is, as a question, and the statement itself."""
    if claim.statement.startswith(CODE):
        found = claim.statement.removeprefix(CODE)
        return "This is found in code. Is it right?", found[0].upper() + found[1:]
    if claim.statement.startswith(LEFT_OUT):
        left = claim.statement.removeprefix(LEFT_OUT).removesuffix(")")
        return "A text is sound, but leaves this out. How right is it, as it stands?", f"Not said: {left}"
    return "Is this right?", claim.statement


def one_line(doc: str | None) -> str:
    """The first paragraph of a docstring on one line."""
    return " ".join((doc or "").split("\n\n")[0].split())


@functools.lru_cache(maxsize=256)
def measured(id: str, seed: int) -> Figures:
    """The figures of a claim's experiment; the same seed gives the same figures."""
    return claims.get(id).experiment(seed)


class Clinic(Rounds):
    """The statements of a topic, one by one: bet, measure, read.

    Attributes
    ----------
    topic : str
        One of the subjects, or "everything".
    number : int
        Which of its statements is shown, from 1; the order is the learner's own.
    seed : int, 0 to 99
        Of the experiment's random numbers.
    answer : "right", "half right", "wrong" or None
        The bet. Half right: true in part, incomplete, outdated or disputed.
    result : Score
        Of the topic.
    """

    topic = Choice((*decks.SUBJECTS.values(), decks.EVERYTHING), label="Topic")
    number = round_number()
    seed = Whole(0, low=0, high=SEEDS, label="Seed")
    rows = (("topic",),)

    def deck(self) -> tuple[str, ...]:
        return decks.deck(self.topic, self.seed_of_order)

    def everything(self) -> tuple[str, ...]:
        """The ids of all topics together."""
        return decks.deck(decks.EVERYTHING, self.seed_of_order)

    def show(self, key: str) -> None:
        """Go to a claim by its id, in whatever topic it is."""
        claim = claims.get(key)
        if key not in self.deck():
            self.topic = decks.SUBJECTS[decks.topic(claim)]
        super().show(key)

    @property
    def claim(self) -> Claim:
        """The claim that is shown."""
        return claims.get(self.key)

    @property
    def figures(self) -> Figures:
        """What the experiment measured; empty before the bet, and where there is no experiment."""
        return measured(self.key, self.seed) if self.answer is not None and self.claim.measurement else {}

    def options(self, key: str) -> tuple[str, ...]:
        return BETS

    def outcome(self, key: str, answer: object) -> Result:
        return bets.outcome(claims.get(key), str(answer))

    def hint(self, option: str) -> str:
        return HINTS[option]

    def ask(self, key: str, answer: object) -> Sequence[card.Block]:
        claim = claims.get(key)
        how = "an experiment decides" if claim.measurement else "the source decides, there is no experiment"
        return [*self._statement(claim), *([card.small(f"Place your bet; {how}.")] if answer is None else [])]

    def tell(self, key: str, answer: object) -> Sequence[card.Block]:
        claim = claims.get(key)
        right, came = bets.BET_OF[claim.verdict], SIGNS[self.outcome(key, answer)]
        verdict = right if claim.verdict in (right, "false") else f"{right} ({claim.verdict})"
        blocks = [*self._measurement(claim, right)]
        blocks += [card.heading(f"{came}: you bet “{answer}”, it is {verdict}."), card.text(claim.correct)]
        where = f"Source: {claim.source}. Claim {claim.id}; more in chapter {decks.CHAPTERS[decks.topic(claim)]}."
        return [*blocks, card.small(where)]

    def _statement(self, claim: Claim) -> list[card.Block]:
        question, statement = asked(claim)
        subject = decks.SUBJECTS[decks.topic(claim)]
        blocks = [card.small(f"{subject[0].upper()}{subject[1:]}. {question}"), card.heading(statement)]
        if claim.statement.startswith(CODE) and claim.measurement and claim.measurement.wrong:
            blocks.append(card.code({"": tuple(listing(claim.measurement.wrong).splitlines())}))
        return blocks

    def _measurement(self, claim: Claim, right: str) -> list[card.Block]:
        if claim.measurement is None:
            return []
        figures = measured(claim.id, self.seed)
        shows = (
            READINGS.get(claim.id, SHOWS[right])
            if claim.holds(figures)
            else "With these random numbers it does not come out."
        )
        doc = f"Measured (seed {self.seed}): {one_line(claim.measurement.run.__doc__)}"
        return [card.text(doc), card.numbers(figures), card.text(shows)]

    def standing(self) -> str:
        score = f"Score on this topic: {self.result}."
        return score if self.topic == decks.EVERYTHING else f"{score} On everything: {self.score(self.everything())}."

    def again(self) -> None:
        """Run the experiment with other random numbers."""
        self.seed = (self.seed + 1) % (SEEDS + 1)

    def _make_moves(self) -> list[ipywidgets.Widget]:
        self._again = self._button("Measure again", self.again)
        self._again.tooltip = "The same experiment with other random numbers."
        self._set_again()
        return [*super()._make_moves(), self._again]

    def _refresh(self) -> None:
        super()._refresh()
        self._set_again()

    def _set_again(self) -> None:
        if again := getattr(self, "_again", None):
            again.layout.display = None if self.figures else "none"

    def __repr__(self) -> str:
        return f"{super().__repr__()}; {self.topic}: {asked(self.claim)[1]}"
