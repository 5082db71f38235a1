"""What the browser may ask for: ``"map/0/3/5"`` and the like, each answered by the view of its kind.

A question is a word and whole numbers, mostly ``word/run/…``; run 0 is the model as it is, run 1 the
one with parts switched off (or the second model). An answer is a dict of small things and a list of
tensors, which travel as float32 bytes (attention maps as one byte per weight, see ``packing``).
"""

from __future__ import annotations

from collections.abc import Iterator

from gpt2lab.errors import InputError
from gpt2lab.explorer.screen import Screen
from gpt2lab.explorer.views import VIEWS
from gpt2lab.explorer.views.base import Answer
from gpt2lab.explorer.views.head import Head
from gpt2lab.explorer.views.next import Next

_BY_WORD = {form.split("/")[0]: (view, form.count("/")) for view in VIEWS.values() for form in view.asked}


def answer(screen: Screen, question: str) -> Answer:
    """The answer to a question. InputError, one sentence, if there is none."""
    word, *numbers = question.split("/")
    view, n = _BY_WORD.get(word, (None, 0))
    if view is None or len(numbers) != n or not all(number.isdecimal() for number in numbers):
        raise InputError(f"unknown question {question!r}")
    return view.answer(screen, word, [int(number) for number in numbers])


def first_questions(screen: Screen) -> tuple[str, ...]:
    """What every view shows beside its own picture: the selected head's weights, and the next token."""
    return *Head().ask(screen), Next().ask(screen.token, screen.knobs)


def likely_questions(screen: Screen, most_words: int, near: int) -> Iterator[str]:
    """What a reader of a page may ask, most likely first; a question may come twice.

    Above a vocabulary of ``most_words``, answers that name words are asked for around the selection only:
    at ``near`` positions.
    """
    positions = sorted(range(screen.run.T), key=lambda t: abs(t - screen.token))
    vocabulary = len(screen.run.logits(screen.run.T - 1)) if screen.run.has_logits else 0
    read = positions if vocabulary <= most_words else positions[:near]
    yield from first_questions(screen)
    runs = reversed(range(len(screen.runs)))
    likely = [one for run in runs for view in VIEWS.values() for one in view.questions(screen, run, positions, read)]
    yield from (question for _, question in sorted(likely, key=lambda one: one[0]))
