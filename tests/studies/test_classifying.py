"""The study of classifiers: its splits do not leak, the table belongs to the code, and it says how far it goes."""

from statistics import median

import torch

from gpt2lab.studies.classifying import (
    BAGS,
    FEW_CASES,
    HELD_OUT,
    RATES,
    STEPS,
    bag_of_words,
    classifying_table,
    fitted,
    prose_split,
    reading,
    seeds_of,
    sentences,
    sentiment_texts,
    share_right,
    split,
    tuning_seeds_of,
)
from gpt2lab.studies.prose import COURSE
from gpt2lab.tasks.sentiment import Sentiment
from gpt2lab.zoo.held_out import AUSTEN


def test_sentences_are_whole():
    text = 'He met Mr. Darcy and Mrs. Bennet there. "What a day it is!" cried she. No. And so they went home at last.'
    assert sentences(text) == [
        "He met Mr. Darcy and Mrs. Bennet there.",
        '"What a day it is!" cried she.',
        "And so they went home at last.",
    ]
    assert len(AUSTEN) == len(COURSE) == 12
    assert all(260 <= len(paragraph) <= 480 for paragraph in COURSE)


def test_no_paragraph_is_in_two_parts():
    whole = {text: paragraph for paragraph in AUSTEN + COURSE for text in sentences(paragraph)}
    held_out = set()
    for seed in seeds_of(BAGS[1]):
        parts = [{whole[text] for text in texts_of(part, whole)} for part in prose_split(seed)]
        assert [len(part) for part in parts] == [24 - 2 * HELD_OUT, 2 * HELD_OUT]
        assert len(set.union(*parts)) == 24
        held_out.add(frozenset(parts[1]))
    assert len(held_out) == len(seeds_of(BAGS[1]))


def texts_of(part, whole):
    """The sentences of a part, found again by their words."""
    import re

    by_words = {tuple(re.findall(r"[a-z']+", text.lower())): text for text in whole}
    return [by_words[tuple(words)] for words in part.words]


def test_sentiment_shows_the_text_and_hides_the_answer():
    texts = sentiment_texts("held_out", 32, 0)
    encoding = Sentiment().encoding
    for words, tokens, mask, label in zip(texts.words, texts.tokens, texts.mask, texts.classes, strict=True):
        assert encoding.decode(tokens[mask].tolist()) == "".join(words) and words[-1] == " =>"
        score = sum(
            (1 if f"{clause.split()[-1]}" in "good lovely great kind fresh warm clever bright".split() else -1)
            * (-1 if " not " in clause else 1)
            for clause in "".join(words[:-1]).replace(" but ", " and ").split(" and ")
        )
        assert int(label) == (score > 0)


def test_both_classes_count_alike():
    _, held_out = prose_split(0)
    for label in (0, 1):
        assert share_right(lambda texts, label=label: torch.full_like(texts.classes, label), held_out) == 0.5


def test_the_bags_are_those_of_the_table():
    table = classifying_table()
    for name in BAGS:
        for seed in seeds_of(name)[: 3 if name == BAGS[1] else 1]:  # 8,192 cases take a while to draw
            learn, held_out = split(name, seed)
            assert abs(share_right(bag_of_words(learn), held_out) - table["right"][name][seed]) < 0.01
            if name == BAGS[1]:
                assert [len(learn.words), len(held_out.words)] == table["sizes"][str(seed)]


def test_a_reader_trained_again_is_that_of_the_table():
    table, name = classifying_table(), "sentiment, few"
    learn, held_out = split(name, 0)
    assert len(learn.words) == FEW_CASES
    right = share_right(reading(fitted(name, learn, table["rates"][name], 0)), held_out)
    assert abs(right - table["right"][name][0]) < 0.1


def test_what_the_study_found():
    """Order decides the rule, and many cases teach it; of prose, few texts teach most to a model that has read."""
    middle = {name: median(shares) for name, shares in classifying_table()["right"].items()}
    assert middle["sentiment, bag of words"] < 0.55 and middle["sentiment"] > 0.99 and middle["sentiment, few"] < 0.6
    assert middle["frozen English"] > middle["from nothing"] + 0.05
    assert middle["frozen English"] > middle["frozen untrained"] + 0.1


def test_the_rates_are_the_best_that_were_tried():
    table = classifying_table()
    assert set(table["rates"]) == set(STEPS) and set(table["right"]) == {*BAGS, *STEPS}
    for name, tried in table["tried"].items():
        shares = {float(rate): share for rate, share in tried.items()}
        best = table["rates"][name]
        assert len(shares) >= 3 and shares[best] == max(shares.values())
        assert best in (RATES[0], RATES[-1]) or min(shares) < best < max(shares)
        assert not set(tuning_seeds_of(name)) & set(seeds_of(name))
    assert all(len(shares) == len(seeds_of(name)) for name, shares in table["right"].items())
