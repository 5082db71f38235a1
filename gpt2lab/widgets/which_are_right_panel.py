"""Which of these are right? Right statements that are often doubted, among false ones."""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets

from gpt2lab import claims
from gpt2lab.claims.bets import Result
from gpt2lab.claims.decks import mixed
from gpt2lab.errors import InputError, shown
from gpt2lab.figures import card
from gpt2lab.widgets.rounds import SIGNS, Rounds, round_number

LETTERS = "abcdef"


class WhichAreRight(Rounds):
    """Six statements a round: tick those that are right, then check.

    Attributes
    ----------
    number : int
        Of the round, 1 to 8.
    answer : tuple of str, or None
        The letters of the statements that were ticked, such as ("a", "d"); may be empty. All six judged
        rightly is a hit, five are near.
    result : Score
    """

    number = round_number()
    prefix = "right "

    def deck(self) -> tuple[str, ...]:
        return tuple(str(n) for n in range(1, len(mixed(self.seed_of_order)) + 1))

    def ids(self, key: str) -> tuple[str, ...]:
        """The claims of a round, in the order of their letters."""
        return mixed(self.seed_of_order)[int(key) - 1]

    def right(self, key: str) -> tuple[str, ...]:
        """The letters of those that are right."""
        return tuple(letter for letter, id in self._lettered(key) if claims.get(id).verdict == "right")

    def options(self, key: str) -> tuple[str, ...]:
        return tuple(LETTERS)

    def accept_answer(self, value: object) -> object:
        if not isinstance(value, str | list | tuple | set | frozenset) or not set(value) <= set(LETTERS):
            raise InputError(f"answer must be letters from a to f, such as ('a', 'd'), or None; got {shown(value)}")
        return tuple(letter for letter in LETTERS if letter in value)

    def answer_to(self, key: str) -> tuple[str, ...] | None:
        entry = self._entries.get(self.prefix + key, {})
        answer = entry.get("answer")  # a list, once it was kept
        if not isinstance(answer, list | tuple) or not all(letter in LETTERS for letter in map(str, answer)):
            return None
        return tuple(map(str, answer))

    def judged(self, key: str, answer: object) -> int:
        """How many of the six were judged rightly."""
        assert isinstance(answer, tuple)
        return len(LETTERS) - len(set(answer) ^ set(self.right(key)))

    def outcome(self, key: str, answer: object) -> Result:
        slips = len(LETTERS) - self.judged(key, answer)
        return "hit" if slips == 0 else "near" if slips == 1 else "miss"

    def draw_options(self) -> str:
        return "   ".join(f"☐ {letter}" for letter in LETTERS)

    def ask(self, key: str, answer: object) -> Sequence[card.Block]:
        listed = [card.text(f"{letter}) {claims.get(id).statement}") for letter, id in self._lettered(key)]
        return [card.heading("Which of these are right? Tick them, then check."), *(listed if answer is None else [])]

    def asked(self) -> list[card.Block]:
        return list(self.ask(self.key, self.answer))[:1]  # the statements stand at the boxes

    def tell(self, key: str, answer: object) -> Sequence[card.Block]:
        assert isinstance(answer, tuple)
        came, judged = SIGNS[self.outcome(key, answer)], self.judged(key, answer)
        blocks = [card.heading(f"{came}: {judged} of {len(LETTERS)} judged rightly.")]
        for letter, id in self._lettered(key):
            claim = claims.get(id)
            mine = "ticked" if letter in answer else "not ticked"
            sign = "✓" if (letter in answer) == (claim.verdict == "right") else "✗"
            blocks.append(card.text(f"{sign} {letter}) {claim.statement} ({mine})"))
            blocks.append(card.small(f"{claim.verdict.capitalize()}. {claim.correct} ({claim.source})"))
        return blocks

    def _lettered(self, key: str) -> list[tuple[str, str]]:
        return list(zip(LETTERS, self.ids(key), strict=True))

    def _offer(self) -> None:
        """A box to tick for each statement; once they were checked, what came of it replaces them."""
        if not self._answer_bar.children:
            self._boxes = {letter: ipywidgets.Checkbox(indent=False, layout={"width": "100%"}) for letter in LETTERS}
            self._answer_bar.children = [ipywidgets.VBox(list(self._boxes.values()))]
            self._answer_bar.layout.width = "100%"
            self._answer_bar.add_class("gpt2lab-statements")  # long lines wrap
            self._showing = ""
        answer = self.answer_to(self.key)
        for letter, id in self._lettered(self.key):
            box = self._boxes[letter]
            box.description = f"{letter}) {claims.get(id).statement.replace('`', '')}"
            if answer is not None or self._showing != self.key:
                box.value = answer is not None and letter in answer
        self._showing = self.key
        self._answer_bar.layout.display = None if answer is None else "none"

    def _make_moves(self) -> list[ipywidgets.Widget]:
        return [self._button("Check", self._check), *super()._make_moves()]

    def _check(self) -> None:
        if self.answer is None:
            self.answer = tuple(letter for letter, box in self._boxes.items() if box.value)
