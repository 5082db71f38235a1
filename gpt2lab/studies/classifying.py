"""GPT-2 as a classifier beside a bag of words: on a rule that hangs on word order, and on two kinds of prose.

*Sentiment*: three judgements, "not" flips one (``tasks.sentiment``). The rule is known, and a bag of words
cannot follow it: it does not know which word the "not" belongs to.

*Prose*: is a sentence Jane Austen's or this course's? Twelve paragraphs of each, cut into sentences. Four
paragraphs of each kind are held out, other ones for each seed; whole paragraphs, because sentences of one
paragraph share their words. Two further ones judge the learning rate and take no other part. That leaves
some forty sentences to learn from and thirty to be judged on: one of them is 3 %. So this can tell a
classifier that works from one that guesses, and not two good ones from each other.

Four readers of the prose: a bag of words; a small GPT-2 that starts from nothing; the course's English model,
frozen, with only the new layer learned; and the same, frozen as untrained, which shows what the training was worth.
The English model has read Austen's novels, though not these paragraphs.

What came out: GPT-2 follows the rule of sentiment, a bag of words does no better than a coin. On prose the bag
of words and the frozen model are both well above a coin, and their ranges overlap. The GPT-2 from nothing fits
what it learns from and is a coin on the rest.

Each learning rate is the best of at least three, with a seed that is not reported. Three seeds.
``python -m gpt2lab.studies.classifying`` repeats everything (a few minutes on one CPU core).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm.auto import tqdm

from gpt2lab.ablations import build, scale_init
from gpt2lab.config import GPT2Config
from gpt2lab.family.classifier import GPT2Classifier
from gpt2lab.family.fitting import fit, predicted
from gpt2lab.family.naive_bayes import NaiveBayes
from gpt2lab.studies.prose import COURSE
from gpt2lab.studies.stored import FOLDER, Made, load_table, made_by, save_table
from gpt2lab.tasks.base import EVALUATION_SEED
from gpt2lab.tasks.sentiment import Sentiment
from gpt2lab.tokens import pad_left
from gpt2lab.zoo.held_out import AUSTEN
from gpt2lab.zoo.toys import load_toy

TABLE = "classifying.json"
TUNING_SEED, SEEDS = 100, (0, 1, 2)
RATES = (0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1)  # the search begins with the middle three
STEPS = {"sentiment": 600, "from nothing": 100, "frozen English": 60, "frozen untrained": 60}
BATCH = {"sentiment": 64, "from nothing": 16, "frozen English": 16, "frozen untrained": 16}
BAGS = ("sentiment, bag of words", "prose, bag of words")
TRAIN_CASES, HELD_OUT_CASES = 8192, 1024  # of sentiment
HELD_OUT, JUDGES = 4, 2  # paragraphs of each kind
SENTENCE_END = re.compile(r"(?<=[.!?])(?<!Mr\.)(?<!Mrs\.)[\"')]*\s+(?=[\"'(A-Z])")
SHORTEST = 4  # words of a sentence
CLASSES = ("Austen", "course")


class ClassifyingTable(Made):
    """The stored measurement, and how it was made."""

    right: dict[str, list[float]]  # reader -> (seeds,): share of held-out texts that are right
    trained: dict[str, list[float]]  # the same on the texts that were learned from
    rates: dict[str, float]
    tried: dict[str, dict[str, float]]  # reader -> rate -> loss on the cases of the judge, nats
    sizes: dict[str, list[int]]  # of the prose: texts to learn from and held out, at each seed


@dataclass(frozen=True)
class Texts:
    """Texts with their classes."""

    words: list[list[str]]
    tokens: Tensor  # (n, T), padded on the left
    mask: Tensor  # (n, T) bool, True = a real token
    classes: Tensor  # (n,)


def sentiment_texts(split: str, n: int, seed: int) -> Texts:
    """Cases of the task up to `` =>``; class 1 is positive."""
    task = Sentiment()
    tokens, answer = task.sequences(n, torch.Generator().manual_seed(seed), split)  # 2 × (n, T + 1)
    at = answer.int().argmax(dim=1, keepdim=True)  # (n, 1), where the answer stands
    classes = tokens.gather(1, at)[:, 0] == task.encoding.encode_single_token(" positive")  # (n,)
    rows = [row[: int(end)] for row, end in zip(tokens.tolist(), at, strict=True)]
    words = [[task.encoding.decode([token]) for token in row] for row in rows]
    return Texts(words, *pad_left(rows), classes.long())


def sentences(paragraph: str) -> list[str]:
    """A paragraph cut into sentences of at least four words."""
    return [text for text in SENTENCE_END.split(paragraph) if len(text.split()) >= SHORTEST]


def prose_split(seed: int) -> tuple[Texts, Texts, Texts]:
    """Sentences to learn from, held-out ones, and those that judge a learning rate; by whole paragraphs.

    The paragraphs of the judge are the same for every seed.
    """
    encoding = load_toy("english").encoding
    parts: tuple[list[tuple[str, int]], ...] = ([], [], [])
    for label, paragraphs in enumerate((AUSTEN, COURSE)):
        judges, others = paragraphs[:: 12 // JUDGES], [p for i, p in enumerate(paragraphs) if i % (12 // JUDGES)]
        order = torch.randperm(len(others), generator=torch.Generator().manual_seed(seed)).tolist()
        shuffled = [others[i] for i in order]
        for part, chosen in zip(parts, (shuffled[HELD_OUT:], shuffled[:HELD_OUT], judges), strict=True):
            part += [(text, label) for paragraph in chosen for text in sentences(paragraph)]
    learn, held_out, judge = (
        Texts(
            [re.findall(r"[a-z']+", text.lower()) for text, _ in part],
            *pad_left([encoding.encode_ordinary(text) for text, _ in part]),
            torch.tensor([label for _, label in part]),
        )
        for part in parts
    )
    return learn, held_out, judge


def new_reader(name: str, seed: int) -> GPT2Classifier:
    """A fresh classifier: for sentiment, or for prose "from nothing" or on a frozen model, trained or untrained."""
    if name == "frozen English":
        gpt2 = load_toy("english").model.requires_grad_(False)
    elif name == "frozen untrained":
        gpt2 = scale_init(build("gpt2", load_toy("english").model.config, seed)).requires_grad_(False)
    else:
        encoding = (Sentiment() if name == "sentiment" else load_toy("english")).encoding
        config = GPT2Config.tiny(n_layers=2, n_heads=4, d_model=32, vocab_size=encoding.n_vocab, context_length=128)
        gpt2 = scale_init(build("gpt2", config, seed))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return GPT2Classifier(gpt2, 2)


def fitted(name: str, learn: Texts, rate: float, seed: int) -> GPT2Classifier:
    """Train one reader."""
    model = new_reader(name, seed)
    fit(
        model,
        learn.tokens,
        learn.mask,
        learn.classes,
        learning_rate=rate,
        steps=STEPS[name],
        batch_size=BATCH[name],
        seed=seed,
    )
    return model


def tuned_rate(name: str, learn: Texts, judge: Texts) -> tuple[float, dict[str, float]]:
    """The rate with the lowest loss on the judge's texts; not one at the edge, unless it is the last there is."""
    losses: dict[float, float] = {}
    best, waiting = 5, list(RATES[4:7])
    while waiting:
        for rate in waiting:
            model = fitted(name, learn, rate, TUNING_SEED)
            with torch.no_grad():
                logits = model(judge.tokens, judge.mask)
            losses[rate] = float(F.cross_entropy(logits, judge.classes))
        best = RATES.index(min(losses, key=lambda rate: losses[rate]))
        waiting = [RATES[i] for i in (best - 1, best + 1) if 0 <= i < len(RATES) and RATES[i] not in losses]
    return RATES[best], {f"{rate:g}": round(losses[rate], 4) for rate in sorted(losses)}


def share_right(predict: Callable[[Texts], Tensor], texts: Texts) -> float:
    """Share of texts whose class is right."""
    return round(float((predict(texts) == texts.classes).float().mean()), 4)


def bag_of_words(learn: Texts) -> Callable[[Texts], Tensor]:
    """Naive Bayes, fitted."""
    bayes = NaiveBayes.fit(learn.words, learn.classes.tolist(), 2)
    return lambda texts: bayes.predict(texts.words)


def reading(model: GPT2Classifier) -> Callable[[Texts], Tensor]:
    """A fitted classifier, to be asked like the bag of words."""
    return lambda texts: predicted(model, texts.tokens, texts.mask)


@cache
def classifying_table() -> ClassifyingTable:
    """The stored measurement."""
    return load_table(FOLDER / TABLE)


def sentiment_split(seed: int) -> tuple[Texts, Texts, Texts]:
    """The same three parts of sentiment; here there are enough cases for each."""
    held_out, judge = (sentiment_texts(split, HELD_OUT_CASES, EVALUATION_SEED) for split in ("held_out", "train"))
    return sentiment_texts("train", TRAIN_CASES, seed), held_out, judge


def main() -> None:
    """Train and evaluate everything, and write the table."""
    begin = time.monotonic()
    right: dict[str, list[float]] = {}
    trained: dict[str, list[float]] = {}
    rates: dict[str, float] = {}
    tried: dict[str, dict[str, float]] = {}
    for name in tqdm([*BAGS, *STEPS], desc="classifying study"):
        split = sentiment_split if name in ("sentiment", BAGS[0]) else prose_split
        if name in STEPS:
            learn, _, judge = split(TUNING_SEED)
            rates[name], tried[name] = tuned_rate(name, learn, judge)
        for seed in SEEDS:
            learn, held_out, _ = split(seed)
            predict = bag_of_words(learn) if name in BAGS else reading(fitted(name, learn, rates[name], seed))
            right.setdefault(name, []).append(share_right(predict, held_out))
            trained.setdefault(name, []).append(share_right(predict, learn))
    table: ClassifyingTable = {
        "right": right, "trained": trained, "rates": rates, "tried": tried,
        "sizes": {str(seed): [len(part.words) for part in prose_split(seed)[:2]] for seed in SEEDS},
        **made_by("classifying", begin),
    }  # fmt: skip
    save_table(FOLDER / TABLE, table)


if __name__ == "__main__":
    main()
