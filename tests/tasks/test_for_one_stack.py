"""The same cases for an encoder alone and for a decoder alone."""

import pytest
import torch

from gpt2lab.tasks import IGNORE, get_task
from gpt2lab.tasks.gifts import FORMS
from gpt2lab.tasks.gifts_gpt import well_told


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


# Digits in blanks


def test_blanks_stand_where_the_answer_stood():
    task, plain = get_task("words-to-digits-bert"), get_task("words-to-digits-gpt")
    inputs, targets = task.batch(32, generator(), "held_out")
    told, _ = plain.sequences(32, generator(), "held_out")
    equals = task.encoding.encode_single_token("=")
    for row, answer, whole in zip(inputs.tolist(), targets.tolist(), told.tolist(), strict=True):
        at = row.index(equals)
        assert row[: at + 1] == whole[: at + 1]
        assert row[at + 1 : at + 6] == [task.mask_id] * 5 and set(row[at + 6 :]) <= {task.end}
        assert [i for i, token in enumerate(answer) if token != IGNORE] == list(range(at + 1, at + 6))
        digits = [token for token in answer if token not in (IGNORE, task.end)]
        assert digits == [token for token in whole[at + 1 :] if token != plain.end]
        assert answer[at + 1 + len(digits)] == task.end  # the blanks behind the number are its end


def test_the_same_words_have_the_same_ids():
    task, plain = get_task("words-to-digits-bert"), get_task("words-to-digits")
    text = "three thousand forty two=3042"
    assert task.encode(text).tolist() == plain.encode(text).tolist()
    assert task.encoding.decode([task.mask_id]) == "<mask>" and not task.in_order


def test_padding_is_not_seen():
    class Keeps(torch.nn.Module):
        def forward(self, tokens, mask):
            self.mask = mask
            return tokens

    task, model = get_task("words-to-digits-bert"), Keeps()
    inputs, _ = task.batch(4, generator())
    task.logits(model, inputs)
    assert torch.equal(model.mask, inputs != task.end)


# The gifts, word after word


def test_every_word_and_the_end_is_scored():
    task = get_task("gifts-gpt")
    inputs, targets = task.batch(16, generator(1))
    for row, answer in zip(inputs.tolist(), targets.tolist(), strict=True):
        words = [token for token in row if token != task.end]
        expected = [*words[1:], task.end] if len(words) < len(row) else [*words[1:], answer[len(words) - 1]]
        assert answer[: len(expected)] == expected
        assert set(answer[len(expected) :]) <= {IGNORE}


def test_known_is_the_second_mention_among_names_and_things():
    class Knows(torch.nn.Module):
        """Gives every name or thing the place that it has in the sentence: it knows what comes next."""

        def __init__(self, table):
            super().__init__()
            self.table, self.nothing = table, torch.nn.Parameter(torch.zeros(1))

        def forward(self, tokens):
            following = torch.stack([self.table[tuple(row)] for row in tokens.tolist()])
            return 5.0 * torch.nn.functional.one_hot(following, 57) + self.nothing

    task = get_task("gifts-gpt")
    told, _ = task.told(64, generator(9), "held_out")
    table = {tuple(row[:-1].tolist()): row[1:] for row in told}
    assert task.evaluate(Knows(table), 64, 9)["known_accuracy"] == 1.0
    wrong = {key: row.roll(1) for key, row in table.items()}
    assert task.evaluate(Knows(wrong), 64, 9)["known_accuracy"] < 0.2


def test_sentences_of_the_language_are_well_told():
    fact = {"G": "alice", "R": "bob", "O": "book"}
    for form in FORMS:
        assert well_told(" ".join(fact.get(part, part) for part in form.split()))
    task = get_task("gifts-gpt")
    assert all(map(well_told, task.examples(50)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "alice gave bob the book so bob has the book from",
        "alice gave bob the book so bob has the lamp from alice",
        "alice gave bob the book so bob has the book from bob",
        "alice gave alice the book so alice has the book from alice",
        "alice gave bob the carol so bob has the carol from alice",
        "alice gave bob the book so bob has the book from alice alice",
        "alice gave bob the book because bob has the book from alice",
    ],
)
def test_other_texts_are_not(text):
    assert not well_told(text)
