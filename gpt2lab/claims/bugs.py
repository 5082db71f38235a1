"""Find the bug: a claim's broken code and the right one, as text, and which of its lines are wrong."""

from __future__ import annotations

import ast
import difflib
import functools
import inspect
import random
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

from gpt2lab.claims.base import all_claims
from gpt2lab.claims.bets import Result
from gpt2lab.claims.decks import SUBJECTS, topic
from gpt2lab.errors import InputError, shown

PURPOSES = {  # what both versions are meant to do, where they have no docstring that says so
    "R9": "a residual connection around a part",
    "N1": "layer norm at the start of training: x is (batch, tokens, features)",
    "N8": "layer norm at the start of training: x is (batch, tokens, features)",
    "A2": "self-attention as one step of a network that is to be trained",
    "A7": "attention on a batch: q, k and v are (batch, tokens, features); without the root, which is not the bug",
    "A9": "attention weights from scores (batch, queries, keys)",
    "H1": "h heads at once: x is (batch, tokens, features); no projections, which is not the bug",
    "H2": "h heads at once: x is (batch, tokens, features); no projections, which is not the bug",
    "F4": "a feed-forward network in the manner of 2017, without biases",
    "D4": "dropout in training: each number is dropped with probability p",
    "M3": "attention weights of the query at position 2, which must not see positions 3, 4, …",
    "M16": "the next token of a sample, greedily: logits are (batch, tokens, vocabulary)",
    "T2": "the loss of a language model: logits are (tokens, vocabulary), targets are ids",
}

CULPRITS = {"H1": (3,), "H2": (2,), "N1": (2,), "A2": (3,), "M3": (2,)}  # where other lines differ as a consequence

SHOWN = ("D4", "H1")  # chapter 15 takes these apart before the game begins: they come last


@dataclass(frozen=True)
class Bug:
    """Two versions of one function, side by side.

    Attributes
    ----------
    id : str
        The claim's.
    purpose : str
        What both are meant to do.
    versions : dict of str to tuple of str
        The lines of "A" and of "B".
    broken : "A" or "B"
    lines : tuple of str
        The lines that can be named, such as "A2": all but the head of the function.
    wrong : tuple of str
        Those that are wrong; any of them is an answer.
    """

    id: str
    purpose: str
    versions: dict[str, tuple[str, ...]]
    broken: str
    lines: tuple[str, ...]
    wrong: tuple[str, ...]

    def outcome(self, line: str) -> Result:
        """A hit for a wrong line, near for another line of the broken version, a miss for the other one.

        Raises
        ------
        InputError
            If there is no such line.
        """
        if line not in self.lines:
            raise InputError(f"the line must be one of {', '.join(self.lines)}, got {shown(line)}")
        return "hit" if line in self.wrong else "near" if line[0] == self.broken else "miss"


@functools.cache
def bugs(seed: int) -> dict[str, Bug]:
    """A round for every claim with code, by id: short code first, otherwise in an order of the learner's own.

    Parameters
    ----------
    seed : int
        Decides the order of the rounds, and which version stands on the left.
    """
    draw, found = random.Random(f"bugs {seed}"), []
    for id, claim in all_claims().items():
        measured = claim.measurement
        if measured and measured.wrong and measured.right:
            subject = f"something on the subject “{SUBJECTS[topic(claim)]}”"
            purpose = " ".join((inspect.getdoc(measured.right) or PURPOSES.get(id, subject)).split()).rstrip(".")
            found.append(_bug(id, purpose, measured.wrong, measured.right, draw.choice("AB")))
    draw.shuffle(found)
    return {bug.id: bug for bug in sorted(found, key=lambda bug: (bug.id in SHOWN, len(bug.lines)))}


def _bug(id: str, purpose: str, wrong: Callable[..., object], right: Callable[..., object], broken: str) -> Bug:
    other = "B" if broken == "A" else "A"
    sources = {broken: source(wrong), other: source(right)}
    versions = {side: sources[side] for side in "AB"}  # in this order, whichever is broken
    lines = tuple(f"{side}{n}" for side in "AB" for n, _ in enumerate(versions[side], start=1) if n > 1)
    places = differing(versions[broken], versions[other])
    if len(places) > 1:
        places = CULPRITS.get(id, places)
    return Bug(id, purpose, versions, broken, lines, tuple(f"{broken}{n}" for n in places))


def source(function: Callable[..., object]) -> tuple[str, ...]:
    """The lines of a function, called f, without types, docstring and comments: nothing that gives it away."""
    text = textwrap.dedent(inspect.getsource(function))
    made = ast.parse(text).body[0]
    assert isinstance(made, ast.FunctionDef), f"{function.__name__} is no function"
    for parameter in ast.walk(made.args):
        if isinstance(parameter, ast.arg):
            parameter.annotation = None
    body = made.body[1:] if ast.get_docstring(made) else made.body
    lines = [f"def f({ast.unparse(made.args)}):", *text.splitlines()[body[0].lineno - 1 :]]
    lines = [re.sub(rf"\b{made.name}\b", "f", re.sub(r"\s+# .*$", "", line)).rstrip() for line in lines]
    return tuple(filter(None, lines))


def differing(wrong: tuple[str, ...], right: tuple[str, ...]) -> tuple[int, ...]:
    """The lines of ``wrong``, counted from 1, that stand differently in ``right``; the head counts for nothing.

    If ``right`` only adds lines, it is the line before which the first one is missing.
    """
    steps = [step for step in difflib.SequenceMatcher(None, wrong[1:], right[1:], False).get_opcodes()]
    changed = [n + 2 for name, low, high, _, _ in steps if name in ("replace", "delete") for n in range(low, high)]
    missing = [min(low + 2, len(wrong)) for name, low, _, _, _ in steps if name == "insert"]
    return tuple(changed or missing[:1] or [len(wrong)])
