"""The study of augmentation: the table belongs to the code, and says what the chapter says."""

import torch

from gpt2lab.studies.augmenting import WAYS, augmenting_table, rename, swap, trained
from gpt2lab.studies.memorising import RATES, SEEDS, memorising_table
from gpt2lab.studies.memorising import WAYS as REMEDIES
from gpt2lab.tasks.base import IGNORE
from gpt2lab.tasks.reverse import Reverse


def drawn(n: int = 50):
    return *Reverse().batch(n, torch.Generator().manual_seed(3)), torch.Generator().manual_seed(4)


def test_each_way_was_tried_as_the_remedies_were():
    table = augmenting_table()
    assert table["seeds"] == SEEDS and list(table["results"]) == list(WAYS) and not set(WAYS) & set(REMEDIES)
    for by_rate in table["results"].values():
        assert list(by_rate) == [str(rate) for rate in RATES] == list(memorising_table()["results"]["nothing"])
        assert all(len(runs) == SEEDS and all(len(run) == 3 for run in runs) for runs in by_rate.values())


def test_renaming_keeps_the_rule_and_swapping_breaks_it():
    inputs, targets, draw = drawn()
    n_letters, scored = Reverse().n_letters, targets != IGNORE
    asked, answer = rename(inputs, targets, draw)
    assert (asked != inputs).any() and torch.equal(answer != IGNORE, scored)
    assert torch.equal(asked[:, n_letters], inputs[:, n_letters])  # the sign
    assert torch.equal(answer[scored].view(50, n_letters), asked[:, :n_letters].flip(1))
    asked, answer = swap(inputs, targets, draw)
    assert torch.equal(answer, targets) and torch.equal(asked[:, n_letters:], inputs[:, n_letters:])
    assert ((asked != inputs).sum(dim=1) <= 2).all() and (asked != inputs).any()
    assert torch.equal(asked.sort(dim=1).values, inputs.sort(dim=1).values)


def test_what_the_chapter_says_holds():
    renamed, swapped = (torch.tensor(list(rates.values()))[..., 2] for rates in augmenting_table()["results"].values())
    nothing = torch.tensor(list(memorising_table()["results"]["nothing"].values()))[..., 2]  # (rates, seeds)
    assert renamed.min() > 0.95
    assert swapped.max() < 0.01 < 0.5 < nothing[3].min()


def test_a_run_repeats_itself():
    one, two = (trained(WAYS["letters renamed"], 0.003, 0, steps=5) for _ in range(2))
    assert one == two
