r"""Counting right and wrong answers of a classifier.

    precision = TP / (TP + FP)      of what was called positive, how much is
    recall    = TP / (TP + FN)      of what is positive, how much was called so
    F1        = 2 precision recall / (precision + recall) = 2 TP / (2 TP + FP + FN)

TP, FP and FN are true positives, false positives and false negatives of one class. A quotient without a
denominator is not 0 and not 1; these functions say so instead of choosing one.

Source: van Rijsbergen 1979, "Information Retrieval", chapter 7, for F (1 minus his effectiveness measure).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gpt2lab.errors import InputError, validates, whole_number

Classes = Tensor | Sequence[int]


@validates
def confusion_matrix(truth: Classes, predicted: Classes, n_classes: int | None = None) -> Tensor:
    """How often each class was called what: rows are the truth, columns the prediction.

    Parameters
    ----------
    truth, predicted : (n,)
        Class numbers from 0.
    n_classes : int, optional
        Rows and columns; without it, as many as the largest number needs.

    Returns
    -------
    Tensor
        (n_classes, n_classes), long.

    Raises
    ------
    InputError
        If there are no cases, the two differ in length, or something is not a class number.
    """
    true, called = _classes("truth", truth), _classes("predicted", predicted)
    if len(true) != len(called):
        raise InputError(f"truth and predicted must have one entry per case, got {len(true)} and {len(called)}")
    largest = int(torch.maximum(true, called).max())
    n = largest + 1 if n_classes is None else whole_number("n_classes", n_classes, 1)
    if largest >= n:
        raise InputError(f"classes must lie in [0, {n}), got {largest}")
    return torch.bincount(true * n + called, minlength=n * n).view(n, n)


@validates
def accuracy(truth: Classes, predicted: Classes) -> float:
    """The share of right answers, over all classes."""
    counts = confusion_matrix(truth, predicted)
    return float(counts.diagonal().sum() / counts.sum())


@validates
def precision(truth: Classes, predicted: Classes, positive: int = 1) -> float:
    """Of the cases called ``positive``, the share that is.

    Raises
    ------
    InputError
        If nothing was called positive: there is nothing to be precise about.
    """
    hits, called, _ = _counts(truth, predicted, positive)
    if not called:
        raise InputError(f"precision is undefined: no case was predicted as class {positive}")
    return hits / called


@validates
def recall(truth: Classes, predicted: Classes, positive: int = 1) -> float:
    """Of the cases that are ``positive``, the share that was called so.

    Raises
    ------
    InputError
        If no case is positive.
    """
    hits, _, there = _counts(truth, predicted, positive)
    if not there:
        raise InputError(f"recall is undefined: no case belongs to class {positive}")
    return hits / there


@validates
def f1(truth: Classes, predicted: Classes, positive: int = 1) -> float:
    """The harmonic mean of precision and recall.

    Raises
    ------
    InputError
        If no case is positive and none was called so.
    """
    hits, called, there = _counts(truth, predicted, positive)
    if not called + there:
        raise InputError(f"F1 is undefined: no case belongs to class {positive}, and none was predicted as it")
    return 2 * hits / (called + there)  # TP + FP are the called, TP + FN the positive


@validates
def _counts(truth: Classes, predicted: Classes, positive: int) -> tuple[int, int, int]:
    """True positives, cases called positive, cases that are."""
    positive = whole_number("positive", positive)
    counts = confusion_matrix(truth, predicted)
    if positive >= len(counts):
        return 0, 0, 0
    return int(counts[positive, positive]), int(counts[:, positive].sum()), int(counts[positive].sum())


def _classes(name: str, values: object) -> Tensor:
    """Class numbers as a tensor (n,), long."""
    try:
        tensor = torch.as_tensor(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{name} must be a list or a tensor of class numbers ({error})") from error
    if tensor.ndim != 1:
        raise InputError(f"{name} must have one entry per case, shape (n,), got shape {tuple(tensor.shape)}")
    if not len(tensor):
        raise InputError(f"{name} is empty: there is nothing to measure")
    if tensor.is_floating_point() or tensor.is_complex():
        raise InputError(f"{name} must be class numbers, got {tensor.dtype}: choose the class first, as with argmax")
    tensor = tensor.to("cpu", torch.long)
    if tensor.min() < 0:
        raise InputError(f"{name}: class numbers start at 0, got {int(tensor.min())}")
    return tensor
