"""What became of a question: the last answer, whether it is right, and how many tries it took.

An attempt is what ``gpt2lab.files.records`` keeps and what the page shows; both hand it in as JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gpt2lab.errors import InputError
from gpt2lab.quiz.base import Answer, Question
from gpt2lab.quiz.marking import accept, mark


@dataclass(frozen=True)
class Attempt:
    """Of one question.

    Attributes
    ----------
    answer : Answer or None
        The last one; None: not answered, or asked again.
    right : bool
        Whether that answer is right.
    tries : int
        How many answers were marked; to have it shown before any counts as one.
    first : bool
        Whether the very first one was right.
    shown : bool
        Whether the learner had the answer shown.
    """

    answer: Answer | None = None
    right: bool = False
    tries: int = 0
    first: bool = False
    shown: bool = False

    def answered(self, question: Question, answer: Answer) -> Attempt:
        """The attempt after one more answer, which ``accept`` has taken."""
        right = mark(question, answer).right
        first = self.first if self.tries or self.shown else right
        return replace(self, answer=answer, right=right, tries=self.tries + 1, first=first)

    @property
    def json(self) -> dict[str, object]:
        """As records and the page hold it."""
        answer = list(self.answer) if isinstance(self.answer, tuple) else self.answer
        return {"answer": answer, "right": self.right, "tries": self.tries, "first": self.first, "shown": self.shown}


def attempt(question: Question, found: object) -> Attempt | None:
    """An attempt from JSON, marked anew; None where nothing of it can be used.

    The text of a question may have changed since: then its answer falls away, and the tries stay.
    """
    if not isinstance(found, dict):
        return None
    tries, shown = found.get("tries"), found.get("shown") is True
    if not isinstance(tries, int) or isinstance(tries, bool) or not 0 <= tries < 10**6:
        return None
    try:
        answer = None if found.get("answer") is None else accept(question, found["answer"])
    except InputError:
        answer = None
    right = answer is not None and mark(question, answer).right
    return Attempt(answer, right, max(tries, int(answer is not None)), tries > 0 and found.get("first") is True, shown)
