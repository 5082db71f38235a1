"""The questions of the chapters, as data: asked by ``gpt2lab.widgets.Quiz``, marked here.

>>> question = quiz.get("Q01")
>>> quiz.mark(question, quiz.accept(question, "B"))
"""

from gpt2lab.quiz.base import KINDS, Answer, Grid, Kind, Mistake, Option, Question
from gpt2lab.quiz.loading import all_questions, chapters, get, of_chapter, read
from gpt2lab.quiz.marking import Mark, Reason, accept, mark, shuffled

__all__ = [
    "KINDS", "Answer", "Grid", "Kind", "Mark", "Mistake", "Option", "Question", "Reason", "accept", "all_questions",
    "chapters", "get", "mark", "of_chapter", "read", "shuffled",
]  # fmt: skip
