"""The paragraphs that the English model has not read: their size, and that text and split are still those."""

import torch
import torch.nn.functional as F

from gpt2lab.tasks.text import HELD_OUT
from gpt2lab.zoo import load_toy
from gpt2lab.zoo.held_out import AUSTEN


def test_each_paragraph_fits_into_the_context():
    toy = load_toy("english")
    counts = [len(toy.encoding.encode_ordinary(paragraph)) for paragraph in AUSTEN]
    assert len(AUSTEN) == len(set(AUSTEN)) == 12
    assert min(counts) >= 84 and max(counts) <= toy.model.config.context_length
    assert all(paragraph.isascii() and "  " not in paragraph for paragraph in AUSTEN)


def test_text_and_split_are_those_the_paragraphs_were_taken_from():
    """Another text or another split may train on them: then take others from its held-out part."""
    text = load_toy("english").provenance["text"]
    assert text["sha256"] == "3a4b9d9c2aa575b97119f725bdd6eeda50058230857d25057df6cfb57b1718b1"
    assert HELD_OUT == 0.05 and text["join_lines"] and len(text["titles"]) == 6


def test_they_surprise_the_model_as_the_held_out_text_does():
    toy, losses = load_toy("english"), []
    for paragraph in AUSTEN:
        ids = torch.tensor(toy.encoding.encode_ordinary(paragraph))
        with torch.no_grad():
            losses.append(F.cross_entropy(toy.model.eval()(ids[None])[0, :-1], ids[1:]).item())
    trained = toy.provenance["curve"]["evaluations"][-1]["train_loss"]
    mean = sum(losses) / len(losses)
    assert abs(mean - toy.provenance["scores"]["loss"]) < mean - trained  # nearer to held out than to trained
