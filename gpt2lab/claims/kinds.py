"""What kind of mistake each wrong claim is, and the question that would have caught it."""

from __future__ import annotations

from collections import Counter

from gpt2lab.claims.base import all_claims
from gpt2lab.claims.decks import SUBJECTS

QUESTIONS = {  # kind: what to ask
    "two things taken for one": "What is the difference between the two, and what would show it?",
    "a part is left out": "What goes in, what comes out, and is every step between them named?",
    "true elsewhere": "Of which model, which year, which task?",
    "too sweeping": "Is there one case in which it fails?",
    "wrong place or direction": "Which axis, which side, which order? Change one number, and see who moves.",
    "wrong reason": "Take the reason away: does the effect go?",
    "a slip in code": "Has anybody run it?",
    "no such thing": "Where in the code is it?",
}

_IDS = {  # one kind each, though some would fit two
    "two things taken for one": """
        R6 R9 R11 N5 N8 A3 A10 A11 A13 A16 A19 A25 H3 H5 P4 F8 D3 D8 D9 G1 G3 G5 G12 M3 M13 E2
        T2 T3 T8 T10 T11 T12 T15 T16 T17 T20""",
    "a part is left out": """
        R4 R8 R15 N2 N12 A5 A6 A8 A21 A22 A23 A24 H4 P5 P12 P14 F2 F6 F11 D2 G6 G15 G17 M5 M7 M10 M11 E1 E3 E8
        T1 T6 T7 T18""",
    "true elsewhere": "R1 N7 N9 A1 A27 P1 P2 F1 F10 G2 G4 G8 G11 G18 M1 M2 M12 M14 T5 T13",
    "too sweeping": "R3 R10 A4 A14 A15 A17 A18 A28 H6 H8 H9 P8 P13 D7 G10 G13 M8 T14 T19",
    "wrong place or direction": "R2 R5 N1 N3 N10 A7 A9 A26 A29 H1 H2 F4 F5 D4 M6 M16",
    "wrong reason": "N6 N13 H7 P11 F7 F9 D5 D6 G14 G16 M9 M15 T4 T9",
    "a slip in code": "R7 R14 N11 A2 A12 A20 P3 P7 P10 F3 G7 G9 E4 E6",
    "no such thing": "R12 R13 N4 P6 P9 D1 M4 E5 E7",
}
KIND_OF = {id: kind for kind, ids in _IDS.items() for id in ids.split()}


def count() -> dict[str, dict[str, int]]:
    """How many wrong claims there are of each kind, by subject.

    Returns
    -------
    dict
        ``count()["true elsewhere"]["layer norm"]``; every kind has every subject.
    """
    found = Counter((kind, all_claims()[id].topic) for id, kind in KIND_OF.items())
    return {kind: {name: found[kind, topic] for topic, name in SUBJECTS.items()} for kind in QUESTIONS}
