"""Is a look of cross-attention a use, and does the head that looks read or count? Number words and dates.

Three seeds, held-out cases. *Uses*, in number words: in the last layer, for each digit that a word says, that word is
hidden, or all but that word; counted are those digits. While it writes the end, a head has nearly all its weight on
one word as well: that word is hidden, and the ends are counted. Then, in all layers and at all tokens, the causal
mask is laid over the source as well, or nothing is hidden, the padding neither; counted are digits, and numbers.

*Counting*: a rule that knows the place in the target and the length of the source, and no word, finds most of the
right words. So the best head is looked at where that rule is wrong, in number words and in dates. In number words
those places are of one kind: a zero among the digits written before tells which word is due. So two sources of equal
length, "nine hundred sixty five" and "nine thousand sixty five", get the same written digits, 9 and 0: whoever
counts must look at the same place in both.

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
from gpt2lab.tasks.numbers import number_words
from gpt2lab.tasks.pairs import NOTHING, PairTask
from gpt2lab.zoo.toys import PairToy, load_toy

NAME, TABLE = "words-to-digits", "looks.json"
CASES, DRAWN = 512, 2024  # held-out cases, and the seed that draws them


class LooksTable(Made):
    """The stored measurement, and how it was made."""

    right: dict[str, list[float]]  # what is hidden -> (seeds,): share that is right
    at_the_end: list[float]  # (seeds,): mean weight on the word that is looked at while the end is written
    past_the_rule: dict[str, list[float]]  # toy -> (seeds,), see ``looks_past_the_rule``
    after_the_same: dict[str, list[float]]  # word -> (seeds,), see ``looks_after_the_same``


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


def held_out(task: PairTask) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Source (n, S), target (n, T), real words (n, S); what is to be written, and where it is counted: 2 × (n, T).

    Held-out sources have at least two words, so that something is left where one is hidden.
    """
    tokens, answer = task.rows(task.cases(CASES, torch.Generator().manual_seed(DRAWN), "held_out"))
    after = task.source_length + 1
    return *task.parts(tokens[:, :-1]), tokens[:, after:], answer[:, after:]


@torch.no_grad()
def most_looked_at(model: EncoderDecoder, source: Tensor, target: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    """The largest weight of a head of the last layer at each target token, and the word it lies on: 2 × (n, T)."""
    maps = model.trace(source, target, real).decoder.blocks[-1].cross_attn.attn_weights  # (n, n_heads, T, S)
    weight, word = maps.max(dim=-1)  # 2 × (n, n_heads, T)
    weight, head = weight.max(dim=1)  # 2 × (n, T)
    return weight, word.gather(1, head[:, None])[:, 0]


@torch.no_grad()
def looks(model: EncoderDecoder, task: PairTask) -> dict[str, float]:
    """Share that is right in each case of the module's docstring."""
    source, target, real, wanted, counted = held_out(task)
    S, T = source.shape[1], target.shape[1]
    said_by = task.aligned(CASES, DRAWN)[1]  # (n, T)
    said = said_by != NOTHING
    word = torch.nn.functional.one_hot(said_by.clamp(min=0), S).bool() & said[..., None]  # (n, T, S)
    ends = counted & (wanted == task.end)  # (n, T)
    open_ = real[:, None].expand(CASES, T, S)

    def share(mask: Tensor, where: Tensor, layers: list[int], whole: bool = False) -> float:
        with cross_mask(model, mask[:, None], layers):
            right = model(source, target, real).argmax(dim=-1) == wanted  # (n, T)
        return ((right | ~where).all(dim=1) if whole else right[where]).double().mean().item()

    last, every = [len(model.decoder.blocks) - 1], list(range(len(model.decoder.blocks)))
    causal = open_ & torch.ones(T, S, dtype=torch.bool).tril()
    looked_at = torch.nn.functional.one_hot(most_looked_at(model, source, target, real)[1], S).bool()  # (n, T, S)
    return {
        "nothing": share(open_, said, last),
        "the right word": share(open_ & ~word, said, last),
        "all but the right word": share(torch.where(said[..., None], word, open_), said, last),
        "the word looked at while the end is written": share(open_ & ~(looked_at & ends[..., None]), ends, last),
        "as by a causal mask": share(causal, counted & ~ends, every),
        "as by a causal mask, whole numbers": share(causal, counted, every, whole=True),
        "not even the padding": share(torch.ones_like(open_), counted & ~ends, every),
    }


@torch.no_grad()
def weight_at_the_end(model: EncoderDecoder, task: PairTask) -> float:
    """Mean of the largest weight while the end is written."""
    source, target, real, wanted, counted = held_out(task)
    weight, _ = most_looked_at(model, source, target, real)
    return weight[counted & (wanted == task.end)].double().mean().item()


def looks_past_the_rule(model: EncoderDecoder, task: PairTask) -> float:
    """Of the tokens that ``right_by_place`` misses: the share for which the best head looks at the right word.

    The best head is the one with the largest mean weight on the right word, over all tokens.
    """
    weights = weights_on_right_word(model, task, CASES, DRAWN).flatten(0, 1)  # (n_layers · n_heads, N)
    best = weights[weights.double().mean(dim=-1).argmax()]  # (N,)
    return (best[~right_by_place(task, CASES, DRAWN)] >= ENOUGH).double().mean().item()


@torch.no_grad()
def looks_after_the_same(model: EncoderDecoder, task: PairTask) -> dict[str, float]:
    """How often the best head looks at the right word where length and written digits agree, and the words do not.

    "nine hundred sixty five" and "nine thousand sixty five", each after the written digits 9 and 0; for the first
    of them the 0 is false. Of all 648 numbers of each kind: the share with the largest weight on the right word.

    Returns
    -------
    dict
        ``hundred``: the right word is the fourth, which says the third digit. ``thousand``: it is the third.
    """
    found, best = {}, weights_on_right_word(model, task, CASES, DRAWN)[-1].double().mean(dim=-1).argmax()
    for name, size, word in (("hundred", 100, 3), ("thousand", 1000, 2)):
        numbers = [first * size + t * 10 + u for first in range(1, 10) for t in range(2, 10) for u in range(1, 10)]
        source = torch.cat([task.encode(" ".join(number_words(number))) for number in numbers])  # (648, 4)
        target = torch.cat([task.encode(f"={number // size}0") for number in numbers])  # (648, 3)
        maps = model.trace(source, target).decoder.blocks[-1].cross_attn.attn_weights  # (648, n_heads, 3, 4)
        found[name] = (maps[:, best, -1].argmax(dim=-1) == word).double().mean().item()
    return found


@cache
def looks_table() -> LooksTable:
    """The stored measurement."""
    return load_table(FOLDER / TABLE)


def main(folder: Path) -> None:
    """Measure every seed, and write the table."""
    begin = time.monotonic()
    table: LooksTable = {
        "right": {}, "at_the_end": [], "past_the_rule": {}, "after_the_same": {}, **made_by("looks", begin),
    }  # fmt: skip
    for name in (NAME, "dates"):
        for seed in SEEDS:
            toy = load_toy(trained(name, translations_table()["rows"][name]["rate"], seed, folder))
            assert isinstance(toy, PairToy) and isinstance(toy.task, PairTask)
            past = round(looks_past_the_rule(toy.model, toy.task), 4)
            table["past_the_rule"].setdefault(name, []).append(past)
            if name == NAME:
                for hidden, value in looks(toy.model, toy.task).items():
                    table["right"].setdefault(hidden, []).append(round(value, 4))
                for word, value in looks_after_the_same(toy.model, toy.task).items():
                    table["after_the_same"].setdefault(word, []).append(round(value, 4))
                table["at_the_end"].append(round(weight_at_the_end(toy.model, toy.task), 4))
    table["seconds"] = round(time.monotonic() - begin)
    save_table(FOLDER / TABLE, table)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
