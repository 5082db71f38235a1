"""GPT-2 as a classifier beside a bag of words: on a rule that hangs on word order, and on two kinds of prose.

*Sentiment*: three judgements, "not" flips one (``tasks.sentiment``). The rule is known, and a bag of words
cannot follow it: it does not know which word the "not" belongs to.

*Prose*: is a sentence Jane Austen's or this course's? Twelve paragraphs of each, cut into sentences. Six paragraphs
of each kind are held out, other ones for each seed; whole paragraphs, because sentences of one paragraph share their
words. That leaves some forty sentences to learn from and forty to be judged on.

Four readers of the prose: a bag of words; a small GPT-2 that starts from nothing; the course's English model,
frozen, with only the new layer learned; and the same, frozen as untrained, which shows what the training was worth.
The English model has read Austen's novels, though not these paragraphs. The small GPT-2 gets the rule from 8,192
cases, and from as few as the prose has, too.

Counted is the share that is right of each class, and the mean of the two: whoever says the same to all is at a half.
Each learning rate is the one with which most is right in splits with other seeds, the mean of six for few texts;
never one at the edge of those tried, unless there is none beyond. Ten seeds for few texts, three for many.

What came out: on prose the GPT-2 from nothing is right in three of four, the frozen English model in more, the frozen
untrained one hardly above a half; the bag of words is as good as any. The bag cannot follow the rule; GPT-2 learns it
from many cases and not from forty.

``python -m gpt2lab.studies.classifying`` repeats everything (a quarter of an hour on one CPU core).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from statistics import fmean

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
from gpt2lab.tokenizer.tokens import pad_left
from gpt2lab.zoo.held_out import AUSTEN
from gpt2lab.zoo.toys import load_toy

TABLE = "classifying.json"
RATES = (0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1)  # the search begins with the middle three
STEPS = {"sentiment": 600, "sentiment, few": 100, "from nothing": 100, "frozen English": 60, "frozen untrained": 60}
BATCH = {"sentiment": 64, "sentiment, few": 16, "from nothing": 16, "frozen English": 16, "frozen untrained": 16}
BAGS = ("sentiment, bag of words", "prose, bag of words")
MANY = ("sentiment", BAGS[0])  # those that learn from TRAIN_CASES
TRAIN_CASES, FEW_CASES, HELD_OUT_CASES = 8192, 40, 1024  # of sentiment
HELD_OUT = 6  # paragraphs of each kind
SENTENCE_END = re.compile(r"(?<=[.!?])(?<!Mr\.)(?<!Mrs\.)[\"')]*\s+(?=[\"'(A-Z])")
SHORTEST = 4  # words of a sentence
CLASSES = ("Austen", "course")


class ClassifyingTable(Made):
    """The stored measurement, and how it was made."""

    right: dict[str, list[float]]  # reader -> (seeds,): share of held-out texts that are right, see ``share_right``
    trained: dict[str, list[float]]  # the same on the texts that were learned from
    rates: dict[str, float]
    tried: dict[str, dict[str, float]]  # reader -> rate -> share right on held-out texts of the tuning seeds, mean
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


def prose_split(seed: int) -> tuple[Texts, Texts]:
    """Sentences to learn from and held-out ones, by whole paragraphs."""
    encoding = load_toy("english").encoding
    parts: tuple[list[tuple[str, int]], ...] = ([], [])
    for label, paragraphs in enumerate((AUSTEN, COURSE)):
        order = torch.randperm(len(paragraphs), generator=torch.Generator().manual_seed(seed)).tolist()
        shuffled = [paragraphs[i] for i in order]
        for part, chosen in zip(parts, (shuffled[HELD_OUT:], shuffled[:HELD_OUT]), strict=True):
            part += [(text, label) for paragraph in chosen for text in sentences(paragraph)]
    learn, held_out = (
        Texts(
            [re.findall(r"[a-z']+", text.lower()) for text, _ in part],
            *pad_left([encoding.encode_ordinary(text) for text, _ in part]),
            torch.tensor([label for _, label in part]),
        )
        for part in parts
    )
    return learn, held_out


def sentiment_split(seed: int, n: int = TRAIN_CASES) -> tuple[Texts, Texts]:
    """Cases of the rule to learn from and held-out ones; the same to be judged on for every seed."""
    return sentiment_texts("train", n, seed), sentiment_texts("held_out", HELD_OUT_CASES, EVALUATION_SEED)


def split(name: str, seed: int) -> tuple[Texts, Texts]:
    """What a reader learns from, and what it is judged on."""
    if name == "sentiment, few":
        return sentiment_split(seed, FEW_CASES)
    return sentiment_split(seed) if name in MANY else prose_split(seed)


def seeds_of(name: str) -> range:
    """The seeds of a reader's results; few texts differ much from seed to seed."""
    return range(3) if name in MANY else range(10)


def tuning_seeds_of(name: str) -> range:
    """The seeds that choose its learning rate."""
    return range(100, 101) if name in MANY else range(100, 106)


def new_reader(name: str, seed: int) -> GPT2Classifier:
    """A fresh classifier: for the rule, for prose "from nothing", or on a frozen model, trained or untrained."""
    if name == "frozen English":
        gpt2 = load_toy("english").model.requires_grad_(False)
    elif name == "frozen untrained":
        gpt2 = scale_init(build("gpt2", load_toy("english").model.config, seed)).requires_grad_(False)
    else:
        encoding = (Sentiment() if name.startswith("sentiment") else load_toy("english")).encoding
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


def tuned_rate(name: str) -> tuple[float, dict[str, float]]:
    """The rate with which most is right, the mean over the tuning seeds; of equal ones that with the smallest loss."""
    found: dict[float, tuple[float, float]] = {}  # rate -> share that is wrong, loss in nats
    best, waiting = 5, list(RATES[4:7])
    while waiting:
        for rate in waiting:
            wrong, loss = [], []
            for seed in tuning_seeds_of(name):
                learn, judge = split(name, seed)
                model = fitted(name, learn, rate, seed)
                wrong.append(1 - share_right(reading(model), judge))
                with torch.no_grad():
                    loss.append(float(F.cross_entropy(model(judge.tokens, judge.mask), judge.classes)))
            found[rate] = round(fmean(wrong), 4), fmean(loss)
        best = RATES.index(min(found, key=lambda rate: found[rate]))
        waiting = [RATES[i] for i in (best - 1, best + 1) if 0 <= i < len(RATES) and RATES[i] not in found]
    return RATES[best], {f"{rate:g}": round(1 - found[rate][0], 4) for rate in sorted(found)}


def share_right(predict: Callable[[Texts], Tensor], texts: Texts) -> float:
    """Share of the texts of each class whose class is right, the mean of the two classes."""
    right = predict(texts) == texts.classes
    return round(fmean(float(right[texts.classes == label].double().mean()) for label in (0, 1)), 4)


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


def main() -> None:
    """Train and evaluate everything, and write the table."""
    begin = time.monotonic()
    right: dict[str, list[float]] = {}
    trained: dict[str, list[float]] = {}
    rates: dict[str, float] = {}
    tried: dict[str, dict[str, float]] = {}
    for name in tqdm([*BAGS, *STEPS], desc="classifying study"):
        if name in STEPS:
            rates[name], tried[name] = tuned_rate(name)
        for seed in seeds_of(name):
            learn, held_out = split(name, seed)
            predict = bag_of_words(learn) if name in BAGS else reading(fitted(name, learn, rates[name], seed))
            right.setdefault(name, []).append(share_right(predict, held_out))
            trained.setdefault(name, []).append(share_right(predict, learn))
    sizes = {str(seed): [len(part.words) for part in prose_split(seed)] for seed in seeds_of(BAGS[1])}
    table: ClassifyingTable = {
        "right": right, "trained": trained, "rates": rates, "tried": tried, "sizes": sizes,
        **made_by("classifying", begin),
    }  # fmt: skip
    save_table(FOLDER / TABLE, table)


if __name__ == "__main__":
    main()
