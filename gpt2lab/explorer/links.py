"""What is selected, typed and switched off, as the part of a link after its "#".

    view=head&layer=1&token=9&off=head%200.1&text=the%20robot

js/links.mjs writes and reads the same; tests/js/links.json holds cases of both. Only what is not as it is
at the start is written. To put more into links, add a line to ``FIELDS`` and one there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote, unquote

from gpt2lab.errors import InputError
from gpt2lab.explorer import together
from gpt2lab.explorer.screen import RUNS
from gpt2lab.explorer.words import fixed

State = dict[str, object]
REFUSED = "The link cannot be opened: "
_BROKEN = re.compile(r"%(?![0-9A-Fa-f]{2})")
_WHOLE = re.compile(r"[0-9]{1,9}")
_REAL = re.compile(r"[0-9]{1,6}(\.[0-9]{1,3})?")


class Kind(NamedTuple):
    """How values of a kind are written, read (None: it is no such value), and what they are called."""

    write: Callable[..., str]
    read: Callable[[str], object | None]
    called: str


def escape(text: str) -> str:
    """Everything but letters, digits and ``-_.`` as %XX, so that no program cuts the link short."""
    return quote(text, safe="").replace("~", "%7E")


def _unescape(text: str) -> str:
    if _BROKEN.search(text):
        raise ValueError(text)
    return unquote(text, errors="strict")


def _whole(text: str) -> int | None:
    return int(text) if _WHOLE.fullmatch(text) else None


def _wholes(text: str) -> list[int] | None:
    parts = text.split(".")
    return [int(part) for part in parts] if all(map(_WHOLE.fullmatch, parts)) else None


def _list(text: str) -> list[str] | None:
    words = [_unescape(word) for word in text.split("~")]
    return words if all(words) else None


WORDS = Kind(escape, _unescape, "a text")
LIST = Kind(lambda words: "~".join(map(escape, words)), _list, "words with ~ between them")
WHOLE = Kind(str, _whole, "a whole number")
WHOLES = Kind(lambda ids: ".".join(map(str, ids)), _wholes, "whole numbers with . between them")
REAL = Kind(
    lambda value: fixed(float(value), 3).rstrip("0").removesuffix("."),
    lambda text: float(text) if _REAL.fullmatch(text) else None,
    "a number such as 0.7",
)
SWITCH = Kind(lambda value: str(int(value)), lambda text: {"0": False, "1": True}.get(text), "0 or 1")

# Name in the link: its kind, and what holds where the link does not say it.
FIELDS: dict[str, tuple[Kind, object]] = {
    "model": (WORDS, ""),  # see signature
    "view": (WORDS, "heads"),
    "layer": (WHOLE, 0),
    "head": (WHOLE, 0),
    "token": (WHOLE, -1),  # the last
    "key": (WHOLE, -1),  # the strongest
    "also": (LIST, []),  # heads drawn with the selected one
    "span": (WHOLE, -1),  # one query
    "off": (LIST, []),
    "patched": (LIST, []),
    "temperature": (REAL, 1.0),
    "top_k": (WHOLE, 0),
    "top_p": (REAL, 1.0),
    "run": (WORDS, "after"),  # of two
    "weighted": (SWITCH, False),
    "presenter": (SWITCH, False),
    "step": (WHOLE, 0),  # of a tour
    "ids": (WHOLES, []),  # instead of a text
    "text": (WORDS, None),  # the one that is there
    "text_b": (WORDS, ""),  # no second sentence
}


@dataclass(frozen=True)
class Here:
    """The explorer that a link is to be opened in.

    Attributes
    ----------
    model : str
        Its ``signature``.
    views : names of its views
    grid : heads per layer
    T : tokens of its text, or None if the link brings a text of its own
    """

    model: str
    views: Sequence[str]
    grid: Sequence[int]
    T: int | None = None


def encode(state: Mapping[str, object]) -> str:
    """The state as a link says it; what is as at the start is left out."""
    written = (
        f"{name}={kind.write(state[name])}"
        for name, (kind, start) in FIELDS.items()
        if state.get(name, start) not in (start, None)
    )
    return "&".join(written)


def decode(link: str) -> tuple[State, str]:
    """What a link, or the part after its "#", says: the whole state, and a note if not all of it is known.

    Raises
    ------
    InputError
        For a damaged link: one sentence, the same in the browser.
    """
    state: State = {name: start for name, (_, start) in FIELDS.items()}
    unknown = []
    for part in filter(None, link.strip().partition("#")[2 if "#" in link else 0].split("&")):
        name, equals, text = part.partition("=")
        if not equals:
            raise InputError(f"{REFUSED}it is damaged near {_quoted(part)}.")
        if name not in FIELDS:
            unknown.append(name)
            continue
        kind = FIELDS[name][0]
        try:
            value = kind.read(text)
        except ValueError:  # UnicodeDecodeError is one
            raise InputError(f"{REFUSED}it is damaged near {_quoted(part)}.") from None
        if value is None:
            raise InputError(f"{REFUSED}{name} must be {kind.called}, got {_quoted(text)}.")
        state[name] = value
    if not unknown:
        return state, ""
    return state, f"The link also says {_quoted(unknown[0])}, which is not known here; the rest is shown."


def misfit(state: Mapping[str, object], here: Here) -> str:
    """Why a state cannot be shown here, in one sentence; empty if it can."""
    if state["model"] not in ("", here.model):
        return f"{REFUSED}it is of another model (layers x heads - tokens: {state['model']}; here: {here.model})."
    if state["view"] not in here.views:
        return f"{REFUSED}there is no view {_quoted(str(state['view']))}."
    ends = {"layer": len(here.grid), "head": max(here.grid, default=0)}
    if here.T is not None:
        ends |= {"token": here.T, "key": here.T, "span": here.T}
    for name, end in ends.items():
        value = state[name]
        if isinstance(value, int) and value >= end:
            return f"{REFUSED}{name} must lie in 0 … {end - 1}, got {value}."
    layer, head = state["layer"], state["head"]
    if isinstance(layer, int) and isinstance(head, int) and head >= here.grid[layer]:
        return f"{REFUSED}there is no head {head} in layer {layer}."
    if state["run"] not in RUNS:
        return f"{REFUSED}there is no run {_quoted(str(state['run']))}."
    also = state["also"]
    why = together.why_not(also if isinstance(also, list) else [], here.grid)
    return why and f"{REFUSED}{why}."


def signature(grid: Sequence[int], vocab_size: int | None) -> str:
    """What tells models apart in a link: layers x heads, and the number of tokens, such as 2x1-54."""
    heads = f"{len(grid)}x{grid[0]}" if len(set(grid)) == 1 else ".".join(map(str, grid))
    return heads if vocab_size is None else f"{heads}-{vocab_size}"


def _quoted(text: str) -> str:
    return f'"{text[:40]}"'
