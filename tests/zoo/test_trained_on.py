"""The paragraphs that the English model was trained on, beside those it has not read."""

import torch
import torch.nn.functional as F

from gpt2lab.tasks.metrics import roc_auc
from gpt2lab.zoo import held_out, load_toy, trained_on


def losses(model, encoding, paragraphs):
    rows = [torch.tensor(encoding.encode_ordinary(paragraph)) for paragraph in paragraphs]
    with torch.no_grad():
        return torch.stack([F.cross_entropy(model.eval()(ids[None])[0, :-1], ids[1:]) for ids in rows])


def test_each_paragraph_fits_into_the_context():
    toy = load_toy("english")
    counts = [len(toy.encoding.encode_ordinary(paragraph)) for paragraph in trained_on.AUSTEN]
    assert len(set(trained_on.AUSTEN)) == 24 and not set(trained_on.AUSTEN) & set(held_out.AUSTEN)
    assert min(counts) >= 84 and max(counts) <= toy.model.config.context_length
    assert all(paragraph.isascii() and "  " not in paragraph for paragraph in trained_on.AUSTEN)


def test_the_trained_model_tells_them_apart_and_the_young_one_does_not():
    """At step 100 the model has seen three quarters of the text once: then their difficulty is alike."""
    truth = [1] * 24 + [0] * 12
    areas = []
    for step in (100, None):
        toy = load_toy("english") if step is None else load_toy("english", step=step)
        read, unread = (losses(toy.model, toy.encoding, texts.AUSTEN) for texts in (trained_on, held_out))
        areas.append(roc_auc(truth, torch.cat([-read, -unread])))
    assert areas[0] < 0.6 and areas[1] > 0.85
