"""The traits of the explorer: what is of the wrong kind is refused with one sentence, an ``InputError``."""

from __future__ import annotations

import math

import traitlets

from gpt2lab.errors import InputError, as_real, is_whole, shown


class Whole(traitlets.Int):
    """A whole number; NumPy's are whole numbers, True and False are not."""

    def validate(self, obj: object, value: object) -> int:
        if not is_whole(value):
            raise InputError(f"{self.name} must be a whole number, got {shown(value)}")
        return int(value)


class Real(traitlets.Float):
    """A number, as a float."""

    def validate(self, obj: object, value: object) -> float:
        number = as_real(value)
        if math.isnan(number):
            raise InputError(f"{self.name} must be a number, got {shown(value)}")
        return number


class Words(traitlets.Unicode):
    """A text."""

    def validate(self, obj: object, value: object) -> str:
        if not isinstance(value, str):
            raise InputError(f"{self.name} must be a text, got {shown(value)}")
        return str(value)


class Switch(traitlets.Bool):
    """True or False."""

    def validate(self, obj: object, value: object) -> bool:
        if not isinstance(value, bool):
            raise InputError(f"{self.name} must be True or False, got {shown(value)}")
        return value


class ListOfWords(traitlets.List):
    """A list of words; ``changes.check`` or ``patches.check`` says which."""

    def validate(self, obj: object, value: object) -> list[object]:
        if not isinstance(value, (list, tuple)):
            raise InputError(f'{self.name} must be a list of words such as ["head 0.1", "mask"], got {shown(value)}')
        return list(value)
