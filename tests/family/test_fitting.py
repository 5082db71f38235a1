"""The baseline by hand, and the loop that fits a classifier."""

import math

import pytest
import torch
from torch.testing import assert_close

from gpt2lab.ablations import build, scale_init
from gpt2lab.config import GPT2Config
from gpt2lab.family.classifier import GPT2Classifier
from gpt2lab.family.fitting import fit, predicted
from gpt2lab.family.naive_bayes import NaiveBayes, check_examples


def test_naive_bayes_by_hand():
    """Three words in the vocabulary; class 0 has three words, class 1 one."""
    bayes = NaiveBayes.fit([["good", "good", "room"], ["bad"]], [0, 1], 2)
    half, word = math.log(0.5), list(bayes.vocabulary)
    assert word == ["bad", "good", "room"]
    expected = torch.tensor([[1 / 6, 3 / 6, 2 / 6], [2 / 4, 1 / 4, 1 / 4]], dtype=torch.float64)
    assert_close(bayes.log_likelihood.exp(), expected)
    assert_close(bayes.log_likelihood.exp().sum(1), torch.ones(2, dtype=torch.float64))
    scores = bayes.log_scores(["good", "bad", "unknown"])
    hand = [half + math.log(3 / 6 * 1 / 6), half + math.log(1 / 4 * 2 / 4)]
    assert_close(scores, torch.tensor(hand, dtype=torch.float64))
    assert bayes.predict([["good"], ["bad"]]).tolist() == [0, 1]


def test_naive_bayes_is_scikit_learns():
    from sklearn.naive_bayes import MultinomialNB

    rng = torch.Generator().manual_seed(0)
    texts = [[f"w{i:02}" for i in torch.randint(12, (8,), generator=rng).tolist()] for _ in range(30)]
    classes = [i % 3 for i in range(30)]
    bayes = NaiveBayes.fit(texts, classes, 3)
    counts = [[text.count(word) for word in bayes.vocabulary] for text in texts]
    theirs = MultinomialNB(alpha=1.0).fit(counts, classes)
    ours = torch.stack([bayes.log_scores(text) for text in texts])
    assert_close(ours, torch.tensor(theirs.predict_joint_log_proba(counts)), atol=1e-10, rtol=0)


def test_the_order_of_words_plays_no_part():
    bayes = NaiveBayes.fit([["a", "b"], ["b", "c"]], [0, 1], 2)
    assert_close(bayes.log_scores(["a", "b", "c"]), bayes.log_scores(["c", "b", "a"]))


def first_or_last(n: int = 64) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Class 1 if the first real token is 1; padding on the right, full of ones."""
    rng = torch.Generator().manual_seed(0)
    tokens = torch.randint(2, 9, (n, 6), generator=rng)
    classes = torch.arange(n) % 2
    tokens[:, 0] = 2 - classes
    mask = torch.arange(6) < torch.randint(2, 7, (n, 1), generator=rng)
    return tokens.masked_fill(~mask, 1), mask, classes


def test_a_classifier_learns_and_is_repeatable():
    tokens, mask, classes = first_or_last()
    outcome = []
    for _ in range(2):
        gpt2 = scale_init(build("gpt2", GPT2Config.tiny(vocab_size=10, context_length=8, dropout=0.1)))
        torch.manual_seed(0)
        model = GPT2Classifier(gpt2, 2)
        state = torch.get_rng_state()
        losses = fit(model, tokens, mask, classes, learning_rate=3e-3, steps=40, batch_size=16)
        assert torch.equal(torch.get_rng_state(), state) and not model.training
        outcome.append(losses)
    assert outcome[0] == outcome[1] and len(losses) == 40
    assert abs(losses[0] - math.log(2)) < 0.2 and sum(losses[-5:]) / 5 < 0.2
    right = (predicted(model, tokens, mask, rows=7) == classes).float().mean()
    assert right > 0.95
    assert_close(predicted(model, tokens, mask, rows=7), predicted(model, tokens, mask))


@pytest.mark.parametrize(
    ("classes", "n", "n_classes", "message"),
    [
        ([0, 0, 2], 3, 3, "class 1 has no example: a classifier cannot learn it"),
        ([0, 0], 2, 1, "n_classes must be a whole number of at least 2, got 1"),
        ([0, 1], 3, 2, "one class per example and at least one example, got 2 for 3"),
        ([], 0, 2, "one class per example and at least one example, got 0 for 0"),
        ([0, 2], 2, 2, r"classes must lie in \[0, 2\), got 2"),
        ([0, 0.5], 2, 2, "a class must be a whole number"),
    ],
)
def test_bad_classes_are_refused(classes, n, n_classes, message):
    with pytest.raises(ValueError, match=message):
        check_examples(classes, n, n_classes)
    with pytest.raises(ValueError, match=message):
        NaiveBayes.fit([["word"]] * n, classes, n_classes)


def test_bad_texts_and_settings_are_refused():
    for empty in ([], "text"):
        with pytest.raises(ValueError, match="each text must be a sequence of at least one word, got .* as text 1"):
            NaiveBayes.fit([["a"], empty], [0, 1], 2)
    tokens, mask, classes = first_or_last(4)
    model = GPT2Classifier(build("gpt2", GPT2Config.tiny(vocab_size=10)), 2)
    with pytest.raises(ValueError, match="class 1 has no example"):
        fit(model, tokens, mask, torch.zeros(4, dtype=torch.long), learning_rate=1e-3, steps=1)
    with pytest.raises(ValueError, match="learning_rate must be a positive number, got 0"):
        fit(model, tokens, mask, classes, learning_rate=0, steps=1)
    with pytest.raises(ValueError, match="steps must be a whole number of at least 1, got 0"):
        fit(model, tokens, mask, classes, learning_rate=1e-3, steps=0)
