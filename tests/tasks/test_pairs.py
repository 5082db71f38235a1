"""Tasks in two sequences, and the masked-token objective: rules, ground truth and bad input."""

from __future__ import annotations

import datetime
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt2lab.tasks import IGNORE, get_task
from gpt2lab.tasks.dates import MONTHS, date_text
from gpt2lab.tasks.gifts import NAMES, THINGS
from gpt2lab.tasks.masked import masked_batch
from gpt2lab.tasks.numbers import ONES, TENS, digits_said_by, number_words
from gpt2lab.tasks.pairs import NOTHING

VALUE = {word: str(i) for i, word in enumerate(ONES)} | {word: str(i + 2) for i, word in enumerate(TENS)}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("split", ["train", "held_out"])
@pytest.mark.parametrize("name", ["words-to-digits", "dates"])
def test_source_and_target_lie_side_by_side(name: str, split: str) -> None:
    task = get_task(name)
    inputs, targets = task.batch(100, seeded(), split)
    source, target, mask = task.parts(inputs)
    assert source.shape[1] == task.source_length and torch.equal(torch.cat([source, target], dim=1), inputs)
    assert (target[:, 0] == task.start).all() and (targets[:, : task.source_length] == IGNORE).all()
    assert mask[:, 0].all() and (mask[:, :-1] | ~mask[:, 1:]).all()  # padding after the source only
    for row, case in zip(range(100), task.cases(100, seeded(), split), strict=True):
        assert source[row, mask[row]].tolist() == case.source
        assert [t for t in targets[row].tolist() if t != IGNORE] == [*case.target, task.end]
        assert len(case.said_by) == len(case.target)


def test_the_three_forms_of_the_numbers_are_the_same_cases() -> None:
    pairs, one, gpt = (get_task(name) for name in ("words-to-digits", "numbers", "words-to-digits-gpt"))
    rows, answer = one.sequences(100, seeded(), "held_out")
    assert torch.equal(rows, gpt.sequences(100, seeded(), "held_out")[0])
    for row, scored, case in zip(rows, answer, pairs.cases(100, seeded(), "held_out"), strict=True):
        whole = [*case.source, pairs.start, *case.target, pairs.end]
        assert row.tolist()[: len(whole)] == whole
        assert row[scored].tolist() == [*case.target, pairs.end]


@pytest.mark.parametrize("number", [0, 7, 10, 13, 20, 42, 100, 110, 305, 999, 1000, 1010, 3042, 9019, 9999])
def test_said_by_by_hand(number: int) -> None:
    words, said_by = number_words(number), digits_said_by(number)
    assert len(said_by) == len(str(number))
    for digit, at in zip(str(number), said_by, strict=True):
        if at == NOTHING:
            assert digit == "0"
        else:  # "thirteen" says a 1 and a 3
            assert digit in VALUE[words[at]]
    spoken = {at for at, word in enumerate(words) if word not in ("thousand", "hundred")}
    assert spoken == set(said_by) - {NOTHING}


@given(st.integers(0, 9999))
def test_each_digit_is_said_by_the_word_at_its_place(number: int) -> None:
    """Replacing that word by one of another digit changes that digit."""
    words, said_by = number_words(number), digits_said_by(number)
    values = [0 if word in ("thousand", "hundred") else int(VALUE[word]) for word in words]
    for power, at in zip(reversed(range(len(said_by))), said_by, strict=True):
        digit = number // 10**power % 10
        if at != NOTHING:
            teen = power == 1 and words[at] in ONES  # ten … nineteen say the tens as well
            assert digit == (values[at] // 10 if teen else values[at] % 10)


def test_dates_rule() -> None:
    task = get_task("dates")
    ways = set()
    for split in ("train", "held_out"):
        for case in task.cases(300, seeded(), split):
            source, target = task.encoding.decode(case.source), task.encoding.decode(case.target)
            date = datetime.date.fromisoformat(target)
            first = not source[0].isdigit()
            ways.add(first)
            assert source == date_text(date.year, date.month, date.day, first)
            for token, at in zip(case.target, case.said_by, strict=True):
                said, saying = task.encoding.decode([token]), at != NOTHING and task.encoding.decode([case.source[at]])
                if at == NOTHING:
                    assert said in "-0"
                elif saying.strip() in MONTHS:
                    assert said in f"{MONTHS.index(saying.strip()) + 1:02}"
                else:
                    assert saying.strip() == said
            # The order is turned round: the year is written first and read last.
            assert min(case.said_by[:4]) > max(case.said_by[5:])
    assert ways == {False, True}


def test_a_date_is_held_out_in_both_ways_of_writing() -> None:
    task = get_task("dates")
    trained, held_out = (
        {tuple(case.target) for case in task.cases(3000, seeded(1), split)} for split in ("train", "held_out")
    )
    assert not trained & held_out


@pytest.mark.parametrize("date", [(1900, 2, 29), (1815, 13, 1), (1815, 0, 1), (1815, 4, 31), (1815, 3, 0)])
def test_a_day_outside_the_calendar_is_refused(date: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=f"there is no day {date[2]} in month {date[1]} of {date[0]}"):
        date_text(*date)


def test_gifts_are_told_twice() -> None:
    task = get_task("gifts")
    tokens, other = task.told(200, seeded(), "train")
    for row, places in zip(tokens, other, strict=True):
        words = [task.encoding.decode([t]).strip() for t in row.tolist()]
        content = [i for i, word in enumerate(words) if word in NAMES + THINGS]
        assert content == (places >= 0).nonzero()[:, 0].tolist() and len(content) == 6
        assert all(words[i] == words[int(places[i])] and int(places[places[i]]) == i for i in content)
        assert len({words[i] for i in content}) == 3
    inputs, targets = task.batch(200, seeded())
    assert ((targets != IGNORE).sum(dim=1) == 3).all()  # what is told for the second time
    for words in task.examples(20):
        gave = re.search(r"(\w+) gave (?:(\w+) the (\w+)|the (\w+) to (\w+))", words)
        assert gave and gave[1] in NAMES


def test_hidden_words_that_can_be_known() -> None:
    task = get_task("gifts-masked")
    inputs, targets, known_from = task.hidden_words(400, seeded())
    assert torch.equal(inputs, task.hidden_words(400, seeded())[0])
    row, place = (known_from >= 0).nonzero(as_tuple=True)
    assert len(row) > 200
    assert (inputs[row, place] == task.mask_id).all()
    strip = [task.encoding.decode([i]).strip() for i in range(task.encoding.n_vocab)]
    for r, p in zip(row.tolist(), place.tolist(), strict=True):
        assert strip[int(inputs[r, known_from[r, p]])] == strip[int(targets[r, p])]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), length=st.integers(1, 6))
def test_padding_is_never_chosen_and_each_row_asks_something(seed: int, length: int) -> None:
    tokens = torch.randint(50, (64, 6), generator=seeded(seed))
    real = (torch.arange(6) < length).expand(64, 6)
    inputs, targets = masked_batch(tokens, 50, 50, generator=seeded(seed), real=real)
    scored = targets != IGNORE
    assert not (scored & ~real).any() and scored.any(dim=1).all()
    assert torch.equal(inputs[~scored], tokens[~scored])
    assert torch.equal(targets[scored], tokens[scored])


def test_berts_shares() -> None:
    tokens = torch.randint(1000, (400, 100), generator=seeded())
    inputs, targets = masked_batch(tokens, 1000, 1000, generator=seeded(1))
    scored = targets != IGNORE
    n = scored.sum().item()
    shares = [scored.double().mean().item(), (inputs == 1000).sum().item() / n, (scored & (inputs == tokens)).sum() / n]
    torch.testing.assert_close(torch.tensor(shares), torch.tensor([0.15, 0.8, 0.1]), atol=0.015, rtol=0)
    chance = masked_batch(tokens[:, :1], 1000, 1000, rate=0.01, generator=seeded())[0]
    assert (chance == 1000).double().mean() > 0.9  # rows of one token: it is asked for in each


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(rate=0.0), "rate must lie between 0 and 1, got 0.0"),
        (dict(real=torch.ones(2, 4).bool()), r"real must be boolean with the shape of the tokens \(2, 3\)"),
        (dict(real=torch.ones(2, 3)), "real must be boolean"),
        (dict(real=torch.zeros(2, 3).bool()), "a real token in each row"),
    ],
)
def test_bad_input_is_one_sentence(arguments, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        masked_batch(torch.zeros(2, 3).long(), 5, 5, **arguments)
    with pytest.raises(ValueError, match="split must be one of train, held_out, got 'test'"):
        get_task("gifts-masked").batch(2, seeded(), "test")
