r"""Naive Bayes on a bag of words: the baseline that every text classifier has to beat.

    log p(class | text) = const + log p(class) + sum over the words w of the text of  log p(w | class)
    p(w | class)        = (count of w in the class + 1) / (words in the class + words in the vocabulary)

The order of the words plays no part, so "not good but lovely" and "good but not lovely" are one text. The 1
keeps a word that a class has never had from ruling it out (Laplace's rule).

Source: McCallum and Nigam 1998, "A Comparison of Event Models for Naive Bayes Text Classification", the
multinomial model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gpt2lab.errors import InputError, validates, whole_number


@dataclass(frozen=True)
class NaiveBayes:
    """The two tables of the equation."""

    vocabulary: dict[str, int]
    log_prior: Tensor  # (n_classes,), log p(class)
    log_likelihood: Tensor  # (n_classes, n_words), log p(w | class)

    @classmethod
    @validates
    def fit(cls, texts: Sequence[Sequence[str]], classes: Sequence[int], n_classes: int) -> NaiveBayes:
        """Count.

        Parameters
        ----------
        texts : sequence of sequences of str
            Each text as its words.
        classes : sequence of int
            The class of each text, from 0.
        n_classes : int
            At least 2.

        Raises
        ------
        ValueError
            If texts and classes differ in number, a text has no words, or a class has no example.
        """
        check_examples(classes, len(texts), n_classes)
        if empty := [i for i, text in enumerate(texts) if isinstance(text, str) or not len(text)]:
            raise InputError(
                f"each text must be a sequence of at least one word, got {texts[empty[0]]!r} as text {empty[0]}"
            )
        vocabulary = {word: i for i, word in enumerate(sorted({word for text in texts for word in text}))}
        counts = torch.ones(n_classes, len(vocabulary), dtype=torch.float64)  # the 1 of Laplace's rule
        for text, label in zip(texts, classes, strict=True):
            for word, n in Counter(text).items():
                counts[label, vocabulary[word]] += n
        prior = torch.bincount(torch.as_tensor(classes), minlength=n_classes).double() / len(texts)  # (n_classes,)
        return cls(vocabulary, prior.log(), (counts / counts.sum(dim=1, keepdim=True)).log())

    def log_scores(self, text: Sequence[str]) -> Tensor:
        """The right side of the first equation without the constant: (n_classes,). Unknown words are left out."""
        known = [self.vocabulary[word] for word in text if word in self.vocabulary]
        return self.log_prior + self.log_likelihood[:, known].sum(dim=1)

    def predict(self, texts: Sequence[Sequence[str]]) -> Tensor:
        """The likeliest class of each text: (n,)."""
        return torch.tensor([int(self.log_scores(text).argmax()) for text in texts])


@validates
def check_examples(classes: Sequence[int] | Tensor, n: int, n_classes: int) -> None:
    """Refuse classes that do not fit n examples, and a class that has none of them.

    Raises
    ------
    InputError
        Naming the class.
    """
    k = whole_number("n_classes", n_classes, 2)
    given = classes.tolist() if isinstance(classes, Tensor) else list(classes)
    if len(given) != n or n == 0:
        raise InputError(f"there must be one class per example and at least one example, got {len(given)} for {n}")
    for one in given:
        if whole_number("a class", one) >= k:
            raise InputError(f"classes must lie in [0, {k}), got {one}")
    if missing := sorted(set(range(k)) - set(given)):
        raise InputError(f"class {missing[0]} has no example: a classifier cannot learn it")
