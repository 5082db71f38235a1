"""Metrics: F1, pairs in order, clipped precision."""

import math
from collections import Counter

import numpy as np
import torch
from teeth import bite

from gpt2lab.tasks.metrics import clipped_matches, roc_auc


def harmonic(tp, fp, fn):
    if tp == 0:
        return 0.0
    precision, recall = tp / (tp + fp), tp / (tp + fn)
    return 2 / (1 / precision + 1 / recall)


def loops(positive, negative):
    won = 0
    for p in positive:
        for n in negative:
            won += 1 if p > n else 0.5 if p == n else 0
    return won / (len(positive) * len(negative))


def signs(positive, negative):
    return ((torch.sign(positive[:, None] - negative[None]) + 1) / 2).mean()


def area(positive, negative):
    truth = [1] * len(positive) + [0] * len(negative)
    return roc_auc(truth, torch.cat([positive, negative]))


def grams(words, n):
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]


def strike_out(candidate, reference, n):
    left, hits = grams(reference, n), 0
    for gram in grams(candidate, n):
        if gram in left:
            left.remove(gram)
            hits += 1
    return hits / len(grams(candidate, n))


def counters(candidate, reference, n):
    c, r = Counter(grams(candidate, n)), Counter(grams(reference, n))
    return sum(min(c[g], r[g]) for g in c) / sum(c.values())


def library(candidate, reference, n):
    hits, total = clipped_matches(candidate, [reference], n)
    return np.float64(hits / total)


def unclipped(candidate, reference, n):
    return sum(g in grams(reference, n) for g in grams(candidate, n)) / len(grams(candidate, n))


RIGHT = {
    "f1": [
        lambda tp, fp, fn: 2 * tp / (2 * tp + fp + fn),
        harmonic,
        lambda a, b, c: torch.tensor(a / (a + (b + c) / 2)),
    ],
    "pairs_won": [loops, signs, area],
    "clipped_precision": [strike_out, counters, library],
}
WRONG = {
    "f1": [
        (lambda tp, fp, fn: (tp / (tp + fp) + tp / (tp + fn)) / 2, "plain mean"),
        (lambda tp, fp, fn: tp / (tp + fp), "That is the precision"),
        (lambda tp, fp, fn: tp / (tp + fn), "That is the recall"),
        (lambda tp, fp, fn: tp / (tp + fp + fn), "Jaccard"),
        (lambda tp, fp, fn: (tp / (tp + fp) * tp / (tp + fn)) ** 0.5, "geometric"),
        (lambda tp, fp, fn: tp / (2 * tp + fp + fn), "Half of F1"),
        (lambda tp, fp, fn: 2 / ((tp + fp) / tp + (tp + fn) / tp), "divides by zero"),
        (lambda tp, fp, fn: 2 * tp / (2 * tp + fp + fn) if tp else 1.0, "Without a single hit F1 is 0; got 1"),
        (lambda tp, fp, fn: tp / (tp + fp) * tp / (tp + fn), "precision times recall"),
        (lambda tp, fp, fn: 2 * tp / (tp + fp + fn), "once below it"),
        (lambda tp, fp, fn: 200 * tp / (2 * tp + fp + fn), "In percent"),
        (lambda tp, fp, fn: 0.953, "Not right for tp=30, fp=10, fn=50"),
    ],
    "pairs_won": [
        (lambda p, n: loops(n, p), "The order is turned"),
        (lambda p, n: (p[:, None] > n).sum(), "number of pairs won"),
        (lambda p, n: float(p.mean() > n.mean()), "means of the two groups"),
        (lambda p, n: p.mean() - n.mean(), "difference of the means"),
        (lambda p, n: (p[:3] > n).double().mean(), "first with first"),
        (lambda p, n: (p[:, None] > n).double().mean(), "not as lost"),
        (lambda p, n: (p[:, None] >= n).double().mean(), "not as won"),
        (lambda p, n: ((p > 2).sum() + (n <= 2).sum()) / 7, "accuracy at the middle score"),
        (lambda p, n: (p[:, None] - n).sign().mean(), "counts -1"),
        (lambda p, n: (p[:, None] > n).sum() / len(p), "one group only"),
        (lambda p, n: (p[:, None] > n).sum() / (len(p) + len(n)), "number of scores"),
        (lambda p, n: (p[:, None] - n).sigmoid().mean(), "won or lost"),
        (lambda p, n: 0.5, "of 12 pairs are in order"),
    ],
    "clipped_precision": [
        (unclipped, "Nothing is clipped"),
        (lambda c, r, n: clipped_matches(c, [r], n)[0] / len(grams(r, n)), "a recall"),
        (lambda c, r, n: len({*grams(c, n)} & {*grams(r, n)}) / len({*grams(c, n)}), "each once"),
        (lambda c, r, n: clipped_matches(c, [r], n)[0] / len(c), "T - n + 1 n-grams"),
        (lambda c, r, n: clipped_matches(c, [r], 1)[0] / len(c), "n words in a row"),
        (lambda c, r, n: sum(a == b for a, b in zip(grams(c, n), grams(r, n), strict=False)) / len(grams(c, n)), "place by place"),
        (lambda c, r, n: len({*grams(c, n)} & {*grams(r, n)}) / len(grams(c, n)), "once above the line"),
        (lambda c, r, n: clipped_matches(c[:-1], [r[:-1]], n)[0] / (len(c) - n), "The last n-gram is missing"),
        (lambda c, r, n: math.prod((m := clipped_matches(c, [r], k))[0] / m[1] for k in range(1, n + 1)) ** (1 / n), "next step of BLEU"),
        (lambda c, r, n: 0.1, "n-grams are matched"),
        (lambda c, r, n: [1.0], "number"),
    ],
}  # fmt: skip
test_accepts, test_refuses, test_messages_differ = bite(RIGHT, WRONG)
