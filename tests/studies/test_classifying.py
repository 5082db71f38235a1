"""The study of classifiers: its splits do not leak, the table belongs to the code, and it says how far it goes."""

from gpt2lab.studies.classifying import (
    BAGS,
    JUDGES,
    RATES,
    SEEDS,
    STEPS,
    bag_of_words,
    classifying_table,
    fitted,
    prose_split,
    reading,
    sentences,
    sentiment_split,
    sentiment_texts,
    share_right,
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
    judges = set()
    for seed in SEEDS:
        parts = [{whole[text] for text in texts_of(part, whole)} for part in prose_split(seed)]
        assert [len(part) for part in parts] == [24 - 8 - 2 * JUDGES, 8, 2 * JUDGES]
        assert len(set.union(*parts)) == 24
        judges.add(frozenset(parts[2]))
    assert len(judges) == 1


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


def test_the_bags_are_those_of_the_table():
    table = classifying_table()
    for name, split, seeds in ((BAGS[0], sentiment_split, SEEDS[:1]), (BAGS[1], prose_split, SEEDS)):
        for seed in seeds:
            learn, held_out, _ = split(seed)
            assert abs(share_right(bag_of_words(learn), held_out) - table["right"][name][seed]) < 0.01
            if split is prose_split:
                assert [len(learn.words), len(held_out.words)] == table["sizes"][str(seed)]


def test_a_reader_trained_again_is_that_of_the_table():
    learn, held_out, _ = prose_split(0)
    table, name = classifying_table(), "from nothing"
    right = share_right(reading(fitted(name, learn, table["rates"][name], 0)), held_out)
    assert abs(right - table["right"][name][0]) < 0.11  # three of 28 sentences


def test_what_the_study_found():
    """Word order decides sentiment. Forty sentences teach a fresh GPT-2 nothing about others."""
    right = classifying_table()["right"]
    assert max(right["sentiment, bag of words"]) < 0.55 and min(right["sentiment"]) > 0.99
    assert min(right["prose, bag of words"]) > 0.8 and max(right["from nothing"]) < 0.6
    bag, frozen = right["prose, bag of words"], right["frozen English"]
    assert min(frozen) > max(right["from nothing"]) and min(bag) < max(frozen)  # ranges that overlap: no winner
    assert min(frozen) > max(right["frozen untrained"])  # what it had read is what helps


def test_the_rates_are_the_best_that_were_tried():
    table = classifying_table()
    assert set(table["rates"]) == set(STEPS) and set(table["right"]) == {*BAGS, *STEPS}
    for name, tried in table["tried"].items():
        losses = {float(rate): loss for rate, loss in tried.items()}
        best = min(losses, key=lambda rate: losses[rate])
        assert len(losses) >= 3 and table["rates"][name] == best
        assert best in (RATES[0], RATES[-1]) or min(losses) < best < max(losses)
    assert all(len(shares) == len(SEEDS) for shares in table["right"].values())
