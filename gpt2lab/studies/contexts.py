"""What does the vector of the last "the" hold? The reference model, on a sentence and four changes of it.

    the robot could not turn the box because it was heavy. it means the      (the answer is: box)

Each change keeps or changes two things, the adjective's kind and the answer, in all four combinations, so that
what follows the one can be told from what follows the other. The verbs are those that training never showed.
"""

from __future__ import annotations

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


def _last(model: GPT2, ids: list[int]) -> Tensor:
    """The stream at the last token: (n_layers + 1, d_model)."""
    tokens = torch.tensor([ids])
    heights = [model.embed(tokens)[0, -1]]
    heights += [block.resid_post[0, -1] for block in model.trace_blocks(tokens)]
    return torch.stack(heights)
