"""What a view of the explorer is: the same few methods for all, each about what is on screen.

A view reads a ``Screen`` and computes from its runs. The browser's protocol is in ``answers``, and
no view goes through it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar

from torch import Tensor

from gpt2lab.errors import InputError
from gpt2lab.explorer.screen import Screen
from gpt2lab.explorer.sheet import Sheet

Answer = tuple[dict[str, object], list[bytes]]
Row = tuple[object, ...]
Likely = tuple[int, str]  # a turn, low ones first, and a question
MAPS, PREDICTIONS, LAYERS, NEURONS, ROWS, SCORES, LATER = range(7)  # turns


class View(ABC):
    """One way to look at a run. A method raises InputError, one sentence, if a run lacks what it needs.

    Attributes
    ----------
    name : str
        What the trait ``view`` says, and the stem of both files: views/NAME.py and js/views/NAME.mjs.
    asked : tuple of str
        How the browser asks: a word that no other view has, then whole numbers by name, such as
        "map/run/layer/head". Empty if the view shows only what comes with the scene.
    with_prediction : bool
        Whether a picture leaves room at the right for the next token.
    code : tuple of str
        Lines that compute ``shown``, a dict of tensors, from ``model``, ``tokens`` and ``trace``;
        {layer}, {head}, {token} and {sampling} are filled in.
    imports : str
        A line that the code needs, if any.
    of_base : bool
        It is about the first sentence with nothing patched, whatever is on screen.
    """

    name: ClassVar[str]
    asked: ClassVar[tuple[str, ...]] = ()
    with_prediction: ClassVar[bool] = False
    code: ClassVar[tuple[str, ...]]
    imports: ClassVar[str] = ""
    of_base: ClassVar[bool] = False

    @abstractmethod
    def tensors(self, screen: Screen) -> dict[str, Tensor]:
        """What ``code`` computes, from the run at hand; a test compares the two."""

    @abstractmethod
    def draw(self, sheet: Sheet, screen: Screen) -> None:
        """The view as a picture, for where there is no browser."""

    @abstractmethod
    def rows(self, screen: Screen) -> Iterator[Row]:
        """The exact numbers, for a CSV file: a header, then one row per item."""

    def answer(self, screen: Screen, word: str, numbers: Sequence[int]) -> Answer:
        """What the browser gets: a dict of small things, and bytes. ``word`` and ``numbers`` are those of ``asked``."""
        raise InputError(f"the view {self.name} has no question {word!r}")

    def questions(self, screen: Screen, run: int, positions: Sequence[int], read: Sequence[int]) -> Iterator[Likely]:
        """What a reader of a page may ask about a run, each with its turn: a page records until it is full.

        Parameters
        ----------
        positions : all tokens, nearest to the selection first
        read : those of which a page can afford answers that name words
        """
        return iter(())


def no_nan(values: Tensor, what: str) -> Tensor:
    """The values, or an InputError if one of them is nan, of which no picture can be made."""
    if values.isnan().any():
        raise InputError(f"the {what} are nan here: the model's weights hold nan, or numbers grew too large")
    return values


def as_list(values: Tensor) -> list[float]:
    """One dimension as Python numbers, in float32 as the browser gets them."""
    return values.detach().float().cpu().tolist()
