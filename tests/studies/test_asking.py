"""What a GPT and a BERT can be asked: the stored shares, and one model asked again."""

import pytest
import torch

from gpt2lab.studies.asking import (
    SEEDS,
    WAYS,
    asked,
    asking_table,
    bert_writes,
    first_mentions,
    gpt_writes,
    second_half,
    sentence_scores,
)
from gpt2lab.zoo import load_toy


@pytest.fixture(scope="module")
def bert():
    return load_toy("gifts-masked")


@pytest.fixture(scope="module")
def gpt():
    return load_toy("gifts-gpt")


def test_what_was_found_with_every_seed():
    right = asking_table()["right"]
    assert tuple(right) == WAYS and all(len(shares) == len(SEEDS) for shares in right.values())
    assert min(right["BERT, blank"]) > 0.95 and min(right["GPT, trying all"]) > 0.95
    assert max(right["GPT, next word"]) < 0.25
    assert min(right["GPT, writing"]) > 0.95 > max(right["BERT, all at once"])


def test_the_models_of_the_zoo_are_in_line(bert, gpt):
    found, right = asked(bert.model, gpt.model), asking_table()["right"]
    for way in ("BERT, blank", "GPT, next word", "GPT, trying all", "GPT, writing"):
        assert min(right[way]) - 0.03 <= found[way] <= max(right[way]) + 0.03


def test_first_mentions_and_second_halves(gpt):
    told, at = first_mentions(gpt.task, 20, 3)
    missing = second_half(gpt.task, told)
    for row, place, gone in zip(told.tolist(), at.tolist(), missing.tolist(), strict=True):
        words = [gpt.encoding.decode([token]).strip() for token in row if token != gpt.task.end]
        assert place > 0 and words[place] in words[place + 1 :] and words[place] not in words[:place]
        middle = next(i for i, word in enumerate(words) if word in ("so", "because"))
        assert gone == [middle < i < len(words) for i in range(len(row))]


def test_only_what_is_missing_is_written(bert, gpt):
    told, _ = first_mentions(gpt.task, 8, 4)
    missing = second_half(gpt.task, told)
    for at_once in (False, True):
        text = bert_writes(bert.model, told, missing, bert.task, at_once)
        assert torch.equal(text[~missing], told[~missing])
        assert not (text == bert.task.mask_id).any()
    for row, gone, text in zip(told, missing, gpt_writes(gpt.model, told, missing, gpt.task), strict=True):
        half = row[: int(gone.int().argmax())].tolist()
        assert text[: len(half)] == half and len(text) > len(half)


def test_the_score_of_a_sentence_is_its_log_probability(gpt):
    told, at = first_mentions(gpt.task, 2, 5)
    words = gpt.task.mentioned[16:19]
    scores = sentence_scores(gpt.model, told, at, words, gpt.task.end)
    assert scores.shape == (2, 3)
    one = told[1].clone()
    one[at[1]] = words[2]
    real = one[one != gpt.task.end][None]
    with torch.no_grad():
        log_p = gpt.model(real).log_softmax(-1)[0, :-1].gather(1, real[0, 1:, None]).sum()
    assert float(scores[1, 2]) == pytest.approx(float(log_p), abs=1e-4)
