"""Two models of one small language: what a GPT and a BERT can each be asked, beyond what they were trained for.

The language tells each fact twice (``tasks.gifts``). A word at its first mention is hidden: BERT names it, GPT
guesses it from the left, or GPT tries each word and takes the most probable sentence. And the second half of a
sentence is missing: GPT writes it; BERT fills blanks, one by one or all at once, and is told how many there are.

Three seeds each, trained as the toys ``gifts-gpt`` and ``gifts-masked`` (their rates are the best of four, see
``translations``), asked on 300 held-out facts. ``python -m gpt2lab.studies.asking FOLDER`` repeats it
(some two minutes on one CPU core).
"""

from __future__ import annotations

import sys
import tempfile
import time
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from gpt2lab.generation import generate
from gpt2lab.model import GPT2
from gpt2lab.studies.stored import FOLDER, Made, load_table, made_by, save_table
from gpt2lab.tasks.gifts import MaskedGifts
from gpt2lab.tasks.gifts_gpt import GiftsGPT, well_told
from gpt2lab.zoo.make import make_toy
from gpt2lab.zoo.toys import load_toy

TABLE = "asking.json"
SEEDS = (0, 1, 2)
FACTS, DRAWN = 300, 1  # held-out facts, and the seed that draws them
WAYS = ("BERT, blank", "GPT, next word", "GPT, trying all", "BERT, all at once", "BERT, one by one", "GPT, writing")


class AskingTable(Made):
    """The stored measurement, and how it was made."""

    right: dict[str, list[float]]  # way of asking -> (seeds,): share that is right


def first_mentions(task: GiftsGPT, n: int = FACTS, seed: int = DRAWN) -> tuple[Tensor, Tensor]:
    """Held-out sentences (n, T), and for each the place of a first mention, not the first word: (n,)."""
    told, other = (part[:, :-1] for part in task.told(n, torch.Generator().manual_seed(seed), "held_out"))
    places = torch.arange(told.shape[1])
    return told, ((other > places) & (places > 0)).int().argmax(dim=1)


def second_half(task: GiftsGPT, told: Tensor) -> Tensor:
    """Which words come after "so" or "because": (n, T) bool, without the padding."""
    middle = torch.tensor([task.encoding.encode_single_token(word) for word in (" so", " because")])
    start = torch.isin(told, middle).int().argmax(dim=1, keepdim=True)  # (n, 1)
    return (torch.arange(told.shape[1]) > start) & (told != task.end)


@torch.no_grad()
def bert_writes(model: GPT2, told: Tensor, missing: Tensor, task: MaskedGifts, at_once: bool = False) -> Tensor:
    """The missing words, named at once or from left to right: (n, T)."""
    real = told != task.end
    text = told.masked_fill(missing, task.mask_id)
    if at_once:
        return torch.where(missing, model(text, real).argmax(dim=-1), text)
    for t in range(text.shape[1]):
        text[:, t] = torch.where(missing[:, t], model(text, real)[:, t].argmax(dim=-1), text[:, t])
    return text


def gpt_writes(model: GPT2, told: Tensor, missing: Tensor, task: GiftsGPT) -> list[list[int]]:
    """The same from the first halves alone; the model ends by itself."""
    texts = []
    for row, gone in zip(told, missing, strict=True):
        half = row[: int(gone.int().argmax())].tolist()
        texts += generate(model, [half], told.shape[1] - len(half), temperature=0, stop=[task.end])
    return texts


def share_well_told(texts: Tensor | list[list[int]], task: GiftsGPT) -> float:
    """Which share are sentences of the language that tell one fact."""
    rows = texts.tolist() if isinstance(texts, Tensor) else texts
    plain = [task.encoding.decode([token for token in row if token != task.end]) for row in rows]
    return sum(map(well_told, plain)) / len(plain)


@torch.no_grad()
def asked(bert: GPT2, gpt: GPT2) -> dict[str, float]:
    """All six ways, on the same facts."""
    hidden_words, task = MaskedGifts(), GiftsGPT()
    told, at = first_mentions(task)  # (n, T), (n,)
    n, words = torch.arange(len(told)), task.mentioned[len(task.mentioned) // 2 :]  # each after a space

    def share(scores: Tensor) -> float:
        return (words[scores.argmax(dim=1)] == told[n, at]).double().mean().item()

    blank = told.clone()
    blank[n, at] = hidden_words.mask_id
    missing = second_half(task, told)
    return {
        "BERT, blank": share(bert(blank, blank != task.end)[n, at][:, words]),
        "GPT, next word": share(gpt(told)[n, at - 1][:, words]),
        "GPT, trying all": share(sentence_scores(gpt, told, at, words, task.end)),
        "BERT, all at once": share_well_told(bert_writes(bert, told, missing, hidden_words, at_once=True), task),
        "BERT, one by one": share_well_told(bert_writes(bert, told, missing, hidden_words), task),
        "GPT, writing": share_well_told(gpt_writes(gpt, told, missing, task), task),
    }


@torch.no_grad()
def sentence_scores(gpt: GPT2, told: Tensor, at: Tensor, words: Tensor, end: int) -> Tensor:
    """log p of each whole sentence with each word put at the place: (n, n_words)."""
    tried = told[:, None].repeat(1, len(words), 1)  # (n, n_words, T)
    tried[torch.arange(len(told)), :, at] = words
    tried = tried.flatten(0, 1)  # (n · n_words, T)
    log_p = gpt(tried).log_softmax(dim=-1)[:, :-1].gather(2, tried[:, 1:, None])[..., 0]  # of each word that follows
    return (log_p * (tried[:, 1:] != end)).sum(dim=1).reshape(len(told), len(words))


@cache
def asking_table() -> AskingTable:
    """The stored measurement."""
    return load_table(FOLDER / TABLE)


def main(folder: Path) -> None:
    """Train what is not in the folder yet, ask, and write the table."""
    begin, right = time.monotonic(), dict[str, list[float]]()
    for seed in SEEDS:
        models = []
        for name in ("gifts-masked", "gifts-gpt"):
            made = folder / str(seed) / name
            if not (made / "provenance.json").is_file():
                make_toy(name, folder=made.parent, seed=seed, changes={"progress": False})
            models.append(load_toy(made).model)
        for way, value in asked(*models).items():
            right.setdefault(way, []).append(round(value, 4))
    table: AskingTable = {"right": right, **made_by("asking", begin)}
    save_table(FOLDER / TABLE, table)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp()))
