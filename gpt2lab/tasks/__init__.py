"""Toy tasks with a known right answer.

>>> task = get_task("reference")
>>> inputs, targets = task.batch(8, torch.Generator().manual_seed(0))
>>> task.evaluate(model)["accuracy"]
"""

from __future__ import annotations

import difflib

from gpt2lab.errors import InputError
from gpt2lab.tasks.base import IGNORE, SPLITS, Task, word_encoding
from gpt2lab.tasks.blanks import WordsToDigitsBERT
from gpt2lab.tasks.brackets import Brackets
from gpt2lab.tasks.dates import Dates
from gpt2lab.tasks.gifts import Gifts, MaskedGifts
from gpt2lab.tasks.gifts_gpt import GiftsGPT
from gpt2lab.tasks.induction import Induction
from gpt2lab.tasks.modular import ModularAddition
from gpt2lab.tasks.numbers import NumberWords, WordsToDigits, WordsToDigitsGPT
from gpt2lab.tasks.reference import Reference
from gpt2lab.tasks.reverse import Reverse
from gpt2lab.tasks.sentiment import Sentiment
from gpt2lab.tasks.sort import Sort
from gpt2lab.tasks.stdlib import StandardLibrary
from gpt2lab.tasks.text import TextTask

TASKS: dict[str, type[Task]] = {
    task.name: task
    for task in (
        Induction, Reference, Reverse, Sort, Brackets, ModularAddition, NumberWords, Sentiment, StandardLibrary,
        WordsToDigits, WordsToDigitsGPT, WordsToDigitsBERT, Dates, Gifts, MaskedGifts, GiftsGPT,
    )
}  # fmt: skip
__all__ = ["IGNORE", "SPLITS", "TASKS", "Task", "TextTask", "get_task", "word_encoding"]


def get_task(name: str) -> Task:
    """The task of that name, in its standard size.

    Raises ValueError listing the known names.
    """
    if name not in TASKS:
        near = difflib.get_close_matches(str(name), TASKS, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise InputError(f"unknown task {name!r}.{hint} Known tasks: {', '.join(TASKS)}")
    return TASKS[name]()
