"""What does the vector of the last "the" hold? The reference model, on a sentence and four changes of it.

    the robot could not turn the box because it was heavy. it means the      (the answer is: box)

Each change keeps or changes two things, the adjective's kind and the answer, in all four combinations, so that
what follows the one can be told from what follows the other. The verbs are those that training never showed.

``many`` draws such sentences at random, for a question that cosines cannot answer: is the adjective still there?
"""

from __future__ import annotations

import random

import torch
import torch.nn.functional as F
from torch import Tensor

from gpt2lab.errors import validates
from gpt2lab.model import GPT2
from gpt2lab.tasks.reference import ABOUT_THE_FIRST, ABOUT_THE_SECOND, NEW_VERBS, NOUNS, Reference

SENTENCES = len(NOUNS)
BASE = "heavy"  # the sentence itself; the others by what was changed and what the answer does
CHANGES = (
    "heavy to large: answer stays",
    "nouns swapped: answer changes",
    "heavy to weak: answer changes",
    "swapped and weak: answer stays",
)


def sentences(i: int) -> dict[str, str]:
    """Sentence ``i`` under ``BASE``, then its four changes; the nouns, verbs and adjectives go round with i."""

    def pick(words: list[str], shift: int = 0) -> str:
        return words[(i + shift) % len(words)]

    a, b, verb = pick(NOUNS), pick(NOUNS, 1), pick(NEW_VERBS)
    heavy, large, weak = pick(ABOUT_THE_SECOND), pick(ABOUT_THE_SECOND, 1), pick(ABOUT_THE_FIRST)
    orders = [(a, b, heavy), (a, b, large), (b, a, heavy), (a, b, weak), (b, a, weak)]
    texts = [
        f"the {first} could not {verb} the {second} because it was {adjective}. it means the"
        for first, second, adjective in orders
    ]
    return dict(zip((BASE, *CHANGES), texts, strict=True))


@validates
def cosines(model: GPT2) -> dict[str, Tensor]:
    """For each change: cosines of the last token's vector with the unchanged sentence's.

    Returns
    -------
    dict of str to Tensor (SENTENCES, n_layers + 1)
        After 0, 1, … blocks. After 0 it is 1: the last token and its place are the same.
    """
    encoding = Reference().encoding
    rows: dict[str, list[Tensor]] = {change: [] for change in CHANGES}
    with torch.no_grad():
        for i in range(SENTENCES):
            stream = {name: _last(model, encoding.encode_ordinary(text)) for name, text in sentences(i).items()}
            for change in CHANGES:
                rows[change].append(F.cosine_similarity(stream[BASE], stream[change], dim=-1))
    return {change: torch.stack(found) for change, found in rows.items()}


@validates
def many(model: GPT2, n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Vectors of the last "the" in ``n`` random sentences, and the kind of each sentence's adjective.

    Nouns, verb and adjective are drawn independently, so that the answer says nothing about the kind.

    Returns
    -------
    vectors : (n_layers + 1, n, d_model)
        After 0, 1, … blocks.
    kind : (n,)
        1.0 for an adjective like heavy, -1.0 for one like weak.
    """
    encoding, draw, rows, kinds = Reference().encoding, random.Random(seed), [], []
    for _ in range(n):
        first, second = draw.sample(NOUNS, 2)
        kind = draw.choice((-1.0, 1.0))
        adjective = draw.choice(ABOUT_THE_SECOND if kind > 0 else ABOUT_THE_FIRST)
        verb = draw.choice(NEW_VERBS)
        text = f"the {first} could not {verb} the {second} because it was {adjective}. it means the"
        rows.append(encoding.encode_ordinary(text))
        kinds.append(kind)
    with torch.no_grad():
        return _heights(model, torch.tensor(rows)), torch.tensor(kinds)


def _last(model: GPT2, ids: list[int]) -> Tensor:
    """The stream at the last token: (n_layers + 1, d_model)."""
    return _heights(model, torch.tensor([ids]))[:, 0]


def _heights(model: GPT2, tokens: Tensor) -> Tensor:
    """The stream at the last token of each row: (B, T) -> (n_layers + 1, B, d_model)."""
    heights = [model.embed(tokens)[:, -1]]
    heights += [block.resid_post[:, -1] for block in model.trace_blocks(tokens)]
    return torch.stack(heights)
