"""The boxes of the chapters as data: every item says everything, and its claims are known."""

import pytest

from gpt2lab import claims
from gpt2lab.claims import boxes
from gpt2lab.course.topics import CHAPTERS
from gpt2lab.errors import InputError

ITEMS = [(chapter, item) for chapter, items in boxes.boxes().items() for item in items]


def test_every_chapter_has_a_box():
    assert sorted(boxes.boxes()) == sorted(CHAPTERS)
    assert all(3 < len(items) < 9 for items in boxes.boxes().values())


@pytest.mark.parametrize(("chapter", "item"), ITEMS, ids=[f"{chapter} {item.claims[0]}" for chapter, item in ITEMS])
def test_an_item_says_everything(chapter, item):
    assert item.claims and len(item.said) == len(item.claims) and item.verdict != "right"
    assert [claim.id for claim in item.taken_up()] == list(item.claims)
    for words in (*item.said, item.met, item.answer):
        assert words == words.strip() and not words.endswith(".") and not set('"\n') & set(words)


def test_the_extra_claims_are_those_of_boxes():
    """None is left over, and the ids of the topics stay those of the topics."""
    extra = claims.extra_claims()
    assert list(extra) == [f"X{i + 1}" for i in range(len(extra))]
    assert set(extra) == {id for _, item in ITEMS for id in item.claims if id not in claims.all_claims()}
    assert list(boxes.known()) == [*claims.all_claims(), *extra]


@pytest.mark.parametrize("claim", claims.extra_claims().values(), ids=list(claims.extra_claims()))
def test_an_extra_claim_says_everything(claim):
    assert claim.verdict in claims.VERDICTS and claim.verdict != "right" and claim.topic == "extra"
    assert claim.statement.endswith(".") and claim.correct.endswith(".") and len(claim.source) > 8


def test_verdicts_that_differ_are_both_said():
    assert boxes.Item(("N9", "N10"), ("a", "b"), "", "").verdict == "false and misleading"
    assert boxes.Item(("T3", "T4"), ("a", "b"), "", "").verdict == "false"


def test_a_chapter_without_a_box():
    with pytest.raises(InputError, match="there is no box for '99_moon'; there are boxes for 00_map, 01_residuals"):
        boxes.box("99_moon")
