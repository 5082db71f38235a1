"""What the clinic and its games share: one round after the other, an answer to each, which is kept.

A game names its rounds (``deck``), says what each asks (``ask``), which answers there are (``options``),
what came of one (``outcome``) and what is right (``tell``). The answers stand between the two, so that they
stay where they are when what is right appears below. A round is answered once, by a button or from Python::

    game.answer = "wrong"     # shows what is right; a bad value raises ValueError with one sentence
    game.answer = None        # takes it back
    game.next()
    game.result               # 1 of 16 answered: 1 hit

Answers are filed as claims (see ``gpt2lab.files.records``): in a learner's copy they outlive the kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import ipywidgets

from gpt2lab.claims.bets import Result, Score
from gpt2lab.claims.decks import learner_seed
from gpt2lab.errors import InputError, shown
from gpt2lab.figures import card
from gpt2lab.figures.style import Picture
from gpt2lab.files import records
from gpt2lab.widgets.base import Panel
from gpt2lab.widgets.traits import Whole

SIGNS: dict[Result, str] = {"hit": "✓ Hit", "near": "≈ Near", "miss": "✗ Miss"}

# Answers of this kernel by key: running a cell again makes a new panel, but keeps the answers.
_answers: dict[str, records.Entry] = {}


def round_number() -> Whole:
    """The setting ``number`` of a game: from 1 to the length of its deck."""
    return Whole(1, low=1, high=lambda panel: len(panel.deck()), label="Round")


class Rounds(Panel[Score]):
    """Base of the clinic and its games; see the module docstring.

    Attributes
    ----------
    number : int
        Of the round that is shown, from 1.
    answer : str, or None
        To the round that is shown.
    result : Score
        Of the rounds of the deck.
    """

    number: Whole  # each game has its own ``round_number``, below the settings that its deck depends on
    prefix = ""  # of the keys under which answers are kept

    def __init__(self, **settings: object) -> None:
        self.seed_of_order = learner_seed()
        self._entries = {**_answers, **records.filed("claims")}
        self._question, self._told = ipywidgets.HTML(), ipywidgets.HTML()
        self._answer_bar = ipywidgets.HBox(layout={"flex_flow": "row wrap"})
        self._offered: tuple[str, ...] = ()
        self._trouble = ""
        super().__init__(**settings)
        self._moves = ipywidgets.HBox(self._make_moves(), layout={"flex_flow": "row wrap", "margin": "0"})
        look, *bars, _, line = self.children
        pressed = ipywidgets.HBox([self._answer_bar, self._moves], layout={"flex_flow": "row wrap", "margin": "4px 0"})
        self.children = [look, *bars, self._question, pressed, self._told, line]

    # What a game defines

    def deck(self) -> tuple[str, ...]:
        """The keys of the rounds, in order."""
        raise NotImplementedError

    def options(self, key: str) -> tuple[str, ...]:
        """The answers that there are."""
        raise NotImplementedError

    def ask(self, key: str, answer: object) -> Sequence[card.Block]:
        """What a round asks; stays when it is answered."""
        raise NotImplementedError

    def tell(self, key: str, answer: object) -> Sequence[card.Block]:
        """What is right, once a round is answered."""
        raise NotImplementedError

    def outcome(self, key: str, answer: object) -> Result:
        """What an answer is worth."""
        raise NotImplementedError

    def said(self, option: str) -> str:
        """What stands on an option's button."""
        return option

    def hint(self, option: str) -> str:
        """What appears beside the pointer on an option's button."""
        return ""

    # Answering

    @property
    def key(self) -> str:
        """Of the round that is shown: the claim's id, or a name of the round."""
        return self.deck()[self.number - 1]

    @property
    def answer(self) -> object:
        """The answer to the round that is shown; None if there is none."""
        return self.answer_to(self.key)

    @answer.setter
    def answer(self, value: object) -> None:
        accepted = None if value is None else self.accept_answer(value)
        key = self.prefix + self.key
        came = None if accepted is None else self.outcome(self.key, accepted)
        entry: records.Entry = {"answer": accepted, "result": came, "time": records.now()}
        _answers[key] = self._entries[key] = entry
        self._trouble = records.keep("claims", key, entry)
        self._refresh()

    def accept_answer(self, value: object) -> object:
        """The answer in its final type.

        Raises
        ------
        InputError
            If it is none of the options.
        """
        options = self.options(self.key)
        if not isinstance(value, str) or value not in options:
            raise InputError(f"answer must be one of {', '.join(options)}, or None; got {shown(value)}")
        return str(value)

    def answer_to(self, key: str) -> object:
        """The answer to a round of this game; None if there is none that the round still knows."""
        answer = self._entries.get(self.prefix + key, {}).get("answer")
        return answer if isinstance(answer, str) and answer in self.options(key) else None

    def next(self) -> None:
        """Go to the next round, from the last one to the first."""
        self.number = self.number % len(self.deck()) + 1

    def previous(self) -> None:
        """Go back one round, from the first one to the last."""
        self.number = (self.number - 2) % len(self.deck()) + 1

    def show(self, key: str) -> None:
        """Go to a round by its key.

        Raises
        ------
        InputError
            If this deck has no such round.
        """
        if key not in self.deck():
            raise InputError(f"this deck has no round {shown(key)}; it has {', '.join(sorted(self.deck()))}")
        self.number = self.deck().index(key) + 1

    # How it works

    def settle(self) -> None:
        if self.number > len(self.deck()):
            self.number = 1

    def score(self, deck: Sequence[str]) -> Score:
        """What came of some rounds of this game."""
        answers = [(key, self.answer_to(key)) for key in deck]
        came = [self.outcome(key, answer) for key, answer in answers if answer is not None]
        return Score(came.count("hit"), came.count("near"), came.count("miss"), len(deck))

    def measure(self) -> Score:
        return self.score(self.deck())

    def asked(self) -> list[card.Block]:
        """The card above the answers."""
        return list(self.ask(self.key, self.answer))

    def told(self) -> list[card.Block]:
        """The card below the answers; the last line is the score."""
        right = [] if self.answer is None else self.tell(self.key, self.answer)
        return [*right, card.small(f"Round {self.number} of {len(self.deck())}. {self.standing()}")]

    def standing(self) -> str:
        """The score in words."""
        return f"Score: {self.result}."

    def draw(self) -> Picture:
        offered = [card.text(self.draw_options())] if self.answer is None else []
        return card.picture([*self.ask(self.key, self.answer), *offered, *self.told()], type(self).__name__)

    def draw_options(self) -> str:
        """The options, as the picture shows them."""
        return "   ".join(f"○ {self.said(option)}" for option in self.options(self.key))

    def _refresh(self) -> None:
        super()._refresh()
        for place, blocks in ((self._question, self.asked()), (self._told, self.told())):
            place.value = f'<div aria-live="polite">{card.html(blocks)}</div>'
        self._offer()
        if self._trouble:
            self._say(self._trouble)
            self._trouble = ""

    def _offer(self) -> None:
        """Bring the buttons up to date; they stay the same while the options do, so that the focus stays."""
        options = self.options(self.key)
        if options != self._offered:
            self._offered = options
            self._answer_bar.children = [
                self._button(self.said(option), partial(self._press, option)) for option in options
            ]
        for option, button in zip(options, self._answer_bar.children, strict=True):
            mine = option == self.answer
            button.description = f"● {self.said(option)} (yours)" if mine else self.said(option)
            button.tooltip = self.hint(option)
            button.style.font_weight = "bold" if mine else "normal"

    def _make_moves(self) -> list[ipywidgets.Widget]:
        moves = [self._button("Next", self.next), self._button("Previous", self.previous)]
        moves[0].layout.margin = "2px 2px 2px 24px"  # apart from the answers
        return list[ipywidgets.Widget](moves)

    def _button(self, said: str, act: Callable[[], None]) -> ipywidgets.Button:
        button = ipywidgets.Button(description=said, layout={"width": "auto", "min_width": "110px", "height": "36px"})
        button.style.font_size = "16px"
        button.on_click(partial(self._pressed, act))
        return button

    def _press(self, option: str) -> None:
        """An answer is given once: a second press does not change it."""
        if self.answer is None:
            self.answer = option

    def _pressed(self, act: Callable[[], None], _: ipywidgets.Button) -> None:
        """Called when a button is pressed. Errors are shown as a message, not as a traceback."""
        try:
            act()
        except ValueError as error:
            self._say(str(error))
        except Exception as error:  # an experiment may fail where memory is short
            self._say(f"The experiment could not be run: {type(error).__name__}.")

    def __repr__(self) -> str:
        answer = self.answer
        state = "not answered" if answer is None else f"answered: {answer}"
        return f"{type(self).__name__}: round {self.number} of {len(self.deck())}, {state}"
