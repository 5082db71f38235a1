"""What a question of a quiz is, and how it is written down.

The questions of a chapter stand in ``data/CHAPTER.toml`` (such as ``00_map.toml``), one table per id, in the
order in which they are asked. An id is made of letters, digits and dashes, and occurs once in the course.
Every question has::

    [00-1]
    kind = "single"                      # single, multiple, number, order or point
    text = "Which row of the table does GPT-2 add to the token at place 3?"
    answer = "Row 3 of wpe: …"           # shown afterwards: what is right, and why; 1 to 4 sentences
    see = "Ids → vectors"                # the heading whose cells prove it

A ``see`` is a heading of the same chapter as it stands there, without its marks (#, *, `) and without a
number in front ("3 · " falls away, here and there); ``05_masking: The causal mask`` names one of another
chapter. An optional ``code`` is shown below the text, line by line. Texts are plain: no HTML and no markdown
but `backticks` around code, and no line breaks except in ``code``. They are at most LONGEST letters long.

**single**: one option is right; **multiple**: one or more are right, and at least one is wrong. Two to six
options, all different; their order is shuffled, so that none says "both of them" or "the first"::

    [[00-1.options]]
    text = "Row 3 of wpe"
    right = true                         # a wrong one has no `right`, but `why` and `see`
    [[00-1.options]]
    text = "A sine wave of frequency 3"
    why = "Sine waves are the Transformer's of 2017; GPT-2 learned a table."
    see = "06_positions: GPT-2's answer: a learned table"

In **multiple**, a right option may have a ``why`` as well: it is shown to those who missed it.

**number**: ``value``, ``tolerance`` (absolute, 0 for an exact one), ``unit`` (empty if there is none), and
``why`` for any other number; numbers that people get by a known mistake have a reason of their own::

    value = 2362368
    tolerance = 0
    unit = "weights"
    why = "Count W_Q, W_K, W_V and W_O with their biases: four maps from 768 to 768."
    [[00-2.wrong]]
    value = 2359296
    why = "The biases are missing: four times 768."
    see = "What do more heads cost?"     # optional in `wrong`: else the question's own

**order**: three to seven options in their right order; ``why`` says why each comes after the one before
(the first has none)::

    [[00-3.options]]
    text = "scores"
    [[00-3.options]]
    text = "mask"
    why = "The mask is added to scores, so they must be there."

**point**: a small map of at most 10 × 10 numbers (nan: an empty cell), and the cells that are right, as
[row, column] counted from 0; ``why`` for any other cell, and ``wrong`` for those of a known mistake::

    rows = ["the", "robot", "it"]        # labels of the rows, then of the columns; they may repeat
    columns = ["the", "robot", "it"]
    across = "looked at"                 # what a column is, and what a row is
    down = "looks"
    map = [[1.0, nan, nan], [0.4, 0.6, nan], [0.1, 0.7, 0.2]]
    right = [[2, 1]]
    why = "Find the row of the token that looks first; its columns are what it looks at."
    [[00-4.wrong]]
    cells = [[1, 2]]
    why = "Rows and columns are exchanged: this is what 'robot' would see of 'it'."
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

Kind: TypeAlias = Literal["single", "multiple", "number", "order", "point"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LONGEST = {"text": 300, "option": 160, "why": 280, "answer": 700}  # letters
MOST_OPTIONS, MOST_ITEMS, MOST_CELLS = 6, 7, 10  # of a choice, of an order, in a row of a map

# single: an option's text; multiple: those chosen; number; order: all texts; point: row and column
Answer: TypeAlias = str | int | float | tuple[str, ...] | tuple[int, int]
_ELSEWHERE = re.compile(r"(primer|\d\d_\w+): (.+)")


def place(see: str, chapter: str) -> tuple[str, str]:
    """The chapter and the heading that a ``see`` names; ``chapter`` is the one in which it is written."""
    found = _ELSEWHERE.fullmatch(see)
    return (found[1], found[2]) if found else (chapter, see)


@dataclass(frozen=True)
class Option:
    """One thing to choose, or one to put in its place.

    Attributes
    ----------
    text : str
    right : bool
        Of no meaning in an order, where all belong.
    why : str
        Why it is wrong; in an order, why it comes after the one before.
    see : str
        The heading that proves it; empty: the question's own.
    """

    text: str
    right: bool = False
    why: str = ""
    see: str = ""


@dataclass(frozen=True)
class Mistake:
    """A wrong number, or wrong cells of a map, that people arrive at in a known way."""

    why: str
    see: str = ""
    value: float | None = None
    cells: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Grid:
    """The map of a question whose answer is one of its cells."""

    values: tuple[tuple[float, ...], ...]  # nan: nothing there
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    right: tuple[tuple[int, int], ...]
    down: str = ""  # what a row is
    across: str = ""  # what a column is


@dataclass(frozen=True)
class Question:
    """A question with all that is needed to ask it and to mark an answer.

    Attributes
    ----------
    id, chapter : str
        Such as Q03 and 00_map; questions of one's own belong to no chapter.
    text, code, answer, see : str
        What is asked, the code below it, what is said afterwards, and the heading that proves it.
    options : tuple of Option
        Of single, multiple and order; in an order, as they belong.
    value, tolerance, unit
        Of a number; the tolerance is absolute.
    grid : Grid or None
        Of point.
    why : str
        Said of any other wrong number or cell.
    wrong : tuple of Mistake
    """

    id: str
    chapter: str
    kind: Kind
    text: str
    answer: str
    see: str
    code: str = ""
    options: tuple[Option, ...] = ()
    value: float = 0.0
    tolerance: float = 0.0
    unit: str = ""
    grid: Grid | None = None
    why: str = ""
    wrong: tuple[Mistake, ...] = ()
