"""Questions with answers that explain themselves, one at a time, and what is done of the chapter.

    quiz = Quiz("03_attention")      # all of a chapter's; Quiz("Q12") asks one
    quiz
    quiz.answers["Q12"] = "B"        # an option by its letter or text; a number; a list; (row, column)
    quiz.marks["Q12"]                # right, or why not
    quiz.result                      # 3 of 7 right, 2 of them at the first try.

Trying to recall helps to remember more than reading again does (Roediger and Karpicke 2006, "Test-enhanced
learning"). Nothing is graded or sent; in a learner's copy the answers outlive the kernel (see
``gpt2lab.files.records``), and the order of the options is the learner's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path

import anywidget
import traitlets

from gpt2lab import quiz as questions_of
from gpt2lab.errors import CourseError, InputError, shown, validates
from gpt2lab.files import records
from gpt2lab.quiz import Answer, Mark, Question
from gpt2lab.quiz.attempts import Attempt, attempt
from gpt2lab.quiz.progress import of_this_chapter
from gpt2lab.widgets.quiz_page import as_json, css, esm
from gpt2lab.widgets.quiz_text import as_text

# Attempts of this kernel by question: running a cell again makes a new quiz, but keeps the answers.
_remembered: dict[Question, Attempt] = {}


class Answers(MutableMapping[str, Answer | None]):
    """The answers of a quiz by question; None: not answered. Setting one marks and keeps it."""

    def __init__(self, quiz: Quiz) -> None:
        self._quiz = quiz

    def __getitem__(self, id: str) -> Answer | None:
        return self._quiz.attempt(id).answer

    @validates
    def __setitem__(self, id: str, answer: object) -> None:
        self._quiz.answers = {id: answer}

    def __delitem__(self, id: str) -> None:
        self._quiz.forget(id)

    def __iter__(self) -> Iterator[str]:
        return iter(self._quiz.questions)

    def __len__(self) -> int:
        return len(self._quiz.questions)

    def __repr__(self) -> str:
        return repr(dict(self))


class Quiz(anywidget.AnyWidget):
    """Ask one question, or several one after the other.

    Parameters
    ----------
    what : str, Question or sequence of Question
        A question's id such as "Q12", a chapter such as "03_attention", or questions of your own, which
        ``gpt2lab.quiz.read`` takes from a file.

    Attributes
    ----------
    questions : dict of str to Question
        By id, in the order in which they are asked.
    answers : mapping of str to an answer or None
        Can be set, one by one or several at once; ``del quiz.answers[id]`` asks again. None: not answered.
    marks : dict of str to Mark
        Of the questions that are answered.
    result : str
        How many are right, in one sentence.
    message : str
        Why an answer could not be kept; empty if all is well.

    Raises
    ------
    InputError
        For an unknown question or chapter, and for an answer that the question cannot have: one sentence
        with what was expected and what came. The answers stay as they were.
    """

    _esm = esm()
    _css = css()

    _quiz = traitlets.Dict().tag(sync=True)
    _attempts = traitlets.Dict().tag(sync=True)  # {"n": last message seen, "kept": {id: attempt}}
    _progress: traitlets.List[str] = traitlets.List().tag(sync=True)
    _message = traitlets.Unicode().tag(sync=True)

    @validates
    def __init__(self, what: str | Question | Sequence[Question]) -> None:
        self.questions, title = _taken(what)
        super().__init__()
        self._seed = records.seed()
        self._tries: dict[str, Attempt] = {}
        for id, question in self.questions.items():
            kept = attempt(question, records.kept("quizzes", id)) or _remembered.get(question)
            if kept is not None:
                self._tries[id] = kept
        here = records.place()
        chapter = here.chapter if here and here.chapter else next(iter(self.questions.values())).chapter
        self._quiz = as_json(title, chapter, list(self.questions.values()), self._seed, folder=Path.cwd())
        self._tell(0)
        self.on_msg(self._received)

    # What Python reads and sets

    @property
    def answers(self) -> Answers:
        return Answers(self)

    @answers.setter
    @validates
    def answers(self, answers: Mapping[str, object]) -> None:
        if not isinstance(answers, Mapping):
            raise InputError(f"answers must be a mapping of questions to answers, got {shown(answers)}")
        made = {}
        for id, answer in dict(answers).items():
            question = self._question(id)
            order = questions_of.shuffled(question, self._seed)
            made[question] = self.attempt(id).answered(question, questions_of.accept(question, answer, order))
        for question, tried in made.items():
            self._keep(question, tried)
        self._tell()

    @validates
    def forget(self, id: str) -> None:
        """Ask a question again; its tries still count. The same as ``del quiz.answers[id]``."""
        before = self.attempt(id)
        self._keep(self._question(id), Attempt(tries=before.tries, first=before.first))
        self._tell()

    @validates
    def attempt(self, id: str) -> Attempt:
        """What became of a question: its answer, whether that is right, and the number of tries."""
        return self._tries.get(self._question(id).id, Attempt())

    @property
    def marks(self) -> dict[str, Mark]:
        tried = ((question, self.attempt(id).answer) for id, question in self.questions.items())
        return {question.id: questions_of.mark(question, answer) for question, answer in tried if answer is not None}

    @property
    def result(self) -> str:
        right = [tried for tried in self._tries.values() if tried.right]
        first = sum(tried.first for tried in right)
        return f"{len(right)} of {len(self.questions)} right, {first} of them at the first try."

    @property
    def message(self) -> str:
        return str(self._message)

    def _question(self, id: object) -> Question:
        if not isinstance(id, str) or id not in self.questions:
            raise InputError(f"this quiz asks {', '.join(self.questions)}; got {shown(id)}")
        return self.questions[id]

    # What the page sends, and what it is told

    def _received(self, widget: Quiz, content: object, buffers: object) -> None:
        """An attempt, or the wish to know the progress. Whatever else arrives changes nothing."""
        if not isinstance(content, dict) or type(number := content.get("n")) is not int:
            return
        question = self.questions.get(str(content.get("id")))
        tried = attempt(question, content.get("attempt")) if question else None
        if question and tried:
            self._keep(question, tried)
        if content.get("progress") is True:
            try:
                self._progress = of_this_chapter()
            except CourseError as error:
                self._progress = [str(error)]
        self._tell(number)

    def _keep(self, question: Question, tried: Attempt) -> None:
        self._tries[question.id] = _remembered[question] = tried
        entry = {**tried.json, "question": question.text, "time": records.now()}
        self._message = records.keep("quizzes", question.id, entry)

    def _tell(self, number: int | None = None) -> None:
        n = self._attempts.get("n", 0) if number is None else number
        self._attempts = {"n": n, "kept": {id: tried.json for id, tried in self._tries.items()}}

    # How it describes itself where no page is drawn

    def __repr__(self) -> str:
        return as_text(list(self.questions.values()), self._tries, self._seed)

    def _repr_mimebundle_(self, **options: dict[str, object]) -> tuple[dict[str, object], dict[str, object]]:
        data, metadata = super()._repr_mimebundle_(**options) or ({}, {})
        return {**data, "text/plain": repr(self)}, metadata


def _taken(what: object) -> tuple[dict[str, Question], str]:
    """The questions by id, and the title of the quiz."""
    if isinstance(what, str):
        if what in questions_of.chapters():
            return {each.id: each for each in questions_of.of_chapter(what)}, "Quiz"
        return {what: questions_of.get(what)}, "Question"
    found = [what] if isinstance(what, Question) else list(what) if isinstance(what, list | tuple) else []
    if not found or not all(isinstance(each, Question) for each in found):
        wanted = "a question such as 'Q12', a chapter such as '03_attention', or Questions"
        raise InputError(f"Quiz asks {wanted}; got {shown(what)}")
    if len({each.id for each in found}) < len(found):
        raise InputError("Quiz asks each question once; two have the same id")
    return {each.id: each for each in found}, "Quiz" if len(found) > 1 else "Question"
