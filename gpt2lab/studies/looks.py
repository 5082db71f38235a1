"""Is a look of cross-attention a use? Words of the source are hidden from single looks of a model that translates.

Of number words into digits, with three seeds, on held-out cases. In the last layer, for each digit that a word
says: that word is hidden, or its neighbour, or all but that word; counted are those digits. Then, in all layers,
for all tokens: the causal mask is laid over the source as well, or nothing is hidden, the padding neither.

And does a head that looks at the right word read, or count? A rule that knows the place in the target and the length
of the source, and no word, finds most of them. So the best head is looked at where that rule is wrong, in number
words and in dates.

``python -m gpt2lab.studies.looks FOLDER`` repeats it; the models are those of ``studies.translations``, which
keeps its runs in FOLDER, and trains those that are missing there (ten minutes on one CPU core).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from gpt2lab.family.alignment import ENOUGH, right_by_place, weights_on_right_word
from gpt2lab.family.encoder_decoder import EncoderDecoder
from gpt2lab.studies.stored import FOLDER, Made, load_table, made_by, save_table
from gpt2lab.studies.translations import SEEDS, trained, translations_table
from gpt2lab.tasks.pairs import NOTHING, PairTask
from gpt2lab.zoo.toys import PairToy, load_toy

NAME, TABLE = "words-to-digits", "looks.json"
CASES, DRAWN = 512, 2024  # held-out cases, and the seed that draws them


class LooksTable(Made):
    """The stored measurement, and how it was made."""

    right: dict[str, list[float]]  # what is hidden -> (seeds,): share that is right
    past_the_rule: dict[str, list[float]]  # toy -> (seeds,), see ``looks_past_the_rule``


@contextmanager
def cross_mask(model: EncoderDecoder, mask: Tensor, layers: list[int]) -> Iterator[None]:
    """Cross-attention of some layers with another mask, (B or 1, 1, T or 1, S) bool, True = may be looked at."""
    parts = [model.decoder.blocks[layer].cross_attn for layer in layers]
    try:
        for part in parts:
            part.mask = lambda padding: mask  # type: ignore[method-assign]
        yield
    finally:
        for part in parts:
            del part.mask  # the class's own again


@torch.no_grad()
def looks(model: EncoderDecoder, task: PairTask) -> dict[str, float]:
    """Share that is right in each case of the module's docstring."""
    tokens, answer = task.rows(task.cases(CASES, torch.Generator().manual_seed(DRAWN), "held_out"))
    source, target, real = task.parts(tokens[:, :-1])  # (n, S), (n, T), (n, S)
    S, T = source.shape[1], target.shape[1]
    wanted, counted = tokens[:, S + 1 :], answer[:, S + 1 :]  # 2 × (n, T)
    said_by = task.aligned(CASES, DRAWN)[1]  # (n, T)
    said = (said_by != NOTHING) & (real.sum(dim=1) > 1)[:, None]  # a source of one word leaves nothing to compare
    word = torch.nn.functional.one_hot(said_by.clamp(min=0), S).bool() & said[..., None]  # (n, T, S)
    after = (said_by.clamp(min=0) + 1) % real.sum(dim=1, keepdim=True)  # (n, T); after the last word comes the first
    other = torch.nn.functional.one_hot(after, S).bool() & said[..., None]  # (n, T, S)
    open_ = real[:, None].expand(CASES, T, S)

    def share(mask: Tensor, where: Tensor, layers: list[int]) -> float:
        with cross_mask(model, mask[:, None], layers):
            said_now = model(source, target, real).argmax(dim=-1)  # (n, T)
        return (said_now == wanted)[where].double().mean().item()

    last, every = [len(model.decoder.blocks) - 1], list(range(len(model.decoder.blocks)))
    return {
        "nothing": share(open_, said, last),
        "the right word": share(open_ & ~word, said, last),
        "its neighbour": share(open_ & ~other, said, last),
        "all but the right word": share(torch.where(said[..., None], word, open_), said, last),
        "as by a causal mask": share(open_ & torch.ones(T, S, dtype=torch.bool).tril(), counted, every),
        "not even the padding": share(torch.ones_like(open_), counted, every),
    }


def looks_past_the_rule(model: EncoderDecoder, task: PairTask) -> float:
    """Of the tokens that ``right_by_place`` misses: the share for which the best head looks at the right word.

    The best head is the one with the largest mean weight on the right word, over all tokens.
    """
    weights = weights_on_right_word(model, task, CASES, DRAWN).flatten(0, 1)  # (n_layers · n_heads, N)
    best = weights[weights.double().mean(dim=-1).argmax()]  # (N,)
    return (best[~right_by_place(task, CASES, DRAWN)] >= ENOUGH).double().mean().item()


@cache
def looks_table() -> LooksTable:
    """The stored measurement."""
    return load_table(FOLDER / TABLE)


def main(folder: Path) -> None:
    """Measure every seed, and write the table."""
    begin, right, past = time.monotonic(), dict[str, list[float]](), dict[str, list[float]]()
    for name in (NAME, "dates"):
        for seed in SEEDS:
            toy = load_toy(trained(name, translations_table()["rows"][name]["rate"], seed, folder))
            assert isinstance(toy, PairToy) and isinstance(toy.task, PairTask)
            past.setdefault(name, []).append(round(looks_past_the_rule(toy.model, toy.task), 4))
            for hidden, value in looks(toy.model, toy.task).items() if name == NAME else ():
                right.setdefault(hidden, []).append(round(value, 4))
    table: LooksTable = {"right": right, "past_the_rule": past, **made_by("looks", begin)}
    save_table(FOLDER / TABLE, table)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
