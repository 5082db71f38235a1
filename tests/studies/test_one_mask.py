"""The slip of one mask: what it hides, that it is taken back, and what training with it came to."""

import pytest
import torch

from gpt2lab.masking import Padding
from gpt2lab.studies.one_mask import KINDS, NAME, RATES, SEEDS, causal_too, one_mask, one_mask_table, trained_so
from gpt2lab.zoo import load_toy


def test_it_hides_what_stands_later_and_the_padding():
    real = torch.tensor([[True, True, True], [True, True, False]])
    mask = causal_too(real[:, None, None, :], 2)
    assert mask.shape == (2, 1, 2, 3)
    assert mask[:, 0].tolist() == [[[True, False, False], [True, True, False]]] * 2


def test_it_is_taken_back():
    toy = load_toy(NAME)
    before = toy.task.evaluate(toy.model, n=32)
    with one_mask(toy.model, 5):
        parts = [block.cross_attn for block in toy.model.decoder.blocks]
        padding = Padding.of(torch.arange(7)[None] < 6, torch.zeros(1, 7))
        assert all(part.mask(padding).shape == (1, 1, 5, 7) for part in parts)
        assert toy.task.evaluate(toy.model, n=32)["token_accuracy"] < before["token_accuracy"]
    assert toy.task.evaluate(toy.model, n=32) == before


def test_training_need_not_show_it():
    table = one_mask_table()
    right, wrong = (table["right"][kind] for kind in KINDS)
    assert len(right) == len(wrong) == len(SEEDS)
    assert sum(share > 0.99 for share in wrong) == 3 and min(wrong) < 0.8 < 0.95 < min(right)
    for kind in KINDS:
        losses = {float(rate): loss for rate, loss in table["tried"][kind].items()}
        assert tuple(losses) == RATES and losses[table["rates"][kind]] == min(losses.values())


@pytest.mark.parametrize("kind", KINDS)
def test_a_few_steps_of_training(monkeypatch, kind):
    from gpt2lab.studies import one_mask as study

    def short(model, task, config):
        return train(model, task, study.get_preset(NAME, "default").train_config(steps=3, progress=False))

    train = study.train
    monkeypatch.setattr(study, "train", short)
    monkeypatch.setattr(study, "EVALUATION", {"n": 8, "seed": 1, "split": "held_out"})
    loss, right = trained_so(kind, 0.003, 0)
    assert loss > 1 and 0 <= right <= 0.2
