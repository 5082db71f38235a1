"""The claims in decks: by subject, with the right ones among the wrong, in an order of the learner's own."""

from __future__ import annotations

import functools
import random

from gpt2lab.claims.base import Claim, all_claims
from gpt2lab.errors import InputError, shown, validates
from gpt2lab.files import records

SUBJECTS = {  # topic in the data: what learners choose
    "residual": "residual connection",
    "layernorm": "layer norm",
    "attention": "attention",
    "heads": "heads",
    "positions": "tokens and positions",
    "feedforward": "feed-forward network",
    "dropout": "dropout",
    "masking": "masks and decoding",
    "gpt2": "GPT-2 as a whole",
    "encoder_decoder": "encoder and decoder",
    "training": "training and evaluation",
}
EVERYTHING = "everything"
CHAPTERS = {  # where a topic is taught
    "residual": "01", "layernorm": "02", "attention": "03", "heads": "04", "positions": "06", "feedforward": "07",
    "dropout": "07", "masking": "05", "gpt2": "08", "encoder_decoder": "13", "training": "09",
}  # fmt: skip
_DOUBTED = {  # what is right and often doubted, by the topic it belongs to
    "residual": "C3",
    "layernorm": "C12 C13",
    "attention": "C2 C16",
    "heads": "C1 C17 C18",
    "positions": "C14 C20",
    "feedforward": "C7 C11 C21",
    "dropout": "C10",
    "masking": "C5",
    "gpt2": "C15 C19 C22",
    "encoder_decoder": "C4",
    "training": "C6 C8 C9 C23 C24",
}
TOPIC_OF = {id: topic for topic, ids in _DOUBTED.items() for id in ids.split()}

RIGHT_ONES = (2, 3, 4, 3, 2, 4, 3, 3)  # in each round of "which of these are right?", before they are shuffled
TOGETHER = 6  # statements in a round
NEED_THEIR_TEXT = {"E7", "G9", "T16"}  # about one text or one piece of code, not about GPT-2

SEED = "order"  # the key under which a learner's seed is kept


def topic(claim: Claim) -> str:
    """Its topic; for one that is right and doubted, the topic it speaks of."""
    return TOPIC_OF.get(claim.id, claim.topic)


@validates
def deck(subject: str, seed: int) -> tuple[str, ...]:
    """The ids on a subject, shuffled; those with an experiment first, and sentences before code.

    Parameters
    ----------
    subject : str
        One of the values of ``SUBJECTS``, or ``EVERYTHING``.
    seed : int
        The learner's.

    Raises
    ------
    InputError
        For any other subject.
    """
    if subject not in (*SUBJECTS.values(), EVERYTHING):
        known = ", ".join(map(repr, (*SUBJECTS.values(), EVERYTHING)))
        raise InputError(f"the subject must be one of {known}, got {shown(subject)}")
    return _shuffled(subject, seed)


@functools.cache
def _shuffled(subject: str, seed: int) -> tuple[str, ...]:
    ids = [id for id, claim in all_claims().items() if subject in (EVERYTHING, SUBJECTS[topic(claim)])]
    random.Random(f"{subject} {seed}").shuffle(ids)
    return tuple(sorted(ids, key=lambda id: _hardness(all_claims()[id])))


def _hardness(claim: Claim) -> tuple[bool, bool]:
    return claim.measurement is None, claim.statement.startswith("In code:")


@functools.cache
def mixed(seed: int) -> tuple[tuple[str, ...], ...]:
    """Rounds of six ids each, in which every right and doubted claim stands once, among false ones.

    A false one is a plain sentence (no code, nothing left out), if possible on a topic of the round's right
    ones. How many of the six are right differs from round to round.
    """
    draw, claims = random.Random(f"mixed {seed}"), all_claims()
    right = draw.sample(list(TOPIC_OF), len(TOPIC_OF))
    false = [id for id, claim in claims.items() if claim.verdict == "false" and id not in NEED_THEIR_TEXT]
    plain = [id for id in false if not claims[id].statement.startswith(("In code:", "(Left out:"))]
    left = draw.sample(plain, len(plain))
    rounds = []
    for n in draw.sample(RIGHT_ONES, len(RIGHT_ONES)):
        chosen, right = right[:n], right[n:]
        topics = {topic(claims[id]) for id in chosen}
        left.sort(key=lambda id: topic(claims[id]) not in topics)  # stable: the drawn order stays within each half
        chosen, left = chosen + left[: TOGETHER - n], left[TOGETHER - n :]
        rounds.append(tuple(draw.sample(chosen, TOGETHER)))
    return tuple(rounds)


_own: dict[str, int] = {}  # the seed of this kernel, where none is kept


def learner_seed() -> int:
    """A number that differs between learners and stays: kept with their answers; 0 outside of a workspace."""
    if records.place() is None:
        return 0
    seed = (records.kept("claims", SEED) or {}).get("seed")
    if not isinstance(seed, int):
        seed = _own.setdefault(SEED, random.SystemRandom().randrange(1, 10_000))
        records.keep("claims", SEED, {"seed": seed})
    return seed
